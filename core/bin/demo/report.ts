/** What the demo prints: each step with its time and what was checked, and one line of totals. */
import type { Output } from '../output.ts'

export interface StepResult {
  readonly step: string
  readonly ok: boolean
  readonly milliseconds: number
  /** What was seen, or what failed. */
  readonly detail: string
  /** What a real host would have been told, for people; of a real one, nothing. */
  readonly would_run: readonly string[]
}

/** Where details begin, below the name of the step. */
const MARGIN = ' '.repeat(14)

export class DemoReport {
  readonly results: StepResult[] = []
  readonly #output: Output
  readonly #began = performance.now()
  #wouldRun: () => readonly string[] = () => []

  constructor(output: Output) {
    this.#output = output
  }

  /** @param take gives what would have been run since it was last asked */
  showCommands(take: () => readonly string[]): void {
    this.#wouldRun = take
  }

  /** Runs a step; one that throws has failed, and the next still runs. `work` returns what was seen. */
  async step(step: string, work: () => Promise<string>): Promise<boolean> {
    const began = performance.now()
    const [ok, detail] = await work().then(
      (seen) => [true, seen] as const,
      (error: unknown) => [false, error instanceof Error ? error.message : String(error)] as const,
    )
    const milliseconds = Math.round(performance.now() - began)
    const wouldRun = this.#wouldRun()
    this.results.push({ step, ok, milliseconds, detail, would_run: wouldRun })
    this.#output.line(`${ok ? 'ok  ' : 'FAIL'} ${String(milliseconds).padStart(5)} ms  ${step}: ${detail}`)
    for (const line of wouldRun) this.#output.line(`${MARGIN}${line}`)
    return ok
  }

  get failed(): number {
    return this.results.filter((result) => !result.ok).length
  }

  totals(): string {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1)
    return `${this.results.length - this.failed} passed, ${this.failed} failed, ${seconds} s`
  }
}

/** @throws {Error} saying what was expected */
export function expect(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise)
}
