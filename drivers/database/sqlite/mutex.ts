import { setImmediate } from 'node:timers/promises'

/** Lets one at a time, in the order in which they came. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve()

  /** Waits for its turn, then runs `work`; the next turn begins when it has ended, however it ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work)
    // Work that never waits for I/O would keep timers and sockets waiting until the whole queue is done.
    const breathe = () => setImmediate()
    this.#tail = result.then(breathe, breathe)
    return result
  }
}
