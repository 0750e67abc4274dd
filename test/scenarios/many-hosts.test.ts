import { SimulatedHost } from 'netloom/testing'
import { describe, expect, test, vi } from 'vitest'
import { AmqpRpc } from '../../drivers/rpc/amqp/amqp-rpc.ts'
import { LocalRpc } from '../../drivers/rpc/local/local-rpc.ts'
import { backends } from './backends.ts'
import { type Cloud, makeCloud, refusalOf } from './cloud.ts'

/** Only writes the facts. */
const CONTROLLER = ['--network_driver=noop', '--l3_lib=noop', '--dhcp_driver=noop', '--firewall_driver=noop']
/** Guests are plugged in here; another host is their gateway. No store. */
const BRIDGING = ['--host_facts=rpc', '--l3_lib=noop', '--dhcp_driver=noop']
/** Gateway and DHCP server of its own guests. No store. */
const COMPUTE = ['--host_facts=rpc']

async function pictureOf(cloud: Cloud, name: string): Promise<readonly string[]> {
  return [...(await cloud.named(name).picture())].sort()
}

describe.each(backends)('many hosts on $name', (pair) => {
  test('each tells what it serves, and since when it is up or down', async () => {
    const cloud = await makeCloud(pair, {
      machines: [{ name: 'control', flags: CONTROLLER }, 'net1', { name: 'vm1', flags: BRIDGING }],
    })
    const started = new Date(cloud.machine.clock.nowMs()).toISOString()
    expect((await cloud.api.listHosts()).map(({ host, state, since, nodes }) => [host, state, since, nodes])).toEqual([
      ['control', 'up', started, ['NetworkController']],
      ['net1', 'up', started, ['NetworkController', 'RoutingNode', 'AddressingNode', 'BridgingNode']],
      ['vm1', 'up', started, ['BridgingNode']],
    ])
    cloud.machine.clock.advance(59)
    await cloud.named('net1').beat()
    const told = new Date(cloud.machine.clock.nowMs()).toISOString()
    cloud.machine.clock.advance(2)
    expect((await cloud.api.listHosts()).map(({ host, state, since }) => [host, state, since])).toEqual([
      ['control', 'down', started],
      ['net1', 'up', started],
      ['vm1', 'down', started],
    ])
    cloud.machine.clock.advance(60)
    expect((await cloud.api.listHosts())[1]).toMatchObject({ host: 'net1', state: 'down', since: told })
  })

  test('a controller gives a network to the host that is up and serves the fewest', async () => {
    const cloud = await makeCloud(pair, { machines: [{ name: 'control', flags: CONTROLLER }, 'net1', 'net2'] })
    const { dispatch } = cloud.named('control').service.part
    for (const [i, label] of ['a', 'b', 'c', 'd'].entries()) {
      const request = { label, cidr: `10.0.${i}.0/24`, bridge: `br${i}`, project_id: label }
      const [network] = await cloud.api.createNetworks(request)
      await dispatch('set_network_host', { network_id: network!.id, context: { ...cloud.context } })
    }
    for (const [i, project] of ['a', 'b', 'c', 'd'].entries()) await cloud.guest(i + 1, { project, host: 'vm1' })
    expect((await cloud.api.getAllNetworks()).map(({ host }) => host).sort()).toEqual(['net1', 'net1', 'net2', 'net2'])
    await cloud.expectInLine()
    expect(await pictureOf(cloud, 'control')).toEqual([])
  })

  test('of many that take one network at once one wins, and all are told the same (defects-manager A8)', async () => {
    const cloud = await makeCloud(pair, { machines: ['net1', 'net2', 'net3'] })
    const [network] = await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    const hosts = await Promise.all(
      cloud.machines.flatMap((machine) =>
        Array.from({ length: 4 }, () =>
          machine.service.part.dispatch('set_network_host', { network_id: network!.id, context: { ...cloud.context } }),
        ),
      ),
    )
    expect(new Set(hosts).size).toBe(1)
    expect((await cloud.api.getAllNetworks())[0]!.host).toBe(hosts[0])
    expect(await cloud.api.setNetworkHost(network!.id)).toBe(hosts[0])
    await cloud.expectInLine()
  })

  test('what goes wrong has the id of the request in the log of each host that worked for it', async () => {
    const cloud = await makeCloud(pair, { machines: [{ name: 'control', flags: CONTROLLER }, 'net1'] })
    await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    const { uuid } = await cloud.guest(1, { host: 'net1' })
    const net1 = cloud.named('net1')
    const message = { instance_uuid: uuid, context: { ...cloud.context, request_id: 'req-7' } }
    net1.host.failAt(1, { lasts: true })
    await cloud.named('control').service.part.dispatch('deallocate_for_instance', message)
    net1.host.repair()
    for (const name of ['control', 'net1']) {
      const wrong = cloud.named(name).log.lines.filter(({ level }) => level === 'error')
      expect(
        wrong.map(({ requestId }) => requestId),
        name,
      ).toEqual(['req-7'])
    }
    await net1.service.part.mendHost()
    await cloud.expectInLine()
  })

  test('a host without a store tells which of its guests have vanished, once', async () => {
    const cloud = await makeCloud(pair, {
      machines: [{ name: 'control', flags: CONTROLLER }, 'net1', { name: 'vm1', flags: BRIDGING }],
    })
    const { api } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', bridge_interface: 'eth1' })
    const { uuid } = await cloud.guest(1, { host: 'vm1' })
    await api.attach('vm1', { instance_uuid: uuid, target: { kind: 'netns', name: 'guest1' } })
    const machine = cloud.named('vm1')
    const missingSince = async () => (await api.getInstance(uuid)).virtual_interfaces.map((vif) => vif.missing_since)
    expect(await missingSince()).toEqual([null])
    await machine.stop()
    machine.host = new SimulatedHost()
    machine.host.missingNamespaces.add('guest1')
    await machine.start()
    const vanished = new Date(machine.clock.nowMs()).toISOString()
    expect(await missingSince()).toEqual([vanished])
    machine.clock.advance(60)
    await api.reconcile('vm1')
    expect(await missingSince()).toEqual([vanished])
    machine.host.missingNamespaces.clear()
    await api.reconcile('vm1')
    expect(await missingSince()).toEqual([null])
    await cloud.expectInLine()
  })

  test('a guest on a bridging host has its gateway, DHCP and floating IP on the network host', async () => {
    const cloud = await makeCloud(pair, {
      machines: [{ name: 'control', flags: CONTROLLER }, 'net1', { name: 'vm1', flags: BRIDGING }],
    })
    const { api } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', bridge_interface: 'eth1' })
    const guest = await cloud.guest(1, { host: 'vm1' })
    await api.attach('vm1', { instance_uuid: guest.uuid, target: { kind: 'tap', name: 'tap1' } })
    await api.createFloatingIps({ range: '203.0.113.5' })
    const floating = await api.allocateFloatingIp({ project_id: 'demo' })
    await api.associateFloatingIp(floating, guest.address)

    expect(await pictureOf(cloud, 'vm1')).toEqual([
      'filter netloom-FORWARD -i br100 -j ACCEPT',
      'filter netloom-FORWARD -o br100 -j ACCEPT',
      'link br100',
      'link eth1',
      'link tap1',
      'nat netloom-snat -j netloom-float-snat',
      'sysctl net.ipv4.conf.br100.promote_secondaries',
    ])
    const gateway = await pictureOf(cloud, 'net1')
    expect(gateway).toContain('address 10.0.0.1/24 br100')
    expect(gateway).toContain('address 203.0.113.5/32 eth0')
    expect(gateway).toContain(`file br100.hosts/fa-16-3e-00-00-01: ${guest.mac},guest1.novalocal,${guest.address}`)
    expect(await api.listFloatingIps()).toMatchObject([{ host: 'net1' }])
    await cloud.named('net1').lease(guest.mac, guest.address)
    expect(await api.getDhcpLeases()).toMatchObject([{ address: guest.address, mac: guest.mac }])
    await cloud.expectInLine()

    await api.detach('vm1', guest.uuid)
    // The operator's own device stays, and what the kernel forgets with its bridge.
    expect(await pictureOf(cloud, 'vm1')).toEqual([
      'link eth1',
      'nat netloom-snat -j netloom-float-snat',
      'sysctl net.ipv4.conf.br100.promote_secondaries',
    ])
    await api.deallocateForInstance(guest.uuid)
    await cloud.expectInLine()
  })

  test('multi_host: each host is the gateway of its own guests, with one address of its own (defects-manager A12)', async () => {
    const cloud = await makeCloud(pair, {
      machines: [
        { name: 'control', flags: CONTROLLER },
        { name: 'vm1', flags: COMPUTE },
        { name: 'vm2', flags: COMPUTE },
      ],
    })
    const { api } = cloud
    const [network] = await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', multi_host: true })
    const guests = await Promise.all(
      Array.from({ length: 8 }, (_, i) => cloud.guest(i + 1, { host: i % 2 === 0 ? 'vm1' : 'vm2' })),
    )
    expect(new Set(guests.map(({ address }) => address)).size).toBe(8)
    expect(await api.getNetwork(network!.uuid)).toMatchObject({ host: null, addresses: { used: 10 } })
    const servers = new Map<string, string>()
    for (const host of ['vm1', 'vm2']) {
      const picture = await pictureOf(cloud, host)
      const own = picture.flatMap((line) => /^address (10\.0\.0\.\d+)\/24 br100$/.exec(line)?.[1] ?? [])
      expect(own).toHaveLength(1)
      servers.set(host, own[0]!)
      expect(picture).toContain(`file br100.opts: 3,${own[0]}`)
      expect(picture.filter((line) => line.includes('.hosts/fa-16'))).toHaveLength(4)
    }
    expect(servers.get('vm1')).not.toBe(servers.get('vm2'))
    const [vif] = await api.getInstanceNwInfo(guests[1]!.uuid)
    expect(vif!.network.subnets[0]).toMatchObject({
      gateway: { address: servers.get('vm2') },
      meta: { dhcp_server: servers.get('vm2') },
    })
    await api.createFloatingIps({ range: '203.0.113.5' })
    const floating = await api.allocateFloatingIp({ project_id: 'demo' })
    await api.associateFloatingIp(floating, guests[0]!.address)
    expect(await pictureOf(cloud, 'vm1')).toContain('address 203.0.113.5/32 eth0')

    // It moves to a guest of the other host: the former one lets go.
    expect(await api.associateFloatingIp(floating, guests[1]!.address)).toBe(guests[0]!.uuid)
    expect(await pictureOf(cloud, 'vm1')).not.toContain('address 203.0.113.5/32 eth0')
    expect(await pictureOf(cloud, 'vm2')).toContain('address 203.0.113.5/32 eth0')
    await cloud.expectInLine()
    for (const { uuid } of guests) await api.deallocateForInstance(uuid)
    expect(await api.getNetwork(network!.uuid)).toMatchObject({ addresses: { used: 2 } })
    await api.deleteNetwork(network!.uuid)
    await cloud.expectInLine()
    expect((await pictureOf(cloud, 'vm1')).filter((line) => !line.startsWith('nat'))).not.toContain('link br100')
  })

  test('a floating IP of a host that is down is let go without another doing its work (defects-manager B5)', async () => {
    const cloud = await makeCloud(pair, { machines: ['host1', { name: 'vm1', flags: COMPUTE }] })
    const { api, host } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', multi_host: true })
    await cloud.guest(1, { host: 'host1' })
    const { address } = await cloud.guest(2, { host: 'vm1' })
    await api.createFloatingIps({ range: '203.0.113.5' })
    const floating = await api.allocateFloatingIp({ project_id: 'demo' })
    await api.associateFloatingIp(floating, address)
    await cloud.named('vm1').stop()
    const runs = host.operationsRun.length
    await cloud.whileSilent('host1', async () => {})
    await api.disassociateFloatingIp(floating)
    expect(await api.getFloatingIpByAddress(floating)).toMatchObject({ fixed_address: null, host: null })
    expect(host.operationsRun).toHaveLength(runs)
    await cloud.named('vm1').start()
    expect(await pictureOf(cloud, 'vm1')).not.toContain(`address ${floating}/32 eth0`)
    await cloud.expectInLine()
  })

  test('reads ask no other host, and an allocation for another host asks that one once (defects-manager G6)', async () => {
    const cloud = await makeCloud(pair, { machines: [{ name: 'control', flags: CONTROLLER }, 'vm1'] })
    const { api, context } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', multi_host: true })
    await cloud.guest(1, { host: 'vm1' })
    const { dispatch } = cloud.named('control').service.part
    const calls = [LocalRpc, AmqpRpc].map(({ prototype }) => vi.spyOn(prototype, 'call'))
    const casts = [LocalRpc, AmqpRpc].map(({ prototype }) => vi.spyOn(prototype, 'cast'))
    const asked = async (method: string, args: object) => {
      for (const spy of [...calls, ...casts]) spy.mockClear()
      await dispatch(method, { ...args, context: { ...context } })
      return [...calls, ...casts].flatMap(({ mock }) =>
        mock.calls.map(([target, name]) => `${name} of ${target.server}`),
      )
    }
    try {
      const instance = { instance_uuid: cloud.uuid(1) }
      expect(await asked('get_instance_nw_info', instance)).toEqual([])
      expect(await asked('get_vifs_by_instance', instance)).toEqual([])
      expect(await asked('get_all_networks', {})).toEqual([])
      const request = { instance_uuid: cloud.uuid(2), project_id: 'demo', host: 'vm1' }
      expect(await asked('allocate_for_instance', request)).toEqual(['reconcile_owners of vm1'])
    } finally {
      vi.restoreAllMocks()
    }
  })

  test('an instance on a single-host and a multi_host network gets each from its own host, in both orders (defects-manager A9)', async () => {
    const cloud = await makeCloud(pair, { machines: ['net1', 'vm1'] })
    const { api } = cloud
    const [single] = await api.createNetworks({ label: 'single', cidr: '10.0.0.0/24', bridge: 'br1' })
    const [multi] = await api.createNetworks({ label: 'multi', cidr: '10.1.0.0/24', bridge: 'br2', multi_host: true })
    await api.modifyNetwork(single!.uuid, { host: 'net1' })
    for (const [number, order] of [
      [1, [single, multi]],
      [2, [multi, single]],
    ] as const) {
      await cloud.guest(number, { host: 'vm1', networks: order.map((network) => network!.uuid) })
    }
    expect((await pictureOf(cloud, 'vm1')).filter((line) => /address .* br/.test(line))).toEqual([
      expect.stringMatching(/^address 10\.1\.0\.\d+\/24 br2$/),
    ])
    expect((await pictureOf(cloud, 'net1')).filter((line) => /address .* br/.test(line))).toEqual([
      'address 10.0.0.1/24 br1',
    ])
    await cloud.expectInLine()
  })

  test('a host that is away is named by what needs it, and does not keep what is let go (defects-manager A10, B4)', async () => {
    const cloud = await makeCloud(pair, { machines: [{ name: 'control', flags: CONTROLLER }, 'net1', 'net2'] })
    const { api } = cloud
    const [one] = await api.createNetworks({ label: 'one', cidr: '10.0.0.0/24', bridge: 'br1' })
    const [two] = await api.createNetworks({ label: 'two', cidr: '10.1.0.0/24', bridge: 'br2' })
    await api.modifyNetwork(one!.uuid, { host: 'net1' })
    await api.modifyNetwork(two!.uuid, { host: 'net2' })
    const guest = await cloud.guest(1, { host: 'vm1' })
    await cloud.named('net2').stop()
    const before = await cloud.rows()

    const refused = await refusalOf(cloud.guest(2, { host: 'vm1' }))
    expect(refused).toMatchObject({ code: 'ServiceUnavailable', status: 5 })
    expect(refused.message).toContain('net2')
    expect(await cloud.rows()).toEqual(before)
    await api.deallocateForInstance(guest.uuid)
    expect((await api.getAllNetworks()).map(({ addresses }) => addresses.used)).toEqual([0, 0])

    await cloud.named('net2').start()
    await cloud.expectInLine()
    expect((await pictureOf(cloud, 'net2')).filter((line) => line.includes('.hosts/fa-'))).toEqual([])
  })

  test('a host that missed messages is in line after one heartbeat, without reading all (lessons G2)', async () => {
    const cloud = await makeCloud(pair, { machines: [{ name: 'control', flags: CONTROLLER }, 'net1'] })
    const { api } = cloud
    const net1 = cloud.named('net1')
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    const [one, two] = [await cloud.guest(1, { host: 'vm1' }), await cloud.guest(2, { host: 'vm1' })]
    await api.createFloatingIps({ range: '203.0.113.0/29' })
    const floating = await api.allocateFloatingIp({ project_id: 'demo' })
    await api.associateFloatingIp(floating, one.address)

    await cloud.whileSilent('net1', async () => {
      await api.disassociateFloatingIp(floating)
      await api.deallocateForInstance(two.uuid)
    })
    expect(await pictureOf(cloud, 'net1')).toContain('address 203.0.113.1/32 eth0')
    const looks = net1.host.looks
    await net1.catchUp()
    const picture = await pictureOf(cloud, 'net1')
    expect(picture).not.toContain('address 203.0.113.1/32 eth0')
    expect(picture.filter((line) => line.includes('.hosts/fa-'))).toHaveLength(1)
    expect(net1.host.looks).toBe(looks)
    const runs = net1.host.runs
    await net1.catchUp()
    expect(net1.host.runs).toBe(runs)
    await cloud.expectInLine()
  })

  test('one that was away for longer than changes are kept reads everything', async () => {
    const cloud = await makeCloud(pair, { machines: [{ name: 'control', flags: CONTROLLER }, 'net1'] })
    const net1 = cloud.named('net1')
    await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await cloud.guest(1, { host: 'vm1' })
    await cloud.whileSilent('net1', () => cloud.api.deallocateForInstance(cloud.uuid(1)))
    await cloud.machine.pass(4000)
    await cloud.whileSilent('net1', () =>
      cloud.api.createNetworks({ label: 'other', cidr: '10.1.0.0/24', bridge: 'br2' }),
    )
    await cloud.machine.pass(4000)
    const looks = net1.host.looks
    await net1.catchUp()
    expect(net1.host.looks).toBeGreaterThan(looks)
    await cloud.expectInLine()
  })

  test('a network moves with its guests and floating IPs; the former host lets go first, or when it is back (lessons D5)', async () => {
    const cloud = await makeCloud(pair, { machines: [{ name: 'control', flags: CONTROLLER }, 'net1', 'net2'] })
    const { api } = cloud
    const [network] = await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await api.modifyNetwork(network!.uuid, { host: 'net1' })
    const guest = await cloud.guest(1, { host: 'vm1' })
    await api.createFloatingIps({ range: '203.0.113.5' })
    await api.associateFloatingIp(await api.allocateFloatingIp({ project_id: 'demo' }), guest.address)
    const there = await pictureOf(cloud, 'net1')

    expect(await api.modifyNetwork(network!.uuid, { host: 'net2' })).toMatchObject({ host: 'net2' })
    expect((await pictureOf(cloud, 'net2')).filter((line) => line.startsWith('address'))).toEqual(
      there.filter((line) => line.startsWith('address')),
    )
    expect((await pictureOf(cloud, 'net1')).filter((line) => /^address (10|203)/.test(line))).toEqual([])
    await cloud.expectInLine()

    // Its host dies; an operator moves it; when the host is back it lets go before it serves.
    await cloud.named('net2').stop()
    cloud.machine.clock.advance(61)
    for (const name of ['control', 'net1']) await cloud.named(name).beat()
    await api.modifyNetwork(network!.uuid, { host: 'net1' })
    expect(await pictureOf(cloud, 'net2')).toContain('address 203.0.113.5/32 eth0')
    await cloud.named('net2').start()
    expect((await pictureOf(cloud, 'net2')).filter((line) => /^address (10|203)/.test(line))).toEqual([])
    await cloud.expectInLine()
    expect(await refusalOf(api.modifyNetwork(network!.uuid, { host: 'nobody' }))).toMatchObject({
      code: 'HostNotFound',
      status: 3,
    })
    expect(await refusalOf(api.modifyNetwork(network!.uuid, { host: 'control' }))).toMatchObject({ status: 3 })
  })

  test('with network_takeover_time another host takes over by itself, and one of several only', async () => {
    const flags = ['--network_takeover_time=120']
    const cloud = await makeCloud(pair, { machines: ['net1', 'net2', 'net3'], flags })
    const { api } = cloud
    const [network] = await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await api.modifyNetwork(network!.uuid, { host: 'net3' })
    await cloud.guest(1, { host: 'net1' })
    await cloud.named('net3').stop()
    const others = [cloud.named('net1'), cloud.named('net2')]
    cloud.machine.clock.advance(100)
    await Promise.all(others.map((machine) => machine.beat()))
    await Promise.all(others.map((machine) => machine.pass(0)))
    expect(await api.getNetwork(network!.uuid)).toMatchObject({ host: 'net3' })
    cloud.machine.clock.advance(21)
    await Promise.all(others.map((machine) => machine.beat()))
    await Promise.all(others.map((machine) => machine.pass(0)))
    const { host } = await api.getNetwork(network!.uuid)
    expect(['net1', 'net2']).toContain(host)
    const holding = []
    for (const machine of others)
      if ((await machine.picture()).has('address 10.0.0.1/24 br100')) holding.push(machine.name)
    expect(holding).toEqual([host])
    await cloud.named('net3').start()
    await cloud.expectInLine()
  })
})
