/** Two hosts, each with an Open vSwitch of its own, cabled by a trunk: guests as tagged ports, on real parts. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { PUBLIC_ADDRESS } from '../../core/bin/demo/cloud.ts'
import { type Executor, type HostResource, isPacketIntent } from '../../core/contracts/index.ts'
import { createProcessExecutor } from '../../drivers/system/process-executor.ts'
import { LinuxOVSInterfaceDriver } from '../../plugins/interface/ovs.ts'
import { aNetwork, aVirtualInterface } from '../kit/builders.ts'
import { RecordingLogger } from '../kit/fakes/logger.ts'
import { PrivateOvs } from './cloud/private-ovs.ts'
import { isRoot, TestCloud, until } from './cloud/test-cloud.ts'
import { makeSo, testHost } from './host-driver/namespace.ts'

const HOSTS = ['node1', 'node2'] as const

describe.skipIf(!isRoot)('networks on Open vSwitch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-ovs-'))
  const switches = {
    node1: new PrivateOvs(join(folder, 'o1'), 'node1'),
    node2: new PrivateOvs(join(folder, 'o2'), 'node2'),
  }
  let cloud: TestCloud
  let api: NetworkApi
  let networks: Awaited<ReturnType<NetworkApi['createNetworks']>>
  const guests: Record<string, { readonly uuid: string; readonly address: string; readonly device: string }> = {}

  beforeAll(async () => {
    cloud = await TestCloud.built({
      hosts: HOSTS,
      guests: ['red1', 'red2', 'blue2'],
      flags: [
        '--network_manager=vlan',
        '--vlan_interface=eth1',
        '--network_driver=ovs',
        '--ovs_vsctl_timeout=10',
        '--report_interval=30',
      ],
      hostEnvironments: { node1: switches.node1.environment, node2: switches.node2.environment },
      trunk: true,
    })
    await Promise.all(HOSTS.map((host) => switches[host].start(cloud.namespaces)))
    for (const host of cloud.hosts) await host.start()
    api = await cloud.client()
    networks = await api.createNetworks({ label: 'private', cidr: '10.0.0.0/8', num_networks: 2, network_size: 16 })
  })
  afterAll(async () => {
    await cloud?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  const vsctl = (host: (typeof HOSTS)[number], ...words: readonly string[]) =>
    switches[host].vsctl(cloud.namespaces, ...words)
  const ofctl = (host: (typeof HOSTS)[number], ...words: readonly string[]) =>
    switches[host].ofctl(cloud.namespaces, ...words)
  const gateway = (index: number) => `gw-${networks[index]!.uuid.slice(0, 11)}`
  const plans = () => Promise.all(HOSTS.map(async (host) => (await api.plan(host)).entries.map(({ text }) => text)))
  const portsOn = async (host: (typeof HOSTS)[number]) => (await vsctl(host, 'list-ports', 'br-int')).split('\n').sort()

  async function plug(name: string, project: string, host: string): Promise<void> {
    const uuid = randomUUID()
    const [vif] = await api.allocateForInstance({ instance_uuid: uuid, project_id: project, hostname: name, host })
    const target = { kind: 'netns', name: cloud.namespaces.fullName(name) } as const
    const { device } = await api.attach(host, { instance_uuid: uuid, target })
    guests[name] = { uuid, address: vif!.network.subnets[0]!.ips[0]!.address!, device }
  }

  it('a bridge that is not there is named with the remedy, and none is made', async () => {
    await expect(plug('red1', 'red', 'node1')).rejects.toThrow(/bridge br-int is not there.*ovs-vsctl add-br br-int/)
    for (const { uuid } of await api.listInstances()) await api.deallocateForInstance(uuid)
    for (const host of HOSTS) {
      expect(await vsctl(host, 'list-br')).toBe('')
      // As the operator has it: with a port, a flow and a gateway-like port of others.
      await vsctl(
        host,
        '--',
        'add-br',
        'br-int',
        '--',
        'set',
        'bridge',
        'br-int',
        'datapath_type=netdev',
        '--',
        'add-port',
        'br-int',
        'eth1',
      )
      await vsctl(host, '--', 'add-port', 'br-int', 'gw-others', '--', 'set', 'Interface', 'gw-others', 'type=internal')
      await ofctl(host, 'add-flow', 'br-int', 'cookie=0x7,priority=5,dl_dst=02:00:00:00:00:07,actions=drop')
      await cloud.namespaces.inside(host, 'ip', 'link', 'set', 'eth1', 'up')
    }
  })

  it('guests get leases, reach gateway, outside and each other over the trunk; other tags do not', async () => {
    await plug('red1', 'red', 'node1')
    await plug('blue2', 'blue', 'node2')
    await plug('red2', 'red', 'node2')
    for (const name of ['red1', 'red2', 'blue2']) expect(await cloud.lease(name)).toBe(guests[name]!.address)
    const { red1, red2, blue2 } = guests
    expect(await vsctl('node1', 'get', 'Port', gateway(0), 'tag')).toBe('100')
    expect(await vsctl('node2', 'get', 'Port', blue2!.device, 'tag')).toBe('101')
    expect(await vsctl('node1', 'get', 'Interface', red1!.device, 'external_ids:vm-uuid')).toBe(`"${red1!.uuid}"`)
    const seen = cloud.runIn('node1', [
      'timeout',
      '5',
      'tcpdump',
      '-lnei',
      'eth1',
      '-c',
      '1',
      'vlan',
      '100',
      'and',
      'icmp',
    ])
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await cloud.ping('red1', red2!.address)).toBe(true)
    expect((await seen).stdout).toContain('vlan 100')
    for (const name of ['red1', 'red2', 'blue2']) expect(await cloud.ping(name, PUBLIC_ADDRESS), name).toBe(true)
    // The same addresses on another tag are nobody: only who has them answers.
    await cloud.namespaces.inside('blue2', 'ip', 'address', 'add', '10.0.0.13/28', 'dev', 'eth0')
    expect(await cloud.ping('blue2', red2!.address)).toBe(false)
    await cloud.namespaces.inside('blue2', 'ip', 'address', 'del', '10.0.0.13/28', 'dev', 'eth0')
    expect(await plans()).toEqual([[], []])
  })

  it('TCP passes as well: 1 MB to a guest on the other host', async () => {
    const serve = `require('http').createServer((_, answer) => answer.end('x'.repeat(1e6))).listen(8080, '0.0.0.0', () => console.log('up'))`
    const server = cloud.namespaces.start('red1', [process.execPath, '-e', serve], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await new Promise((resolve) => server.stdout?.once('data', resolve))
    try {
      const take = `fetch('http://${guests.red1!.address}:8080/').then((answer) => answer.text()).then((text) => console.log(text.length))`
      const { stdout } = await cloud.runIn('red2', [process.execPath, '-e', take], 10_000)
      expect(stdout.trim()).toBe('1000000')
    } finally {
      server.kill()
    }
  })

  it('a service that is killed and started again keeps all as it is', async () => {
    const before = await portsOn('node1')
    const stop = cloud.pinging('red2', guests.red1!.address)
    await cloud.named('node1').stop('SIGKILL')
    await cloud.named('node1').start()
    expect(await stop()).toBe(0)
    expect(await portsOn('node1')).toEqual(before)
    expect(await plans()).toEqual([[], []])
  })

  it('what others break is mended, and a switch that was killed serves again', async () => {
    await vsctl('node1', '--', 'del-port', gateway(0), '--', 'set', 'Port', guests.red1!.device, 'tag=7')
    const { stdout } = await cloud.command('plan')
    expect(stdout).toContain(`+ port ${gateway(0)} of br-int with tag 100`)
    expect(stdout).toContain(`~ port ${guests.red1!.device} of br-int with tag 100`)
    await api.reconcile('node1')
    expect(await cloud.ping('red2', PUBLIC_ADDRESS)).toBe(true)
    expect(await plans()).toEqual([[], []])

    await switches.node1.kill('ovs-vswitchd')
    expect(await cloud.ping('red2', guests.red1!.address)).toBe(false)
    await switches.node1.startSwitch(cloud.namespaces)
    await cloud.namespaces.inside('node1', 'ip', 'link', 'set', gateway(0), 'down')
    await api.reconcile('node1')
    await until(() => cloud.ping('red2', guests.red1!.address), 'guests do not reach each other')
    expect(await cloud.ping('red1', PUBLIC_ADDRESS)).toBe(true)
    expect(await plans()).toEqual([[], []])
  })

  it('everything that was made is taken away, and nothing of others', async () => {
    for (const { uuid } of await api.listInstances()) await api.deallocateForInstance(uuid)
    for (const project of ['red', 'blue']) await api.scrubProject(project)
    for (const { uuid } of networks) await api.deleteNetwork(uuid)
    for (const host of HOSTS) {
      expect(await portsOn(host)).toEqual(['eth1', 'gw-others'])
    }
    // That of the first host ended with its switch's process.
    expect(await ofctl('node2', '--no-stats', 'dump-flows', 'br-int')).toContain('cookie=0x7')
    expect(await plans()).toEqual([[], []])
  })

  it('without a gateway: DHCP is served, nothing else reached; a process that ends leaves a record of all (defects-linux-net A23)', async () => {
    const { namespaces } = cloud
    const variables = Object.entries(switches.node1.environment).map(([name, value]) => `${name}=${value}`)
    const real = createProcessExecutor()
    const executor: Executor = {
      run: (command, options) => real.run({ ...command, argv: ['env', ...variables, ...command.argv] }, options),
    }
    const logger = new RecordingLogger()
    const namespace = namespaces.fullName('node1')
    const open = () => testHost({ executor, namespace, networksPath: join(folder, 'networks'), logger })
    const driver = new LinuxOVSInterfaceDriver('br-int')
    const network = aNetwork({ uuid: randomUUID(), vlan: 200, mtu: 1400 })
    const device = driver.getDev(network)
    const vif = aVirtualInterface({ device: 'tap-closed', address: 'fa:16:3e:00:00:09' })
    const target = { kind: 'netns', name: namespaces.fullName('red1') } as const
    const wanted = (gateway: boolean) => ({
      'network:1': [
        ...driver.plug(network, '02:6e:00:00:00:09', gateway).filter((resource) => !isPacketIntent(resource)),
        { kind: 'address', device, cidr: '10.9.0.1/24' },
      ] as HostResource[],
      'port:1': driver.attach(network, vif, target, 'eth0') as HostResource[],
    })
    const reached = () => namespaces.succeeds('red1', 'ping', '-c', '1', '-W', '1', '10.9.0.1')

    let host = open()
    expect(await makeSo(host, wanted(false))).toMatchObject({ failures: [] })
    expect((await makeSo(host, wanted(false))).steps).toEqual([])
    const words = [
      '--user=root',
      '--conf-file=',
      '--port=0',
      '--bind-interfaces',
      `--interface=${device}`,
      '--leasefile-ro',
      '--dhcp-range=10.9.0.9,10.9.0.9,60s',
      `--pid-file=${join(folder, 'dnsmasq.pid')}`,
    ]
    await namespaces.inside('node1', 'dnsmasq', ...words)
    expect(await cloud.lease('red1')).toBe('10.9.0.9')
    expect(await reached()).toBe(false)
    host.close()

    // Another process: its device is there already, and it has to be a gateway now.
    host = open()
    expect((await makeSo(host, wanted(false))).steps).toEqual([])
    const changed = await makeSo(host, wanted(true))
    expect(changed).toMatchObject({ failures: [] })
    expect(changed.steps.every((step) => step.startsWith('remove ovs-flow'))).toBe(true)
    expect(await reached()).toBe(true)
    expect((await namespaces.inside('node1', 'ip', 'link', 'show', device)).stdout).toMatch(
      /mtu 1400 [\s\S]*02:6e:00:00:00:09/,
    )
    host.close()

    // And one that wants nothing of it any more; ports of others that stand in its way it leaves alone.
    host = open()
    expect(await makeSo(host, {})).toMatchObject({ failures: [] })
    expect(await portsOn('node1')).toEqual(['eth1', 'gw-others'])
    const others = { kind: 'ovs-port', name: 'gw-others', bridge: 'br-int', tag: 5, externalIds: {} } as const
    const value = `a "b" \\ , = { } [ ] ' $(x) --`
    const mine = { ...others, name: 'gw-mine', internal: true, externalIds: { note: value } }
    const { failures } = await makeSo(host, { 'network:1': [others], 'network:2': [mine] })
    expect(failures).toEqual([{ owner: 'network:1', message: expect.stringContaining('netloom did not make it') }])
    expect(await vsctl('node1', 'get', 'Port', 'gw-others', 'tag')).toBe('[]')
    expect(JSON.parse(await vsctl('node1', 'get', 'Interface', 'gw-mine', 'external_ids:note'))).toBe(value)
    expect(await makeSo(host, {})).toMatchObject({ failures: [] })
    expect(await portsOn('node1')).toEqual(['eth1', 'gw-others'])
    host.close()
  })
})
