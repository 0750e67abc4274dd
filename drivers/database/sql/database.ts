import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock, DatabaseDriver, NetworkStore } from 'netloom/contracts'
import type { QueryRunner } from 'typeorm'
import type { Engine } from './dialect.ts'
import { retryWhileBusy } from './retry.ts'
import { inspectSchema, makeSchema } from './schema.ts'
import { Session } from './session.ts'
import { openStore } from './store.ts'

const BUSY_LIMIT_MS = 30_000

/** The fact store on an SQL engine: transactions, retries and the schema; the tables are in `tables/`. */
export class SqlDatabase implements DatabaseDriver {
  /** Called with each statement of a transaction, so that a test can count them. */
  onStatement: ((sql: string) => void) | null = null

  readonly #engine: Engine
  readonly #clock: Clock
  readonly #busyLimitMs: number
  readonly #current = new AsyncLocalStorage<{ ended: boolean }>()

  /** @param busyLimitMs how long a transaction is tried again while others hold the store */
  constructor(engine: Engine, clock: Clock, busyLimitMs = BUSY_LIMIT_MS) {
    this.#engine = engine
    this.#clock = clock
    this.#busyLimitMs = busyLimitMs
  }

  async open(): Promise<void> {
    const { dialect } = this.#engine
    await this.#retry(() => this.#engine.open())
    try {
      const schema = await this.#locked(dialect.beginRead, (runner) => inspectSchema(runner, dialect))
      if (schema === 'empty') await this.#locked(dialect.beginWrite, makeSchema)
    } catch (error) {
      await this.#engine.close()
      throw error
    }
  }

  close(): Promise<void> {
    return this.#engine.close()
  }

  transaction<T>(work: (store: NetworkStore) => Promise<T>): Promise<T> {
    return this.#perform(this.#engine.dialect.beginWrite, false, work)
  }

  read<T>(work: (store: NetworkStore) => Promise<T>): Promise<T> {
    return this.#perform(this.#engine.dialect.beginRead, true, work)
  }

  async claimHost(host: string): Promise<void> {
    await this.#engine.claimHost(host)
  }

  #perform<T>(begin: string, readOnly: boolean, work: (store: NetworkStore) => Promise<T>): Promise<T> {
    return this.#locked(begin, async (runner) => {
      const { dialect } = this.#engine
      const session = new Session(runner, readOnly, this.onStatement)
      const now = () => new Date(this.#clock.nowMs()).toISOString()
      try {
        return await work(openStore({ session, dialect, now }))
      } finally {
        session.end()
      }
    })
  }

  /** Runs `work` in a transaction of its own, again and again while the store is busy. */
  async #locked<T>(begin: string, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    // It would wait for the outer one for ever.
    if (this.#current.getStore()?.ended === false) {
      throw new TypeError('a transaction of the fact store was begun inside another: use the store that is at hand')
    }
    return this.#retry(() =>
      this.#engine.withRunner(async (runner) => {
        const current = { ended: false }
        await runner.query(begin)
        try {
          const result = await this.#current.run(current, work, runner)
          await runner.query('COMMIT')
          return result
        } catch (error) {
          // An engine that is out of room has rolled back by itself, and has nothing left to roll back.
          await runner.query('ROLLBACK').catch(() => undefined)
          throw error
        } finally {
          current.ended = true
        }
      }),
    )
  }

  #retry<T>(attempt: () => Promise<T>): Promise<T> {
    const isBusy = (error: unknown) => this.#engine.dialect.refusal(error).kind === 'busy'
    return retryWhileBusy(attempt, isBusy, this.#busyLimitMs)
  }
}
