import type { PlanEntry, PlanReport } from '../contracts/network-operations.ts'
import type { Output } from './output.ts'

const SIGNS: Readonly<Record<PlanEntry['verb'], string>> = { add: '+', change: '~', remove: '-' }

/** Prints the differences, one line each, and says what must wait. */
export function printReport(report: PlanReport, output: Output): void {
  output.lines(
    report,
    report.entries.map(({ verb, text }) => `${SIGNS[verb]} ${text}`),
  )
  for (const { owner, text } of report.waiting) output.words(`waiting: ${owner}: ${text}`)
  if (report.entries.length === 0) output.words('nothing to do')
}
