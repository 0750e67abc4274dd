import type { Command } from 'commander'
import type { NetworkRow } from '../../model/rows.ts'
import { wholeNumber, withExample } from '../arguments.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'

const columns: Columns<NetworkRow> = {
  project: (row) => row.project_id,
  network: (row) => row.label,
  vlan: (row) => row.vlan,
  public_address: (row) => row.vpn_public_address,
  port: (row) => row.vpn_public_port,
  private_address: (row) => row.vpn_private_address,
  host: (row) => row.host,
}

/** `netloom vpn ...` */
export function declare(vpn: Command, run: Run): void {
  withExample(
    vpn
      .command('list')
      .description('where the VPN servers of networks are reached; without a public address, at the vpn_ip of the host')
      .action(() =>
        run(async ({ client, output }) => {
          const networks = await (await client()).api.getAllNetworks()
          const rows = networks.filter((network) => network.vpn_private_address !== null)
          output.list(rows, columns, 'no network has a place for a VPN server')
        }),
      ),
    'netloom vpn list',
  )
  withExample(
    vpn
      .command('change')
      .description('say where the VPN server of a project is reached; a project without a network gets one')
      .argument('<project>')
      .option('--ip <address>', 'public address; default: the vpn_ip of the host that serves the network')
      .requiredOption('--port <port>', 'UDP port; further networks of the project get the ports after it', wholeNumber)
      .action((project: string, { ip, port }: { readonly ip?: string; readonly port: number }) =>
        run(async ({ client, output }) => {
          const request = { project_id: project, address: ip ?? null, port }
          output.list(await (await client()).api.changeVpn(request), columns, `project ${project} has no VPN server`)
        }),
      ),
    'netloom vpn change acme --ip 203.0.113.9 --port 1000',
  )
}
