/** `netloom demo`: builds a small cloud, runs the main job on it with the real service, shows each step, takes all away. */
import { runRealDemo } from './real.ts'
import { DemoReport } from './report.ts'
import { runSimulatedDemo } from './simulated.ts'

export interface DemoOptions {
  /** Leave it up and say how to look around. */
  readonly keep: boolean
  readonly json: boolean
}

/** @returns the exit status: 1 when a check failed */
export async function runDemo({ keep, json }: DemoOptions): Promise<number> {
  const say = json ? () => {} : (line: string) => process.stdout.write(`${line}\n`)
  const report = new DemoReport(say)
  const root = process.getuid?.() === 0
  if (root) {
    await runRealDemo({ report, say, keep })
  } else {
    say('not root: the same steps on the simulated host (host_driver = noop); as root they run for real')
    await runSimulatedDemo({ report, say })
  }
  if (json)
    process.stdout.write(`${JSON.stringify({ simulated: !root, failed: report.failed, steps: report.results })}\n`)
  else say(report.totals())
  return report.failed === 0 ? 0 : 1
}
