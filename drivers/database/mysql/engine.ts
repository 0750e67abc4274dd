import mysql2 from 'mysql2'
import { type NetloomError, StoreBusy, StoreUnavailable } from 'netloom/contracts'
import { DataSource, type QueryRunner } from 'typeorm'
import type { Engine } from '../sql/dialect.ts'
import { entities } from '../sql/entities.ts'
import { hindranceOf, retry } from '../sql/retry.ts'
import { MIGRATIONS_TABLE, migrations } from '../sql/schema.ts'
import { silentLogger } from '../sql/silent-logger.ts'
import { CommitMarks, type Mark } from './commit-marks.ts'
import { connectionOptions, SESSION_SETTINGS, STATEMENT_LIMIT_MS } from './connection-options.ts'
import { driverErrorOf, mysqlDialect } from './dialect.ts'
import { refusedBy } from './failures.ts'
import { HostClaims } from './host-claims.ts'
import { lockName, type Query, takeLock } from './named-lock.ts'
import { describeTarget, type Target } from './target.ts'

/** How long one process waits for another one that changes the schema. */
const SCHEMA_WAIT_SECONDS = 10

const VERDICT_LIMIT_MS = 10_000

export interface MysqlEngineOptions {
  readonly poolSize: number
  /** How long it is tried to find out whether a commit happened. */
  readonly verdictLimitMs?: number
  /** A server that does not answer a statement for so long is away. Longer than any statement or lock wait takes. */
  readonly statementLimitMs?: number
}

/** The connection of mysql2 under a runner. */
interface Connection {
  destroy(): void
  on(event: 'error', listener: () => void): unknown
}

interface PoolOptions {
  readonly poolSize: number
  /** No limit when it is not given. */
  readonly statementLimitMs?: number
}

function dataSourceOf(target: Target, { poolSize, statementLimitMs }: PoolOptions): DataSource {
  const { user: username, enableKeepAlive, keepAliveInitialDelay, ...settings } = connectionOptions(target)
  return new DataSource({
    ...settings,
    ...(statementLimitMs && { maxQueryExecutionTime: statementLimitMs, enableQueryTimeout: true }),
    poolSize,
    type: 'mysql',
    driver: mysql2,
    username,
    bigNumberStrings: false,
    extra: { enableKeepAlive, keepAliveInitialDelay },
    entities,
    migrations,
    migrationsTableName: MIGRATIONS_TABLE,
    logger: silentLogger,
  })
}

/** One database on a server, and a pool of connections to it. */
export class MysqlEngine implements Engine {
  readonly name = 'mysql'
  readonly dialect = mysqlDialect
  /** Measured: see the README. */
  readonly lanes = 2
  readonly store: string
  readonly #target: Target
  readonly #dataSource: DataSource
  readonly #verdictLimitMs: number
  readonly #claims: HostClaims
  readonly #marks = new CommitMarks()
  readonly #prepared = new WeakSet<object>()
  readonly #lent = new Set<Promise<unknown>>()

  constructor(target: Target, options: MysqlEngineOptions) {
    const { poolSize, verdictLimitMs = VERDICT_LIMIT_MS, statementLimitMs = STATEMENT_LIMIT_MS } = options
    this.#target = target
    this.#verdictLimitMs = verdictLimitMs
    this.store = describeTarget(target)
    this.#claims = new HostClaims(target)
    this.#dataSource = dataSourceOf(target, { poolSize, statementLimitMs })
  }

  exists(): boolean {
    return true
  }

  async open(): Promise<void> {
    if (this.#dataSource.isInitialized) return
    try {
      await this.#dataSource.initialize()
    } catch (error) {
      throw refusedBy(error, this.#target) ?? error
    }
  }

  async withRunner<T>(use: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const work = this.#lend(use)
    const ended = work.catch(() => undefined)
    this.#lent.add(ended)
    try {
      return await work
    } finally {
      this.#lent.delete(ended)
    }
  }

  /** A transaction that changed nothing may be done again whatever became of it. */
  async commit(runner: QueryRunner, changed: boolean): Promise<void> {
    const connection: Connection = await runner.connect()
    const mark = changed ? await this.#marks.put(runner, connection) : null
    try {
      await runner.query('COMMIT')
    } catch (error) {
      if (mark === null || this.dialect.refusal(error).kind !== 'away') throw error
      connection.destroy()
      if (!(await this.#verdict(mark, error))) throw error
    }
  }

  /** On a connection of its own, which ends the lock with it: a change of a large table takes as long as it takes. */
  async changeSchema<T>(change: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const { database } = this.#target
    const source = await dataSourceOf(this.#target, { poolSize: 1 }).initialize()
    try {
      const runner = source.createQueryRunner()
      await this.#prepare(runner, await runner.connect())
      const query: Query = (sql, params) => runner.query(sql, [...params])
      if (!(await takeLock(query, lockName(database, 'schema'), SCHEMA_WAIT_SECONDS))) {
        throw new StoreBusy({ reason: `another process has been changing its schema for ${SCHEMA_WAIT_SECONDS} s` })
      }
      // For tables that are made from now on, in later migrations too.
      await runner.query(`ALTER DATABASE \`${database}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`)
      return await change(runner)
    } finally {
      await source.destroy()
    }
  }

  async claimHost(host: string, onLost: (error: NetloomError) => void): Promise<void> {
    await this.withRunner((runner) => this.#marks.tidy(runner))
    await this.#claims.claim(host, onLost)
  }

  async close(): Promise<void> {
    await Promise.all(this.#lent)
    await this.#claims.close()
    if (this.#dataSource.isInitialized) await this.#dataSource.destroy()
  }

  async #lend<T>(use: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const runner = this.#dataSource.createQueryRunner()
    let connection: Connection | null = null
    try {
      connection = (await runner.connect()) as Connection
      await this.#prepare(runner, connection)
      return await use(runner)
    } catch (error) {
      // Also one that is alive but silent: what is sent on it now would wait behind the statement that got no answer.
      if (this.dialect.refusal(error).kind === 'away') connection?.destroy()
      throw refusedBy(error, this.#target) ?? error
    } finally {
      await runner.release()
    }
  }

  async #prepare(runner: QueryRunner, connection: Connection): Promise<void> {
    if (this.#prepared.has(connection)) return
    // An event that nobody hears would end the process; the pool hears only the first.
    connection.on('error', () => undefined)
    for (const statement of SESSION_SETTINGS) await runner.query(statement)
    this.#prepared.add(connection)
  }

  /** Whether the transaction that lost its connection was committed. @throws {StoreUnavailable} when nobody can say */
  #verdict(mark: Mark, lost: unknown): Promise<boolean> {
    const reason =
      `its connection was lost during a commit (${driverErrorOf(lost).message}), which may or may not have happened: ` +
      'the same call may be repeated once it is back'
    return retry(() => this.#lend((runner) => this.#marks.isCommitted(runner, mark)), {
      since: performance.now(),
      limitsMs: { busy: this.#verdictLimitMs, away: this.#verdictLimitMs },
      hindrance: (error) => hindranceOf(this.dialect, error),
      giveUp: (_, error) => new StoreUnavailable({ store: this.store, reason }, { cause: error }),
    })
  }
}
