/** How many outcomes one host keeps, and how many bytes of them. */
const MAX_OUTCOMES = 10_000
const MAX_BYTES = 64 * 1024 * 1024

/** How long a message may have been under way to us, in milliseconds. */
const TRANSIT_MS = 2000

interface Remembered {
  readonly begun: number
  readonly until: number
  readonly outcome: Promise<Buffer>
  /** The outcome, once it is there. */
  answer: Buffer | null
}

/**
 * What was begun under which message id, and how it ended, so that a message that comes twice has its effect once. It
 * forgets by age and when it holds too much, and knows since when it has forgotten nothing.
 */
export class Memory {
  readonly #entries = new Map<string, Remembered>()
  readonly #limits: { readonly outcomes: number; readonly bytes: number }
  #bytes = 0
  /** Since when nothing is missing, on the clock of `performance.now()`. */
  #complete = performance.now()

  constructor(limits: { readonly outcomes?: number; readonly bytes?: number } = {}) {
    this.#limits = { outcomes: MAX_OUTCOMES, bytes: MAX_BYTES, ...limits }
  }

  /** True when a message that was first sent so long ago may have been begun here without our knowing. */
  mayHaveForgotten(sentMsAgo: number): boolean {
    return performance.now() - sentMsAgo < this.#complete + TRANSIT_MS
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  /** The answer to a message that was begun here; null while it runs, undefined when it is not known. */
  answer(id: string): Buffer | null | undefined {
    return this.#entries.get(id)?.answer
  }

  /** Of a message that was not begun after all. */
  forget(id: string): void {
    this.#bytes -= this.#entries.get(id)?.answer?.length ?? 0
    this.#entries.delete(id)
  }

  /** The outcome of the message; begun only when it was not yet. It is kept for at least `keepMs`, within the limits. */
  once(id: string, keepMs: number, begin: () => Promise<Buffer>): Promise<Buffer> {
    const known = this.#entries.get(id)
    if (known !== undefined) return known.outcome
    const now = performance.now()
    const entry: Remembered = { begun: now, until: now + keepMs, outcome: begin(), answer: null }
    this.#entries.set(id, entry)
    this.#forget(now)
    void entry.outcome.then((answer) => {
      entry.answer = answer
      if (this.#entries.get(id) === entry) this.#bytes += answer.length
    })
    return entry.outcome
  }

  /** The oldest go first; those whose time is not over leave a gap behind. */
  #forget(now: number): void {
    for (const [id, { begun, until, answer }] of this.#entries) {
      const tooMuch = this.#entries.size > this.#limits.outcomes || this.#bytes > this.#limits.bytes
      if (until > now && !tooMuch) return
      if (until > now) this.#complete = Math.max(this.#complete, begun)
      this.#entries.delete(id)
      this.#bytes -= answer?.length ?? 0
    }
  }
}
