import type { Command } from 'commander'
import { withExample } from '../arguments.ts'
import { printReport } from '../plan-lines.ts'
import type { Run } from '../session.ts'

/** `netloom reconcile` */
export function declare(reconcile: Command, run: Run): void {
  reconcile.action(() =>
    run(async ({ client, output }) => {
      const { api, host } = await client()
      const report = await api.reconcile(host)
      printReport(report, output)
      for (const { owner, message } of report.failures) output.failure(`${owner}: ${message}`)
      return report.failures.length > 0 ? 1 : 0
    }),
  )
  withExample(reconcile, 'netloom reconcile')
}
