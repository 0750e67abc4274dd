import { existsSync } from 'node:fs'
import type Database from 'better-sqlite3'
import { ConfigInvalid } from 'netloom/contracts'
import { DataSource, type QueryRunner } from 'typeorm'
import type { Engine } from '../sql/dialect.ts'
import { entities } from '../sql/entities.ts'
import { MIGRATIONS_TABLE, migrations } from '../sql/schema.ts'
import { silentLogger } from '../sql/silent-logger.ts'
import { sqliteDialect } from './dialect.ts'
import { MEMORY, makePrivateFile } from './file.ts'
import { HostLocks } from './host-lock.ts'
import type { Sqlite } from './library.ts'
import { Mutex } from './mutex.ts'

/** SQLite waits in the thread of the event loop, so it waits shortly; the rest of the patience is in the retries. */
const BUSY_TIMEOUT_MS = 100

/** One database file, one connection, one transaction at a time. */
export class SqliteEngine implements Engine {
  readonly name = 'sqlite'
  readonly dialect = sqliteDialect
  /** It has one writer at a time. */
  readonly lanes = 1
  readonly store: string
  readonly #database: string
  readonly #dataSource: DataSource
  readonly #locks: HostLocks
  readonly #turns = new Mutex()

  /** @param database absolute path of the file, or `:memory:` */
  constructor(sqlite: Sqlite, database: string) {
    this.#database = database
    this.store = database
    this.#locks = new HostLocks(sqlite, database)
    this.#dataSource = new DataSource({
      type: 'better-sqlite3',
      driver: sqlite,
      database,
      timeout: BUSY_TIMEOUT_MS,
      entities,
      migrations,
      migrationsTableName: MIGRATIONS_TABLE,
      logger: silentLogger,
      prepareDatabase: prepare,
    })
  }

  exists(): boolean {
    return this.#dataSource.isInitialized || existsSync(this.#database)
  }

  /** @throws {ConfigInvalid} when the file cannot be used as a database */
  async open(): Promise<void> {
    if (this.#dataSource.isInitialized) return
    try {
      if (this.#database !== MEMORY) makePrivateFile(this.#database)
      await this.#dataSource.initialize()
    } catch (error) {
      if (this.dialect.refusal(error).kind === 'busy') throw error
      throw unusable(this.#database, error as Error)
    }
  }

  withRunner<T>(use: (runner: QueryRunner) => Promise<T>): Promise<T> {
    // TypeORM has one runner for this engine: without turns, transactions that overlap would become one.
    return this.#turns.run(() => use(this.#dataSource.createQueryRunner()))
  }

  async commit(runner: QueryRunner): Promise<void> {
    await runner.query('COMMIT')
  }

  changeSchema<T>(change: (runner: QueryRunner) => Promise<T>): Promise<T> {
    return this.withRunner(async (runner) => {
      await runner.query('BEGIN IMMEDIATE')
      try {
        const result = await change(runner)
        await runner.query('COMMIT')
        return result
      } catch (error) {
        await runner.query('ROLLBACK').catch(() => undefined)
        throw error
      }
    })
  }

  /** The lock of a file on this machine is never lost. */
  async claimHost(host: string): Promise<void> {
    this.#locks.claim(host)
  }

  async close(): Promise<void> {
    await this.#turns.run(async () => {
      if (this.#dataSource.isInitialized) await this.#dataSource.destroy()
    })
    this.#locks.release()
  }
}

function prepare(connection: Database.Database): void {
  try {
    connection.pragma('journal_mode = WAL')
    // A commit that was answered survives a power failure.
    connection.pragma('synchronous = FULL')
  } catch (error) {
    connection.close()
    throw error
  }
}

function unusable(database: string, error: Error): Error {
  const message =
    `${database} cannot be used as a SQLite database (${error.message}): give a path that this user may write ` +
    'and that holds a database of netloom or nothing'
  return new ConfigInvalid(
    { problems: [{ level: 'error', flag: 'sql_connection', value: null, file: null, line: null, message }] },
    { cause: error },
  )
}
