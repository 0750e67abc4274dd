import { type Command, Option } from 'commander'
import type {
  AllocateRequest,
  Attachment,
  AttachRequest,
  InstanceSummary,
  RequestedNetwork,
} from '../../contracts/network-operations.ts'
import { InstanceNotFound } from '../../errors/address.ts'
import { repeated, wholeNumber, withExample } from '../arguments.ts'
import { GUEST_FORMATS, type GuestFormat, guestFiles, showGuestConfig } from '../guest-files.ts'
import { interfaceColumns, interfaceRows } from '../instance-tables.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'
import { wrongUsage } from '../wrong-usage.ts'

const summaryColumns: Columns<InstanceSummary> = {
  uuid: (row) => row.uuid,
  hostname: (row) => row.hostname,
  project: (row) => row.project_id,
  host: (row) => row.host,
  addresses: (row) => row.virtual_interfaces.flatMap((vif) => [...vif.fixed_ips, ...vif.floating_ips]).join(', '),
}

const attachmentColumns: Columns<Attachment> = {
  device: (row) => row.device,
  guest_device: (row) => row.guest_device,
  mac: (row) => row.mac,
  target: (row) => row.target,
}

/** `netloom instance ...` */
export function declare(instance: Command, run: Run): void {
  declareAllocation(instance, run)
  declareAddresses(instance, run)
  declareViews(instance, run)
  declareAttachment(instance, run)
}

function declareAllocation(instance: Command, run: Run): void {
  withExample(
    instance
      .command('allocate')
      .description('give an instance its interfaces and addresses; asked again, answers with what it has')
      .argument('<uuid>', 'the instance')
      .requiredOption('--project <project>', 'whose it is')
      .option('--host <host>', 'the host that it runs on; default: the one that answers')
      .option('--hostname <name>', 'its name, for DHCP')
      .option(
        '--network <uuid[=address]>',
        'a network, in order; default: all of the project',
        repeated(requestedNetwork),
      )
      .option('--vpn', 'it is the VPN gateway of its networks')
      .option('--mac <mac>', 'a MAC address to use, in order', repeated(String))
      .action((uuid: string, options: AllocateOptions) =>
        run(async ({ client, output }) => {
          const info = await (await client()).api.allocateForInstance(allocateRequest(uuid, options))
          output.table(info, interfaceRows(info), interfaceColumns)
        }),
      ),
    'netloom instance allocate 1b4e28ba-2fa1-41d2-883f-0016d3cca427 --project acme --hostname web1',
  )
  withExample(
    instance
      .command('deallocate')
      .description('take back all that an instance has; prints the addresses that it had')
      .argument('<uuid>')
      .action((uuid: string) =>
        run(async ({ client, output }) => {
          const { addresses } = await (await client()).api.deallocateForInstance(uuid)
          if (addresses.length === 0) throw new InstanceNotFound({ instance_uuid: uuid })
          output.lines({ instance_uuid: uuid, addresses }, addresses)
        }),
      ),
    'netloom instance deallocate 1b4e28ba-2fa1-41d2-883f-0016d3cca427',
  )
}

function declareAddresses(instance: Command, run: Run): void {
  withExample(
    instance
      .command('add-fixed-ip')
      .description('give an instance one more address; DHCP gives a guest the first of each interface')
      .argument('<uuid>', 'the instance')
      .argument('<network>', 'UUID of the network')
      .action((uuid: string, network: string) =>
        run(async ({ client, output }) => {
          const info = await (await client()).api.addFixedIpToInstance(uuid, network)
          output.table(info, interfaceRows(info), interfaceColumns)
        }),
      ),
    'netloom instance add-fixed-ip 1b4e28ba-2fa1-41d2-883f-0016d3cca427 6f1c1e9c-4e0e-4b0a-9d5b-2f1b6a1f0c11',
  )
  withExample(
    instance
      .command('remove-fixed-ip')
      .description('take an address from an instance; the interface stays')
      .argument('<uuid>', 'the instance')
      .argument('<address>', 'one of its fixed IPs')
      .action((uuid: string, address: string) =>
        run(async ({ client, output }) => {
          const info = await (await client()).api.removeFixedIpFromInstance(uuid, address)
          output.table(info, interfaceRows(info), interfaceColumns)
        }),
      ),
    'netloom instance remove-fixed-ip 1b4e28ba-2fa1-41d2-883f-0016d3cca427 10.0.0.3',
  )
}

function declareViews(instance: Command, run: Run): void {
  withExample(
    instance
      .command('show')
      .description('interfaces and addresses of an instance, and what they are plugged into')
      .argument('<uuid>')
      .addOption(
        new Option(
          '--format <form>',
          'the guest’s own configuration instead: interfaces(5), or a seed for cloud-init',
        ).choices(GUEST_FORMATS),
      )
      .option('--output <folder>', 'with --format: write the files there, made when it is missing')
      .action((uuid: string, { format, output: folder }: { format?: GuestFormat; output?: string }) =>
        run(async ({ client, output }) => {
          if (folder !== undefined && format === undefined) {
            throw wrongUsage('netloom instance show', '--output is for files of a --format')
          }
          const { api } = await client()
          const [info, summary] = await Promise.all([api.getInstanceNwInfo(uuid), api.getInstance(uuid)])
          if (format !== undefined) return showGuestConfig(output, await guestFiles(format, summary, info), folder)
          const rows = interfaceRows(info, summary)
          output.table({ ...summary, network_info: info }, rows, {
            ...interfaceColumns,
            attached_to: (row) => row.attached_to,
          })
        }),
      ),
    'netloom instance show 1b4e28ba-2fa1-41d2-883f-0016d3cca427',
    'netloom instance show 1b4e28ba-2fa1-41d2-883f-0016d3cca427 --format nocloud --output seed',
  )
  withExample(
    instance
      .command('list')
      .description('all instances')
      .action(() =>
        run(async ({ client, output }) => {
          output.list(await (await client()).api.listInstances(), summaryColumns, 'no instance is known')
        }),
      ),
    'netloom instance list',
  )
}

function declareAttachment(instance: Command, run: Run): void {
  const attach = instance
    .command('attach')
    .description('plug an interface of an instance into its network on this host')
    .argument('<uuid>')
    .option('--netns <name>', 'into a network namespace')
    .option('--tap <device>', 'into a tap device')
    .option('--vif <n>', 'which interface, from 0', wholeNumber)
  attach.action((uuid: string, { netns, tap, vif }: { netns?: string; tap?: string; vif?: number }) => {
    const targets = [
      ...(netns === undefined ? [] : [{ kind: 'netns', name: netns } as const]),
      ...(tap === undefined ? [] : [{ kind: 'tap', name: tap } as const]),
    ]
    const [target, second] = targets
    if (target === undefined || second !== undefined) {
      return attach.error('error: give either --netns or --tap', { code: 'netloom.target' })
    }
    const request: AttachRequest = { instance_uuid: uuid, target, ...(vif === undefined ? {} : { vif }) }
    run(async ({ client, output }) => {
      const { api, host } = await client()
      const attached = await api.attach(host, request)
      output.table(attached, [attached], attachmentColumns)
    })
  })
  withExample(
    attach,
    'netloom instance attach 1b4e28ba-2fa1-41d2-883f-0016d3cca427 --netns web1',
    'netloom instance attach 1b4e28ba-2fa1-41d2-883f-0016d3cca427 --tap tap0 --vif 1',
  )
  withExample(
    instance
      .command('detach')
      .description('unplug all interfaces of an instance on this host')
      .argument('<uuid>')
      .action((uuid: string) =>
        run(async ({ client, output }) => {
          const { api, host } = await client()
          output.list(await api.detach(host, uuid), attachmentColumns, `instance ${uuid} was not attached`)
        }),
      ),
    'netloom instance detach 1b4e28ba-2fa1-41d2-883f-0016d3cca427',
  )
}

interface AllocateOptions {
  readonly project: string
  readonly host?: string
  readonly hostname?: string
  readonly network?: readonly RequestedNetwork[]
  readonly vpn?: boolean
  readonly mac?: readonly string[]
}

function allocateRequest(uuid: string, { project, network, mac, ...same }: AllocateOptions): AllocateRequest {
  return {
    instance_uuid: uuid,
    project_id: project,
    ...same,
    ...(network === undefined ? {} : { requested_networks: network }),
    ...(mac === undefined ? {} : { macs: mac }),
  }
}

function requestedNetwork(text: string): RequestedNetwork {
  const at = text.indexOf('=')
  return at === -1 ? { uuid: text } : { uuid: text.slice(0, at), address: text.slice(at + 1) }
}
