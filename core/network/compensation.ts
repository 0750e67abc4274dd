/** An undo stack: after each step that outlives a failure, its undo; on failure all run, the last one first. */
import type { Logger } from '../contracts/ports.ts'
import { runToTheEnd } from '../model/request-scope.ts'

export class Compensation {
  readonly #undos: { readonly what: string; run(): Promise<unknown> }[] = []

  push(what: string, run: () => Promise<unknown>): void {
    this.#undos.push({ what, run })
  }

  /** Runs every undo even when one fails; failures are logged, since the caller has the first error to report. */
  async undoAll(logger: Logger): Promise<void> {
    for (const { what, run } of this.#undos.splice(0).reverse()) {
      await runToTheEnd(run).catch((error: unknown) => logger.error('undo failed', { what, error }))
    }
  }
}
