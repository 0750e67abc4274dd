/** What the demo prints: each step with its time and what was checked, and one line of totals. */
export interface StepResult {
  readonly step: string
  readonly ok: boolean
  readonly milliseconds: number
  readonly detail: string
}

export class DemoReport {
  readonly results: StepResult[] = []
  readonly #print: (line: string) => void
  readonly #began = performance.now()

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  /** Runs a step; one that throws has failed, and the next still runs. `work` returns what was seen. */
  async step(step: string, work: () => Promise<string>): Promise<void> {
    const began = performance.now()
    const [ok, detail] = await work().then(
      (seen) => [true, seen] as const,
      (error: unknown) => [false, error instanceof Error ? error.message : String(error)] as const,
    )
    const milliseconds = Math.round(performance.now() - began)
    this.results.push({ step, ok, milliseconds, detail })
    this.#print(`${ok ? 'ok  ' : 'FAIL'} ${String(milliseconds).padStart(5)} ms  ${step}: ${detail}`)
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
