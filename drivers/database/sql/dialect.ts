/** What tables are written against, and what differs between engines. */
import type { NetloomError } from 'netloom/contracts'
import type { QueryRunner } from 'typeorm'

export type SqlValue = string | number | boolean | null
export type SqlRow = Readonly<Record<string, unknown>>

export interface SqlResult {
  /** What a query returned, booleans as 0 and 1; empty for a statement that returns nothing. */
  readonly rows: readonly SqlRow[]
  /** How many rows an INSERT, UPDATE or DELETE matched. */
  readonly affected: number
  /** The id of the row that an INSERT of one made, or what the statement gave to LAST_INSERT_ID() where there is such a thing. */
  readonly insertId: number
}

/** The statements of one transaction. */
export interface SqlSession {
  /** @param params the values of the `?` in the text, in their order */
  query(sql: string, params?: readonly SqlValue[]): Promise<SqlResult>
}

/** A condition, with the values of its `?`. */
export interface Condition {
  readonly text: string
  readonly params: readonly SqlValue[]
}

/** One UPDATE of at most one row of a table with an `id`, that also tells which row it was. */
export interface Claim {
  readonly table: string
  /** The index that leads straight to the row, for an engine that would rather sort a table while it is small. */
  readonly index?: string
  readonly set: string
  readonly where: string
  /** Which row when several match. */
  readonly order: string
  /** The values of `set`, then those of `where`. */
  readonly params: readonly SqlValue[]
}

/**
 * Why the engine refused a statement. `busy`: its transaction lost to another one and is gone. `away`: so is its
 * connection, or there was none. `subject` holds the names of the columns of a broken unique key.
 */
export type Refusal =
  | { readonly kind: 'busy' }
  | { readonly kind: 'away' }
  | { readonly kind: 'unique'; readonly subject: string }
  | { readonly kind: 'foreign-key' }
  | { readonly kind: 'other' }

/** The SQL of one engine where engines differ. All else is the same text everywhere. */
export interface Dialect {
  /** The statements that begin a transaction which no other can invalidate. */
  readonly beginWrite: readonly string[]
  /** The statements that begin a transaction which sees one state of the store. */
  readonly beginRead: readonly string[]
  /** Forgets the savepoint `work`; null where a new one of the same name takes its place anyway. */
  readonly releaseSavepoint: string | null
  /** Makes all others that run this statement wait until the transaction ends; null where all writers wait anyway. */
  readonly lockNetworks: string | null
  /** Lists the tables of the store, a row with `name` each. */
  readonly listTables: string
  /** Returns the store's own time as `ms`; null where that is the time of this machine. */
  readonly clock: string | null
  /** The column that tells which of two instances was made first. */
  readonly insertionOrder: string
  /** Conditions in the words that lead this engine to an index of its own. */
  readonly conditions: {
    readonly fixedIpFree: string
    /** Kept out of the pool, and held by nobody. */
    readonly fixedIpReserved: string
    /** By an instance, a lease or a host. */
    readonly fixedIpHeld: string
    /** Deallocated, and held until its lease ends. */
    readonly fixedIpWaiting: string
    readonly floatingIpFree: string
  }
  /** What makes an INSERT of one row keep the row that has the same key, and wait for who is about to make one. */
  keepExisting(key: string): string
  /** A SELECT whose rows stay as they are until the transaction ends. */
  forUpdate(select: string): string
  /** The condition that the column holds one of any number of values. */
  among(column: string, values: readonly (string | number)[]): Condition
  /** @returns the row as it is after the change, null when none matched */
  claim(session: SqlSession, claim: Claim): Promise<SqlRow | null>
  refusal(error: unknown): Refusal
}

/** An engine that is connected to one store. */
export interface Engine {
  /** Name of the `db_backend`. */
  readonly name: string
  /** Where the store is, for messages; without a password. */
  readonly store: string
  readonly dialect: Dialect
  /** How many write transactions of one process gain from running at the same time. */
  readonly lanes: number
  /** False for a store that the first `open` makes. */
  exists(): boolean
  /** Connects; done once however often it is called. @throws {ConfigInvalid} @throws {StoreUnavailable} */
  open(): Promise<void>
  /** Lends a connection on which nobody else is in a transaction, until `use` ends. */
  withRunner<T>(use: (runner: QueryRunner) => Promise<T>): Promise<T>
  /**
   * Ends the transaction of this connection. When it fails as `away`, nothing of it was done.
   * @throws {StoreUnavailable} when nobody can say whether it was done
   */
  commit(runner: QueryRunner, changed: boolean): Promise<void>
  /** Runs `change` while no other process changes the schema: all or nothing where the engine can. */
  changeSchema<T>(change: (runner: QueryRunner) => Promise<T>): Promise<T>
  /** @throws {ServiceAlreadyRunning} */
  claimHost(host: string, onLost: (error: NetloomError) => void): Promise<void>
  /** Waits for what runs. */
  close(): Promise<void>
}
