import type { Command } from 'commander'
import type { HostSummary } from '../../contracts/network-operations.ts'
import { withExample } from '../arguments.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'

const columns: Columns<HostSummary> = {
  host: (row) => row.host,
  state: (row) => row.state,
  version: (row) => row.version,
  started_at: (row) => row.started_at,
  reported_at: (row) => row.reported_at,
}

/** `netloom host list` */
export function declare(host: Command, run: Run): void {
  withExample(
    host
      .command('list')
      .description('network hosts, and whether they have reported lately')
      .action(() =>
        run(async ({ client, output }) => {
          output.list(await (await client()).api.listHosts(), columns, 'no host has reported yet')
        }),
      ),
    'netloom host list',
  )
}
