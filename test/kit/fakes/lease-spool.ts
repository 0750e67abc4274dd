import type { LeaseEvent, LeaseSpool } from 'netloom/contracts'

/** A spool in memory. What is put in while nobody watches waits, as files do. */
export class MemoryLeaseSpool implements LeaseSpool {
  readonly #events: LeaseEvent[] = []
  readonly #watchers = new Set<() => void>()
  readonly #waiting: (() => void)[] = []
  #count = 0

  /** Puts an event in and tells who watches. */
  push(action: LeaseEvent['action'], mac: string, address: string): void {
    this.#count += 1
    this.#events.push({ id: String(this.#count), action, mac, address })
    for (const watcher of this.#watchers) setImmediate(watcher)
  }

  async read(): Promise<readonly LeaseEvent[]> {
    return [...this.#events]
  }

  async done(event: LeaseEvent): Promise<void> {
    const index = this.#events.findIndex(({ id }) => id === event.id)
    if (index >= 0) this.#events.splice(index, 1)
    if (this.#events.length === 0) for (const resolve of this.#waiting.splice(0)) resolve()
  }

  watch(onArrival: () => void): { close(): void } {
    this.#watchers.add(onArrival)
    if (this.#events.length > 0) setImmediate(onArrival)
    return { close: () => void this.#watchers.delete(onArrival) }
  }

  /** Resolves when every event has had its effect. */
  emptied(): Promise<void> {
    return this.#events.length === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve))
  }
}
