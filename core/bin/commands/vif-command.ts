import type { Command } from 'commander'
import { VirtualInterfaceNotFoundForMac } from '../../errors/address.ts'
import type { VirtualInterfaceDetail } from '../../model/rows.ts'
import { withExample } from '../arguments.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'

const columns: Columns<VirtualInterfaceDetail> = {
  mac: (row) => row.address,
  uuid: (row) => row.uuid,
  network: (row) => row.network_uuid,
  device: (row) => row.device,
  target: (row) => row.target,
}

/** `netloom vif list | show` */
export function declare(vif: Command, run: Run): void {
  withExample(
    vif
      .command('list')
      .description('the interfaces of an instance, in order')
      .argument('<instance>', 'UUID of the instance')
      .action((instance: string) =>
        run(async ({ client, output }) => {
          output.list(await (await client()).api.getVifsByInstance(instance), columns, 'it has no interface')
        }),
      ),
    'netloom vif list 1b4e28ba-2fa1-41d2-883f-0016d3cca427',
  )
  withExample(
    vif
      .command('show')
      .description('the interface that has a MAC address')
      .argument('<mac>')
      .action((mac: string) =>
        run(async ({ client, output }) => {
          const found = await (await client()).api.getVifByMacAddress(mac)
          if (found === null) throw new VirtualInterfaceNotFoundForMac({ mac })
          output.record(found)
        }),
      ),
    'netloom vif show fa:16:3e:02:4b:cb',
  )
}
