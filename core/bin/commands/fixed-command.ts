import type { Command } from 'commander'
import type { FixedIpSummary, FreeRange } from '../../contracts/network-operations.ts'
import { withExample } from '../arguments.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'
import { wrongUsage } from '../wrong-usage.ts'

const columns: Columns<FixedIpSummary> = {
  address: (row) => row.address,
  state: (row) => row.state,
  leased: (row) => row.leased,
  hostname: (row) => row.hostname,
  instance: (row) => row.instance_uuid,
  host: (row) => row.instance_host ?? row.host,
  network: (row) => row.network,
}

const freeColumns: Columns<FreeRange> = {
  first: (range) => range.first,
  last: (range) => range.last,
  addresses: (range) => range.addresses,
  network: (range) => range.network,
}

/** `netloom fixed ...` */
export function declare(fixed: Command, run: Run): void {
  declareList(fixed, run)
  withExample(
    fixed
      .command('show')
      .description('one address of a network: who holds it, its lease, and since when (updated_at)')
      .argument('<address>')
      .action((address: string) =>
        run(async ({ client, output }) => {
          output.record(await (await client()).api.getFixedIpByAddress(address))
        }),
      ),
    'netloom fixed show 10.0.0.5',
  )
  withExample(
    fixed
      .command('reserve')
      .description('keep addresses out of the pool of their network: all of them, or none when one is in use')
      .argument('<range>', 'an address, FIRST-LAST, or a block')
      .action((range: string) =>
        run(async ({ client, output }) => {
          const reserved = await (await client()).api.reserveFixedIps(range)
          output.done(reserved, `${reserved.addresses} fixed IPs reserved`)
        }),
      ),
    'netloom fixed reserve 10.0.0.5',
    'netloom fixed reserve 10.0.0.100-10.0.0.199',
    'netloom fixed reserve 10.128.0.0/9',
  )
  withExample(
    fixed
      .command('unreserve')
      .description("give reserved addresses back to the pool; the network's own stay reserved")
      .argument('<range>', 'an address, FIRST-LAST, or a block')
      .action((range: string) =>
        run(async ({ client, output }) => {
          const given = await (await client()).api.unreserveFixedIps(range)
          output.done(given, `${given.addresses} fixed IPs are in the pool again`)
        }),
      ),
    'netloom fixed unreserve 10.0.0.100-10.0.0.199',
  )
}

function declareList(fixed: Command, run: Run): void {
  withExample(
    fixed
      .command('list')
      .description('addresses that are used, or held until a lease ends; with --free those that are left, as ranges')
      .option('--network <uuid>', 'only of this network')
      .option('--host <host>', 'only of instances on this host, and its own')
      .option('--free', 'the free ones')
      .action(({ network, host, free }: { network?: string; host?: string; free?: boolean }) => {
        if (free && host !== undefined) {
          throw wrongUsage('netloom fixed list', 'free addresses are of no host: leave out --host or --free')
        }
        run(async ({ client, output }) => {
          const { api } = await client()
          if (free) output.list(await api.listFreeFixedIps(network), freeColumns, 'no address is free')
          else {
            const filter = { ...(network && { network_uuid: network }), ...(host && { host }) }
            output.list(await api.listFixedIps(filter), columns, 'no address is in use')
          }
        })
      }),
    'netloom fixed list --host node1',
    'netloom fixed list --free --network 6f1c1e9c-4e0e-4b0a-9d5b-2f1b6a1f0c11',
  )
}
