/** Empties the spool of lease events: in order, one at a time, each removed only after it had its effect. */
import type { LeaseEvent, LeaseSpool, Logger } from '../contracts/ports.ts'

export class LeaseEvents {
  readonly #spool: LeaseSpool
  readonly #logger: Logger
  readonly #handle: (event: LeaseEvent) => Promise<void>
  #draining: Promise<void> | null = null
  #again = false
  #watcher: { close(): void } | null = null

  constructor(spool: LeaseSpool, logger: Logger, handle: (event: LeaseEvent) => Promise<void>) {
    this.#spool = spool
    this.#logger = logger
    this.#handle = handle
  }

  /** Returns when every event that was there at the call has had its effect, or waits for a store that is away. */
  drain(): Promise<void> {
    this.#again = true
    this.#draining ??= this.#drainAll().finally(() => {
      this.#draining = null
    })
    return this.#draining
  }

  watch(): void {
    this.#watcher ??= this.#spool.watch(() => void this.drain())
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = null
  }

  async #drainAll(): Promise<void> {
    while (this.#again) {
      this.#again = false
      try {
        for (const event of await this.#spool.read()) {
          await this.#handle(event)
          await this.#spool.done(event)
        }
      } catch (error) {
        // The event stays in the spool; the next arrival or the periodic task takes it up again.
        this.#logger.error('lease events wait', { error })
        return
      }
    }
  }
}
