import type { Command } from 'commander'
import type { CreateNetworksRequest, NetworkSummary } from '../../contracts/network-operations.ts'
import type { NetworkRow } from '../../model/rows.ts'
import { truth, wholeNumber, withExample } from '../arguments.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'

export const columns: Columns<NetworkRow> = {
  uuid: (row) => row.uuid,
  label: (row) => row.label,
  cidr: (row) => row.cidr,
  cidr_v6: (row) => row.cidr_v6,
  vlan: (row) => row.vlan,
  bridge: (row) => row.bridge,
  project: (row) => row.project_id,
  host: (row) => row.host,
}

const summaryColumns: Columns<NetworkSummary> = {
  ...columns,
  used: (row) => row.addresses.used,
  held: (row) => row.addresses.held,
  free: (row) => row.addresses.free,
}

/** What commander reads of `network create`, by the original's option names. */
interface CreateOptions extends Omit<CreateNetworksRequest, 'cidr' | 'cidr_v6'> {
  readonly fixed_range_v4?: string
  readonly fixed_range_v6?: string
  readonly vpn?: number
}

/** `netloom network ...` */
export function declare(network: Command, run: Run): void {
  declareCreate(network, run)
  withExample(
    network
      .command('list')
      .description('all networks, with how many of their addresses are used, held by a lease, and free')
      .action(() =>
        run(async ({ client, output }) => {
          output.list(await (await client()).api.getAllNetworks(), summaryColumns, 'no network is defined')
        }),
      ),
    'netloom network list',
  )
  withExample(
    network
      .command('show')
      .description('one network with all its columns')
      .argument('<uuid>')
      .action((uuid: string) =>
        run(async ({ client, output }) => {
          output.record(await (await client()).api.getNetwork(uuid))
        }),
      ),
    'netloom network show 6f1c1e9c-4e0e-4b0a-9d5b-2f1b6a1f0c11',
  )
  declareModify(network, run)
  withExample(
    network
      .command('add-project')
      .description('give a project one more network: this one, or the first that is free')
      .argument('<project>')
      .argument('[uuid]', 'the network')
      .action((project: string, uuid: string | undefined) =>
        run(async ({ client, output }) => {
          output.record(await (await client()).api.addNetworkToProject(project, uuid))
        }),
      ),
    'netloom network add-project acme',
    'netloom network add-project acme 6f1c1e9c-4e0e-4b0a-9d5b-2f1b6a1f0c11',
  )
  withExample(
    network
      .command('delete')
      .description('delete a network that no instance uses')
      .argument('<uuid>')
      .action((uuid: string) =>
        run(async ({ client, output }) => {
          await (await client()).api.deleteNetwork(uuid)
          output.done({ uuid }, `network ${uuid} deleted`)
        }),
      ),
    'netloom network delete 6f1c1e9c-4e0e-4b0a-9d5b-2f1b6a1f0c11',
  )
}

function declareModify(network: Command, run: Run): void {
  const modify = network
    .command('modify')
    .description('give a network to another project or network host, or to none')
    .argument('<uuid>')
    .option('--project <project>', 'the project that it is for')
    .option('--disassociate-project', 'no project')
    .option('--host <host>', 'the host that is to be its gateway and DHCP server')
    .option('--disassociate-host', 'no host until one takes it')
  modify.action((uuid: string, options: ModifyOptions) => {
    const project = change(modify, 'project', options.project, options.disassociateProject)
    const host = change(modify, 'host', options.host, options.disassociateHost)
    if (project === undefined && host === undefined) {
      return modify.error('error: say what to change, such as --host', { code: 'netloom.modify' })
    }
    run(async ({ client, output }) => {
      output.record(await (await client()).api.modifyNetwork(uuid, present({ project_id: project, host })))
    })
  })
  withExample(
    modify,
    'netloom network modify 6f1c1e9c-4e0e-4b0a-9d5b-2f1b6a1f0c11 --host net2',
    'netloom network modify 6f1c1e9c-4e0e-4b0a-9d5b-2f1b6a1f0c11 --disassociate-project',
  )
}

interface ModifyOptions {
  readonly project?: string
  readonly disassociateProject?: boolean
  readonly host?: string
  readonly disassociateHost?: boolean
}

/** The value, null for none; undefined leaves it. Both at once is wrong usage, as it was with nova-manage. */
function change(command: Command, what: string, value: string | undefined, none = false): string | null | undefined {
  if (value !== undefined && none) {
    command.error(`error: give either --${what} or --disassociate-${what}`, { code: 'netloom.modify' })
  }
  return none ? null : value
}

function declareCreate(network: Command, run: Run): void {
  const create = network
    .command('create')
    .description('make one network, or carve several of one size out of a range')
    .argument('[label]', 'name; left out when the first word has a "/"')
    .argument('[cidr]', 'range, such as 10.0.0.0/24; default: the flag fixed_range')
    .argument('[num_networks]', 'how many networks')
    .argument('[network_size]', 'addresses in each')
    .option('--label <text>', 'name, instead of the first word')
    .option('--fixed_range_v4 <cidr>', 'range, instead of the word')
    .option('--num_networks <n>', 'how many, instead of the word', wholeNumber)
    .option('--network_size <n>', 'addresses in each, instead of the word', wholeNumber)
    .option('--vlan <id>', 'VLAN of the one network', wholeNumber)
    .option('--vlan_start <id>', 'VLAN of the first network; the next ones follow', wholeNumber)
    .option('--vpn <port>', 'VPN port of the first network; the next ones follow', wholeNumber)
    .option('--fixed_range_v6 <cidr>', 'IPv6 range')
    .option('--gateway <address>', 'gateway, if not the first address')
    .option('--gateway_v6 <address>', 'IPv6 gateway')
    .option('--bridge <device>', 'bridge on the hosts')
    .option('--bridge_interface <device>', 'interface that the bridge is on')
    .option('--multi_host [T|F]', 'every compute host is its own gateway', truth)
    .option('--dns1 <address>', 'first DNS server')
    .option('--dns2 <address>', 'second DNS server')
    .option('--uuid <uuid>', 'UUID of the one network')
    .option('--fixed_cidr <cidr>', 'the part of the range that instances get addresses from')
    .option('--project_id <project>', 'the project that it is for; default: all')
    .option('--dhcp_server <address>', 'address of the DHCP server, if not the gateway')
    .option('--mtu <bytes>', 'MTU of the devices', wholeNumber)
    .option('--allowed_start <address>', 'first address for instances')
    .option('--allowed_end <address>', 'last address for instances')
  create.action((label, cidr, count, size, options: CreateOptions) => {
    const request = createRequest(create, [label, cidr, count, size].filter(isWord), options)
    run(async ({ client, output }) => {
      const rows = await (await client()).api.createNetworks(request)
      output.list(rows, columns, 'no network was made')
      const unused = unusedPart(request, rows)
      if (unused !== null) output.words(unused)
    })
  })
  withExample(
    create,
    'netloom network create demo 10.0.0.0/24',
    'netloom network create 10.0.0.0/8 3 16  # three networks of 16 addresses',
  )
}

/**
 * The request from words and options. Source: nova-manage network create, and the original's older form without a label.
 */
function createRequest(command: Command, words: readonly string[], options: CreateOptions): CreateNetworksRequest {
  const [label, cidr, count, size, ...more] = words[0]?.includes('/') ? ['private', ...words] : words
  if (more.length > 0) command.error('error: too many words after the CIDR', { code: 'netloom.excessWords' })
  const { fixed_range_v4, fixed_range_v6, vpn, multi_host, ...same } = options
  const byWord = {
    label,
    cidr,
    num_networks: count === undefined ? undefined : number(command, 'num_networks', count),
    network_size: size === undefined ? undefined : number(command, 'network_size', size),
  }
  const named = {
    cidr: fixed_range_v4,
    cidr_v6: fixed_range_v6,
    vpn_start: vpn,
    // Without a value commander says true as well, so the type holds.
    multi_host,
    ...same,
  }
  for (const [key, value] of Object.entries(byWord)) {
    const clash = named[key as keyof typeof named]
    const implied = key === 'label' && words[0]?.includes('/')
    if (value !== undefined && clash !== undefined && !implied) {
      command.error(`error: ${key} is given twice, as ${value} and as ${clash}`, { code: 'netloom.givenTwice' })
    }
  }
  return present({ ...byWord, ...present(named) })
}

/** Of a range without a size a part may be left over: that is said (defects-manager D4). */
function unusedPart({ cidr, network_size }: CreateNetworksRequest, rows: readonly NetworkRow[]): string | null {
  const sizeOf = (range: string | null | undefined) => 2 ** (32 - Number(range?.split('/')[1] ?? 32))
  const made = rows.reduce((sum, row) => sum + (row.cidr === null ? 0 : sizeOf(row.cidr)), 0)
  if (cidr === undefined || network_size !== undefined || made === 0 || made >= sizeOf(cidr)) return null
  return `${made} of the ${sizeOf(cidr)} addresses of ${cidr} are used: --network_size makes larger networks`
}

function isWord(word: unknown): word is string {
  return typeof word === 'string'
}

function number(command: Command, what: string, word: string): number {
  try {
    return wholeNumber(word)
  } catch {
    return command.error(`error: ${what} '${word}' is not a whole number`, { code: 'netloom.number' })
  }
}

/** The record without what is undefined. */
function present<T extends object>(record: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
