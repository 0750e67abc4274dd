import type { Command } from 'commander'
import type { Lease } from '../../contracts/network-operations.ts'
import { withExample } from '../arguments.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'

const columns: Columns<Lease> = {
  address: (row) => row.address,
  mac: (row) => row.mac,
  hostname: (row) => row.hostname,
  instance: (row) => row.instance_uuid,
  network: (row) => row.network,
  allocated: (row) => row.allocated,
}

/** `netloom lease list` */
export function declare(lease: Command, run: Run): void {
  withExample(
    lease
      .command('list')
      .description('addresses on lease; one that is not allocated waits for its lease to end')
      .argument('[network]', 'UUID of a network; default: all')
      .action((network: string | undefined) =>
        run(async ({ client, output }) => {
          output.list(await (await client()).api.getDhcpLeases(network), columns, 'nothing is on lease')
        }),
      ),
    'netloom lease list',
  )
}
