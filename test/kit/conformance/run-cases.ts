/** Cases as data, and what runs them: a test framework, or nothing but Node. */

/** What a case works with: a new instance of the plugin for each. */
export interface Harness<T> {
  readonly instance: T
  /** Of a firewall driver: what its reading commands print where others have rules. */
  readonly foreign: readonly string[]
}

/** One thing that every plugin of a slot does. */
export interface ConformanceCase<T> {
  readonly name: string
  /** @throws when the plugin does not do it */
  run(harness: Harness<T>): void | Promise<void>
}

/** A case that a plugin does not keep, on purpose. */
export interface Deviation {
  /** The name of the case. */
  readonly case: string
  readonly reason: string
}

export interface CaseOutcome {
  readonly case: string
  readonly verdict: 'kept' | 'broken' | 'declared'
  /** Why it is broken, or declared not to be kept; empty otherwise. */
  readonly reason: string
}

/** Runs every case, also after one that is broken. @throws {TypeError} for a deviation from a case that there is not */
export async function runCases<T>(
  cases: readonly ConformanceCase<T>[],
  makeHarness: () => Promise<Harness<T>>,
  deviations: readonly Deviation[] = [],
): Promise<readonly CaseOutcome[]> {
  const unknown = deviations.find((deviation) => !cases.some(({ name }) => name === deviation.case))
  if (unknown) throw new TypeError(`there is no case ${JSON.stringify(unknown.case)} to deviate from`)
  const outcomes: CaseOutcome[] = []
  for (const { name, run } of cases) {
    const declared = deviations.find((deviation) => deviation.case === name)
    if (declared) outcomes.push({ case: name, verdict: 'declared', reason: declared.reason })
    else outcomes.push({ case: name, ...(await verdictOf(async () => run(await makeHarness()))) })
  }
  return outcomes
}

async function verdictOf(work: () => Promise<void>): Promise<Pick<CaseOutcome, 'verdict' | 'reason'>> {
  try {
    await work()
    return { verdict: 'kept', reason: '' }
  } catch (error) {
    return { verdict: 'broken', reason: error instanceof Error ? error.message : String(error) }
  }
}
