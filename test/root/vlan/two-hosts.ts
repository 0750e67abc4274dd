/**
 * Two hosts on one trunk, guests of two projects: `two-hosts PACKAGE_FOLDER NETWORK_DRIVER...`. Prints what is seen as JSON,
 * for `vlan.test.ts`, which judges it: this runs on a kernel that has VLANs, which need not be that of the test.
 */
import Database from 'better-sqlite3'
import type { NetworkHost } from '../../../core/bin/demo/network-host.ts'
import { startService } from '../../../core/bin/serve.ts'
import { createLogger } from '../../../drivers/system/logger.ts'
import { createProcessExecutor } from '../../../drivers/system/process-executor.ts'
import { Conversation, serve } from '../cloud/conversation.ts'
import { TestCloud, until } from '../cloud/test-cloud.ts'
import { testHost } from '../host-driver/namespace.ts'

/** A device of a host. */
export interface Device {
  readonly name: string
  readonly address: string
  readonly mtu: number
  readonly master?: string
  /** The device that carries it. */
  readonly parent?: string
  readonly kind?: string
  /** Of a VLAN. */
  readonly id?: number
}

/** As iproute2 prints it. */
interface IpLink {
  readonly ifname: string
  readonly address: string
  readonly mtu: number
  readonly master?: string
  readonly link?: string
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: { readonly id?: number } }
}

const HOSTS = ['net1', 'vm1'] as const
type Host = (typeof HOSTS)[number]

const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const GUESTS = { red1: uuidOf(1), red2: uuidOf(2), blue1: uuidOf(3) } as const
type Guest = keyof typeof GUESTS

/** Nothing here takes as long, but on the kernel of a guest on a busy machine. */
const PATIENCE_MS = 60_000

export type Seen = Awaited<ReturnType<typeof look>>

const [packageFolder = '', ...drivers] = process.argv.slice(2)
const seen: Record<string, Seen> = {}
for (const driver of drivers) seen[driver] = await lookAt(driver)
process.stdout.write(JSON.stringify(seen))

async function lookAt(driver: string): Promise<Seen> {
  const cloud = await TestCloud.built({
    packageFolder,
    hosts: HOSTS,
    guests: Object.keys(GUESTS),
    trunk: true,
    flags: ['--network_manager=vlan', '--vlan_interface=eth1', `--network_driver=${driver}`],
    // One of them serves the networks, where the guests of the other one get addresses too.
    hostFlags: { vm1: ['--l3_lib=noop', '--dhcp_driver=noop'] },
  })
  const running: { stop(): Promise<void> }[] = []
  try {
    // A host whose operator made the bridge of the trunk, for what has no tag.
    if (driver === 'vlan') await makeBridge(cloud, 'vm1')
    for (const host of cloud.hosts) running.push(await startInside(cloud, host))
    return await look(cloud)
  } finally {
    for (const service of running) await service.stop()
    await cloud.remove()
  }
}

async function makeBridge(cloud: TestCloud, host: Host): Promise<void> {
  const address = (await devices(cloud, host)).find(({ name }) => name === 'eth1')?.address ?? ''
  const bridge = ['name', 'br-eth1', 'address', address, 'type', 'bridge', 'vlan_filtering', '1', 'forward_delay', '0']
  await on(cloud, host, 'ip', 'link', 'add', ...bridge)
  await on(cloud, host, 'ip', 'link', 'set', 'eth1', 'master', 'br-eth1')
  await on(cloud, host, 'ip', 'link', 'set', 'br-eth1', 'up')
  await on(cloud, host, 'ip', 'address', 'add', '192.0.2.2/24', 'dev', 'br-eth1')
}

/** The VLANs that each port of the bridges of a host is on, and the bridges themselves. */
async function portVlans(cloud: TestCloud, host: Host): Promise<Readonly<Record<string, readonly number[]>>> {
  const ports: readonly { readonly ifname: string; readonly vlans?: readonly { readonly vlan: number }[] }[] =
    JSON.parse(await on(cloud, host, 'bridge', '-j', 'vlan', 'show'))
  return Object.fromEntries(ports.map(({ ifname, vlans = [] }) => [ifname, vlans.map(({ vlan }) => vlan)]))
}

/** The service of a host, in this process: to start another one takes ten seconds on the kernel of a guest. */
async function startInside(cloud: TestCloud, { name, settings }: NetworkHost): Promise<{ stop(): Promise<void> }> {
  const logger = await createLogger({ level: 'warn' })
  const hostDriver = testHost({
    executor: createProcessExecutor(),
    namespace: cloud.namespaces.fullName(name),
    networksPath: `${cloud.folder}/state/networks/${name}`,
    logger,
  })
  const service = await startService(settings, { hostDriver, logger })
  return {
    async stop() {
      await service.stop()
      hostDriver.close()
    },
  }
}

/** @throws {CommandFailed} */
async function on(cloud: TestCloud, where: string, ...argv: readonly [string, ...string[]]): Promise<string> {
  return (await cloud.namespaces.inside(where, ...argv)).stdout
}

/** The devices of a host, and to which VLANs the ports of its bridges belong. */
async function looks(cloud: TestCloud): Promise<string> {
  const texts = HOSTS.flatMap((host) => [
    on(cloud, host, 'ip', '-d', '-j', 'link', 'show'),
    on(cloud, host, 'bridge', '-j', 'vlan', 'show'),
  ])
  const lasting = (key: string, value: unknown) => (key.endsWith('_timer') ? undefined : value)
  return (await Promise.all(texts)).map((text) => JSON.stringify(JSON.parse(text), lasting)).join('\n')
}

async function devices(cloud: TestCloud, host: Host): Promise<readonly Device[]> {
  const all: readonly IpLink[] = JSON.parse(await on(cloud, host, 'ip', '-d', '-j', 'link', 'show'))
  return all.map(({ ifname, address, mtu, master, link, linkinfo }) => {
    const { info_kind: kind, info_data: data } = linkinfo ?? {}
    const given = { master, parent: link, kind, id: data?.id }
    return { name: ifname, address, mtu, ...(JSON.parse(JSON.stringify(given)) as Partial<Device>) }
  })
}

/** What is said of a thing that is not done. */
async function refusal(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'done',
    (error: Error) => error.message,
  )
}

/** Everything in order; the names of its parts are those of the tests. */
async function look(cloud: TestCloud) {
  const api = await cloud.client()
  const networks = await api.createNetworks({
    label: 'private',
    cidr: '10.0.0.0/24',
    num_networks: 2,
    network_size: 16,
    mtu: 1450,
  })

  const attach = async (guest: Guest, host: Host) => {
    await api.attach(host, {
      instance_uuid: GUESTS[guest],
      target: { kind: 'netns', name: cloud.namespaces.fullName(guest) },
    })
  }
  const allocate = async (guest: Guest, project: string, host: Host, vpn = false) => {
    const instance_uuid = GUESTS[guest]
    const [vif] = await api.allocateForInstance({ instance_uuid, project_id: project, host, hostname: guest, vpn })
    return vif?.network.subnets[0]?.ips[0]?.address ?? ''
  }

  const addresses = {
    // The VPN server of its project.
    red2: await allocate('red2', 'red', 'net1', true),
    red1: await allocate('red1', 'red', 'vm1'),
    blue1: await allocate('blue1', 'blue', 'vm1'),
  }
  const macsBefore = (await devices(cloud, 'net1')).map(({ name, address }) => [name, address] as const)
  await attach('red2', 'net1')

  // Devices of somebody else under the names that are wanted: another id, another parent.
  await on(cloud, 'vm1', 'ip', 'link', 'add', 'link', 'eth1', 'name', 'vlan100', 'type', 'vlan', 'id', '7')
  await on(cloud, 'vm1', 'ip', 'link', 'add', 'link', 'eth0', 'name', 'vlan101', 'type', 'vlan', 'id', '101')
  const named = async () => (await devices(cloud, 'vm1')).filter(({ name }) => name.startsWith('vlan'))
  const theirs = JSON.stringify(await named())
  const refusals = [await refusal(attach('red1', 'vm1')), await refusal(attach('blue1', 'vm1'))]
  const untouched = JSON.stringify(await named()) === theirs
  for (const name of ['vlan100', 'vlan101']) await on(cloud, 'vm1', 'ip', 'link', 'delete', name)
  await attach('red1', 'vm1')
  await attach('blue1', 'vm1')

  const leases: Record<string, string> = {}
  for (const guest of Object.keys(GUESTS)) leases[guest] = await cloud.lease(guest)

  // Both take their time to start.
  await serve(cloud, 'red2', 'udp', '1194')
  const vpn = new Conversation(cloud, 'public', 'udp', '203.0.113.11', '1000')

  // Whether there is an answer to ARP: nothing but the wire and the bridges is asked.
  const hears = async (where: string, device: string, address: string) => {
    const argv = ['arping', '-q', '-D', '-c', '2', '-w', '2', '-I', device, address]
    const { status, stderr } = await cloud.runIn(where, argv)
    if (status !== 0 && status !== 1) throw new Error(`arping in ${where}: ${stderr}`)
    // It looks for a second owner of the address, so an answer is its failure.
    return status === 1
  }
  const stations: Record<string, boolean> = {}
  for (const id of ['100', '101']) {
    await on(cloud, 'public', 'ip', 'link', 'add', 'link', 'trunk', 'name', `station${id}`, 'type', 'vlan', 'id', id)
    await on(cloud, 'public', 'ip', 'link', 'set', `station${id}`, 'up')
    stations[id] = await hears('public', `station${id}`, addresses.red1)
  }
  stations.untagged = await hears('public', 'trunk', addresses.red1)
  const untaggedHost = await hears('public', 'trunk', '192.0.2.2')
  await on(cloud, 'blue1', 'ip', 'link', 'add', 'link', 'eth0', 'name', 'hop100', 'type', 'vlan', 'id', '100')
  await on(cloud, 'blue1', 'ip', 'link', 'set', 'hop100', 'up')
  const reach = {
    byTagOfOtherVlan: await hears('blue1', 'hop100', addresses.red1),
    sameVlan: await cloud.ping('red1', addresses.red2),
    sameVlanByArp: await hears('red2', 'eth0', addresses.red1),
    sameHostOtherVlanByArp: await hears('blue1', 'eth0', addresses.red1),
    otherHostOtherVlanByArp: await hears('blue1', 'eth0', addresses.red2),
    outside: await cloud.ping('red1', '203.0.113.1'),
  }

  // Whom a server says it hears. A neighbour without a floating IP would be answered past the gateway, on the bridges.
  await Promise.all([serve(cloud, 'red1', 'tcp'), serve(cloud, 'red2', 'tcp')])
  const seenAs = (from: string) =>
    new Conversation(cloud, from, 'tcp', floating).firstWord().catch((error: Error) => error.message)
  await api.createFloatingIps({ range: '203.0.113.64/30' })
  const floating = await api.allocateFloatingIp({ project_id: 'red' })
  await api.associateFloatingIp(floating, addresses.red1)
  const toOtherHost = await Promise.all([seenAs('public'), seenAs('red2')])
  await api.associateFloatingIp(floating, addresses.red2)
  const toGatewayHost = await Promise.all([seenAs('public'), seenAs('red1'), seenAs('red2')])

  const answered = () => {
    vpn.say('let me in')
    return vpn.heard('red2')
  }
  await until(answered, 'the VPN server does not answer', PATIENCE_MS)

  const before = await looks(cloud)
  const entries = (await Promise.all(HOSTS.map((host) => api.reconcile(host)))).flatMap((report) => report.entries)
  const after = await looks(cloud)
  const hosts = { net1: await devices(cloud, 'net1'), vm1: await devices(cloud, 'vm1') }
  const ports = { net1: await portVlans(cloud, 'net1'), vm1: await portVlans(cloud, 'vm1') }

  const store = new Database(`${cloud.folder}/state/netloom.sqlite`)
  store.prepare('UPDATE networks SET mtu = 1400').run()
  store.close()
  await Promise.all(HOSTS.map((host) => api.reconcile(host)))
  const replugged = { net1: await devices(cloud, 'net1'), vm1: await devices(cloud, 'vm1') }

  for (const uuid of Object.values(GUESTS)) await api.deallocateForInstance(uuid)
  await until(async () => (await api.getDhcpLeases()).length === 0, 'the leases do not end', PATIENCE_MS)
  for (const project of ['red', 'blue']) await api.scrubProject(project)
  for (const { uuid } of networks) await api.deleteNetwork(uuid)
  await Promise.all(HOSTS.map((host) => api.reconcile(host)))
  return {
    addresses,
    macsBefore: Object.fromEntries(macsBefore),
    leases,
    vpnServer: vpn.heard('red2'),
    foreign: { refusals, untouched },
    stations,
    untaggedHost,
    ports,
    reach,
    byFloating: { toOtherHost, toGatewayHost },
    second: { entries, changed: before !== after },
    hosts,
    replugged,
    left: { net1: await devices(cloud, 'net1'), vm1: await devices(cloud, 'vm1') },
    portsLeft: await portVlans(cloud, 'vm1'),
  }
}
