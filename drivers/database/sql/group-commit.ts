import { AsyncLocalStorage } from 'node:async_hooks'

/** More would keep the first ones waiting, and hold locks, for longer than the commit costs. */
const LARGEST_GROUP = 32

/** What a caller wants done on a connection; how it ended is the value or the reason. */
export type Work<C> = (connection: C) => Promise<unknown>

/**
 * Does a group of works as one transaction. @param since when the oldest was asked for
 * @returns how each ended. @throws when none was done
 */
export type Perform<C> = (works: readonly Work<C>[], since: number) => Promise<readonly PromiseSettledResult<unknown>[]>

interface Waiting<C> {
  readonly work: Work<C>
  readonly since: number
  resolve(value: unknown): void
  reject(reason: unknown): void
}

/**
 * Gathers works that wait at the same time into groups, as waiting for a disk once is much cheaper than waiting for it
 * for each. One that comes alone does not wait for others.
 */
export class GroupCommit<C> {
  readonly #lanes: number
  readonly #perform: Perform<C>
  readonly #waiting: Waiting<C>[] = []
  readonly #running = new Set<Promise<void>>()

  /** @param lanes how many groups run at the same time */
  constructor(lanes: number, perform: Perform<C>) {
    this.#lanes = lanes
    this.#perform = perform
  }

  /** Runs the work in the async context of its caller. @returns its value, once it is committed */
  run<T>(work: (connection: C) => Promise<T>): Promise<T> {
    const inContext = AsyncLocalStorage.snapshot()
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        work: (connection) => inContext(work, connection),
        since: performance.now(),
        resolve: resolve as (value: unknown) => void,
        reject,
      })
      if (this.#running.size < this.#lanes) this.#start()
    })
  }

  /** Waits until nothing is left to do. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #start(): void {
    const lane = this.#drive().finally(() => this.#running.delete(lane))
    this.#running.add(lane)
  }

  async #drive(): Promise<void> {
    // Those who ask in the same turn of the event loop go together.
    await null
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, LARGEST_GROUP)
      try {
        const works = group.map(({ work }) => work)
        const outcomes = await this.#perform(works, group[0]!.since)
        for (const [index, outcome] of outcomes.entries()) {
          if (outcome.status === 'fulfilled') group[index]!.resolve(outcome.value)
          else group[index]!.reject(outcome.reason)
        }
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
  }
}
