/** What tables are written against, and what differs between engines. */
import type { QueryRunner } from 'typeorm'

export type SqlValue = string | number | boolean | null
export type SqlRow = Readonly<Record<string, unknown>>

export interface SqlResult {
  /** What a query returned, booleans as 0 and 1; empty for a statement that returns nothing. */
  readonly rows: readonly SqlRow[]
  /** How many rows an INSERT, UPDATE or DELETE matched. */
  readonly affected: number
}

/** The statements of one transaction. */
export interface SqlSession {
  /** @param params the values of the `?` in the text, in their order */
  query(sql: string, params?: readonly SqlValue[]): Promise<SqlResult>
}

/** One UPDATE of at most one row of a table with an `id`, that also tells which row it was. */
export interface Claim {
  readonly table: string
  readonly set: string
  readonly where: string
  /** Which row when several match. */
  readonly order: string
  /** The values of `set`, then those of `where`. */
  readonly params: readonly SqlValue[]
}

/** Why the engine refused a statement. `subject` holds the names of the columns of a broken unique key. */
export type Refusal =
  | { readonly kind: 'busy' }
  | { readonly kind: 'unique'; readonly subject: string }
  | { readonly kind: 'foreign-key' }
  | { readonly kind: 'other' }

/** The SQL of one engine where engines differ. All else is the same text everywhere. */
export interface Dialect {
  /** Begins a transaction that no other can invalidate. */
  readonly beginWrite: string
  /** Begins a transaction that sees one state of the store. */
  readonly beginRead: string
  /** Lists the tables of the store, a row with `name` each. */
  readonly listTables: string
  /** The column that tells which of two rows came first in a table without a numeric key. */
  readonly insertionOrder: string
  /** The condition that the column holds an element of a JSON array, its one parameter: any number of them is one text. */
  among(column: string): string
  /** @returns the row as it is after the change, null when none matched */
  claim(session: SqlSession, claim: Claim): Promise<SqlRow | null>
  refusal(error: unknown): Refusal
}

/** An engine that is connected to one store. */
export interface Engine {
  readonly dialect: Dialect
  open(): Promise<void>
  /** Lends a connection on which nobody else is in a transaction, until `use` ends. */
  withRunner<T>(use: (runner: QueryRunner) => Promise<T>): Promise<T>
  /** @throws {ServiceAlreadyRunning} */
  claimHost(host: string): Promise<void>
  /** Waits for what runs. */
  close(): Promise<void>
}
