import type { Clock } from 'netloom/contracts'

/** A clock that stands still until it is moved. */
export class FakeClock implements Clock {
  #nowMs: number

  /** @param startMs milliseconds since 1970 */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  /** Moves it on. */
  advance(seconds: number): void {
    this.#nowMs += seconds * 1000
  }
}
