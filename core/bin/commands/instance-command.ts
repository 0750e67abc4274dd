import type { Command } from 'commander'
import type {
  AllocateRequest,
  Attachment,
  AttachRequest,
  InstanceSummary,
  RequestedNetwork,
} from '../../contracts/network-operations.ts'
import { InstanceNotFound } from '../../errors/address.ts'
import { repeated, wholeNumber, withExample } from '../arguments.ts'
import { interfaceColumns, interfaceRows } from '../instance-tables.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'

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

function declareViews(instance: Command, run: Run): void {
  withExample(
    instance
      .command('show')
      .description('interfaces and addresses of an instance, and what they are plugged into')
      .argument('<uuid>')
      .action((uuid: string) =>
        run(async ({ client, output }) => {
          const { api } = await client()
          const [info, summary] = await Promise.all([api.getInstanceNwInfo(uuid), api.getInstance(uuid)])
          const rows = interfaceRows(info, summary)
          output.table({ ...summary, network_info: info }, rows, {
            ...interfaceColumns,
            attached_to: (row) => row.attached_to,
          })
        }),
      ),
    'netloom instance show 1b4e28ba-2fa1-41d2-883f-0016d3cca427',
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
