import type { Command } from 'commander'
import { withExample } from '../arguments.ts'
import { printReport } from '../plan-lines.ts'
import type { Run } from '../session.ts'

/** Exit status when the host is not as it should be. */
const CHANGES = 10

/** `netloom plan` */
export function declare(plan: Command, run: Run): void {
  plan.action(() =>
    run(async ({ client, output }) => {
      const { api, host } = await client()
      const report = await api.plan(host)
      printReport(report, output)
      return report.entries.length > 0 ? CHANGES : 0
    }),
  )
  withExample(plan, 'netloom plan; echo $?  # 10 when there is something to do')
}
