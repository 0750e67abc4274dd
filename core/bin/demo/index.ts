/** `netloom demo`: builds a small cloud, runs the main job on it with the real service, shows each step, takes all away. */
import type { Output } from '../output.ts'
import { howToLookAround, keptCloud } from './kept.ts'
import { runRealDemo } from './real.ts'
import { DemoReport } from './report.ts'
import { runSimulatedDemo } from './simulated.ts'

const PICTURE = `
  public side           network host: netloom serve               guests

  203.0.113.1 ------- eth0 203.0.113.11   br100 10.0.0.1 ---+--- guest1 10.0.0.2
                           203.0.113.65 <-> 10.0.0.2 (NAT)  \`--- guest2 10.0.0.3
`

/**
 * @param keep leave it standing and say how to look around; without root there is nothing to keep
 * @returns the exit status: 1 when a check failed
 */
export async function runDemo({ keep, output }: { readonly keep: boolean; readonly output: Output }): Promise<number> {
  const report = new DemoReport(output)
  const simulated = process.getuid?.() !== 0
  if (simulated) {
    output.words('Without root nothing is touched: these are the steps on a simulated host (host_driver = noop), each')
    output.words('with what would have been run. As root the demo builds a cloud in network namespaces and uses it.')
  }
  const kept = simulated ? await runSimulatedDemo(report).then(() => null) : await runRealDemo(report, output, keep)
  const { failed, results } = report
  for (const line of [...PICTURE.split('\n'), report.totals()]) output.line(line)
  for (const line of kept === null ? [] : ['', ...howToLookAround(kept)]) output.line(line)
  output.document({ simulated, failed, steps: results, kept: kept === null ? null : keptCloud(kept) })
  return failed === 0 ? 0 : 1
}
