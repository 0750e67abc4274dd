import { AsyncLocalStorage } from 'node:async_hooks'
import {
  CallerGone,
  type Clock,
  type DatabaseDriver,
  type NetloomError,
  type NetworkStore,
  type SchemaStatus,
  StoreBusy,
  StoreUnavailable,
  timeLeftMs,
} from 'netloom/contracts'
import type { QueryRunner } from 'typeorm'
import type { Engine } from './dialect.ts'
import { GroupCommit } from './group-commit.ts'
import { type Hindrance, hindranceOf, retry } from './retry.ts'
import { emptySchema, inspectSchema, migrate, schemaMismatch } from './schema.ts'
import type { OnStatement, Session } from './session.ts'
import { openStore } from './store.ts'
import { readOnce, type SessionWork, writeGroup } from './transaction.ts'

/** How long a transaction is tried again. */
export type Patience = Readonly<Record<Hindrance, number>>

const PATIENCE_MS: Patience = { busy: 30_000, away: 10_000 }

/** The fact store on an SQL engine: transactions, retries and the schema; the tables are in `tables/`. */
export class SqlDatabase implements DatabaseDriver {
  /** Called with each statement of a transaction, so that a test can count them. */
  onStatement: OnStatement | null = null

  readonly #engine: Engine
  readonly #clock: Clock
  readonly #patienceMs: Patience
  readonly #writes: GroupCommit<Session>
  readonly #current = new AsyncLocalStorage<{ ended: boolean }>()

  constructor(engine: Engine, clock: Clock, patienceMs: Partial<Patience> = {}) {
    this.#engine = engine
    this.#clock = clock
    this.#patienceMs = { ...PATIENCE_MS, ...patienceMs }
    this.#writes = new GroupCommit(engine.lanes, (works, since) => this.#write(works, since))
  }

  async open(): Promise<void> {
    await this.#connect()
    try {
      if ((await this.#inspect()).state === 'current') return
      await this.#changeSchema('only an empty one')
    } catch (error) {
      await this.#engine.close()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#writes.drained()
    await this.#engine.close()
    // A storage that was used costs every promise of the process a little, until it is disabled.
    this.#current.disable()
  }

  transaction<T>(work: (store: NetworkStore) => Promise<T>): Promise<T> {
    return this.#alone(() =>
      this.#writes.run((session) => {
        if (timeLeftMs() === 0) throw new CallerGone({})
        return this.#lend(session, work)
      }),
    )
  }

  read<T>(work: (store: NetworkStore) => Promise<T>): Promise<T> {
    return this.#alone(() => this.#read((session) => this.#lend(session, work)))
  }

  async claimHost(host: string, onLost: (error: NetloomError) => void = () => undefined): Promise<void> {
    await this.#engine.claimHost(host, onLost)
  }

  async nowMs(): Promise<number> {
    const { clock } = this.#engine.dialect
    if (clock === null) return this.#clock.nowMs()
    const rows: { ms: unknown }[] = await this.#retry(() => this.#engine.withRunner((runner) => runner.query(clock)))
    return Number(rows[0]?.ms)
  }

  async schemaStatus(): Promise<SchemaStatus> {
    // To connect would make the file, for whoever looks.
    if (!this.#engine.exists()) return emptySchema(this.#engine.name)
    await this.#connect()
    return this.#inspect()
  }

  async upgradeSchema(): Promise<SchemaStatus> {
    await this.#connect()
    return this.#changeSchema('any that can be')
  }

  /** The first connection: a store that is away now will be noticed best now. */
  #connect(): Promise<void> {
    return this.#retry(() => this.#engine.open(), performance.now(), { ...this.#patienceMs, away: 0 })
  }

  #inspect(): Promise<SchemaStatus> {
    const { dialect, name } = this.#engine
    return this.#retry(() => this.#engine.withRunner((runner) => inspectSchema(runner, dialect, name)))
  }

  /** Looks again once nobody else can change it. @throws {SchemaMismatch} */
  #changeSchema(which: 'only an empty one' | 'any that can be'): Promise<SchemaStatus> {
    const { dialect, name } = this.#engine
    const mendable = which === 'only an empty one' ? ['empty'] : ['empty', 'older', 'partial']
    return this.#retry(() =>
      this.#engine.changeSchema(async (runner) => {
        const status = await inspectSchema(runner, dialect, name)
        if (status.state === 'current') return status
        if (!mendable.includes(status.state)) throw schemaMismatch(status)
        await migrate(runner)
        return inspectSchema(runner, dialect, name)
      }),
    )
  }

  /** Refuses a transaction inside another: it would wait for the outer one for ever. */
  async #alone<T>(run: () => Promise<T>): Promise<T> {
    if (this.#current.getStore()?.ended === false) {
      throw new TypeError('a transaction of the fact store was begun inside another: use the store that is at hand')
    }
    return run()
  }

  #write(works: readonly SessionWork[], since: number): Promise<readonly PromiseSettledResult<unknown>[]> {
    return this.#retry(() => this.#engine.withRunner((runner) => writeGroup(works, this.#options(runner))), since)
  }

  #read<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#retry(() => this.#engine.withRunner((runner) => readOnce(work, this.#options(runner))))
  }

  #options(runner: QueryRunner) {
    return { engine: this.#engine, runner, onStatement: this.onStatement }
  }

  async #lend<T>(session: Session, work: (store: NetworkStore) => Promise<T>): Promise<T> {
    const current = { ended: false }
    const now = () => new Date(this.#clock.nowMs()).toISOString()
    try {
      return await this.#current.run(current, work, openStore({ session, dialect: this.#engine.dialect, now }))
    } finally {
      current.ended = true
    }
  }

  #retry<T>(attempt: () => Promise<T>, since = performance.now(), limitsMs = this.#patienceMs): Promise<T> {
    return retry(attempt, {
      since,
      limitsMs,
      hindrance: (error) => hindranceOf(this.#engine.dialect, error),
      giveUp: (hindrance, error) => {
        const seconds = Math.round(limitsMs[hindrance] / 1000)
        if (hindrance === 'busy') {
          return new StoreBusy({ reason: `other processes held it for ${seconds} s` }, { cause: error })
        }
        const reason = `${(error as Error).message}; start it, or mend the flag sql_connection`
        return new StoreUnavailable({ store: this.#engine.store, reason }, { cause: error })
      },
    })
  }
}
