import type { Command } from 'commander'
import type { HostSummary } from '../../contracts/network-operations.ts'
import { withExample } from '../arguments.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'

const columns: Columns<HostSummary> = {
  host: (row) => row.host,
  state: (row) => row.state,
  since: (row) => row.since,
  version: (row) => row.version,
  nodes: (row) => row.nodes.join(', '),
}

/** `netloom host list` */
export function declare(host: Command, run: Run): void {
  withExample(
    host
      .command('list')
      .description('controllers and hosts: up, busy or down, since when, and what they serve')
      .action(() =>
        run(async ({ client, output }) => {
          output.list(await (await client()).api.listHosts(), columns, 'no host has reported yet')
        }),
      ),
    'netloom host list',
  )
}
