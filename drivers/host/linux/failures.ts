import type { Logger, OperationFailure } from 'netloom/contracts'

/** Who failed and why. The first failure of an owner counts; what comes after follows from it. */
export class Failures {
  readonly #messages = new Map<string, string>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** A failure on nobody's behalf is told to the log alone. @param reason a sentence, or anything thrown */
  add(owners: readonly string[], reason: unknown): void {
    const message = reason instanceof Error ? reason.message : String(reason)
    if (owners.length === 0) this.#logger.warn('an operation on the host failed', { error: reason })
    for (const owner of owners) if (!this.#messages.has(owner)) this.#messages.set(owner, message)
  }

  /** True when there is nobody left on whose behalf to go on. */
  coverAll(owners: readonly string[]): boolean {
    return owners.length > 0 && owners.every((owner) => this.#messages.has(owner))
  }

  list(): readonly OperationFailure[] {
    return [...this.#messages].map(([owner, message]) => ({ owner, message }))
  }
}
