import { macOf, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { backends } from './backends.ts'
import { makeCloud, refusalOf } from './cloud.ts'

const VLAN = ['--network_manager=vlan', '--vlan_interface=eth1']

/** Two networks of 16 addresses on VLANs 100 and 101, and nobody in them. */
async function vlanCloud(pair: (typeof backends)[number], flags: readonly string[] = [], count = 2) {
  const cloud = await makeCloud(pair, { flags: [...VLAN, ...flags] })
  const networks = await cloud.api.createNetworks({
    label: 'private',
    cidr: '10.0.0.0/8',
    num_networks: count,
    network_size: 16,
  })
  return { cloud, api: cloud.api, networks }
}

const owners = async ({ api }: { api: Awaited<ReturnType<typeof makeCloud>>['api'] }) =>
  (await api.getAllNetworks()).map(({ label, project_id, host }) => [label, project_id, host])

const vpnServer = (number: number, project: string) => ({
  instance_uuid: uuidOf(number),
  project_id: project,
  vpn: true,
  macs: [macOf(number)],
})

describe.each(backends)('VLAN networks on $name', (pair) => {
  test('each project gets one of its own with its first instance, until there are no more', async () => {
    const { cloud, api, networks } = await vlanCloud(pair)
    expect(networks.map(({ vlan, bridge, cidr, vpn_public_port }) => [vlan, bridge, cidr, vpn_public_port])).toEqual([
      [100, 'br100', '10.0.0.0/28', 1000],
      [101, 'br101', '10.0.0.16/28', 1001],
    ])
    // .1 is the gateway, .2 the VPN server.
    expect((await cloud.guest(1, { project: 'red' })).address).toBe('10.0.0.3')
    expect((await cloud.guest(2, { project: 'blue' })).address).toBe('10.0.0.19')
    expect((await cloud.guest(3, { project: 'red' })).address).toBe('10.0.0.4')
    expect(await owners(cloud)).toEqual([
      ['private_0', 'red', 'host1'],
      ['private_1', 'blue', 'host1'],
    ])
    const rows = await cloud.rows()
    expect(await refusalOf(cloud.guest(4, { project: 'green' }))).toEqual({
      code: 'NoMoreNetworks',
      status: 4,
      message:
        'no network is free for project green: make more with `netloom network create`, or take one from a project that is gone (`netloom project scrub`)',
    })
    expect(await cloud.rows()).toEqual(rows)
    const red = await cloud.client('red')
    expect((await red.getAllNetworks()).map(({ label }) => label)).toEqual(['private_0'])
    expect(await refusalOf(red.getNetwork(networks[1]!.uuid))).toMatchObject({ code: 'NetworkNotFoundForProject' })
    const [vif] = await api.getInstanceNwInfo(uuidOf(1))
    expect(vif!.network.meta).toEqual({
      tenant_id: 'red',
      should_create_bridge: true,
      should_create_vlan: true,
      vlan: 100,
      bridge_interface: 'eth1',
    })
    await cloud.expectInLine()
  })

  test('a network that is nobody’s is not everybody’s (defects-manager E2)', async () => {
    const { cloud, networks } = await vlanCloud(pair)
    const wish = { project: 'red', networks: [networks[0]!.uuid] }
    expect(await refusalOf(cloud.guest(1, wish))).toMatchObject({ code: 'NetworkNotFoundForProject' })
    expect((await (await cloud.client('red')).getAllNetworks()).length).toBe(0)
  })

  test('on the host: a VLAN device on the trunk is a port of the bridge, and a restart plans the same (defects-linux-net E12)', async () => {
    const { cloud, api, networks } = await vlanCloud(pair)
    const host1 = cloud.machine
    await cloud.guest(1, { project: 'red' })
    const lines = cloud.host.operationsRun.flatMap((each) =>
      each.kind === 'batch' ? each.lines.map(({ text }) => text) : [],
    )
    expect(lines.filter((line) => line.includes(' vlan100 '))).toEqual([
      expect.stringMatching(
        /^link add link eth1 name vlan100 address 02:6e:[0-9a-f:]+ master br100 up type vlan id 100$/,
      ),
    ])
    expect(await cloud.host.keys()).toEqual(
      expect.arrayContaining(['link br100', 'link eth1', 'link vlan100', 'address 10.0.0.1/28 br100']),
    )
    const picture = await host1.picture()
    await host1.stop()
    await host1.start()
    expect(await host1.picture()).toEqual(picture)
    await cloud.expectInLine()
    // Deleted, nothing of it stays (defects-linux-net E19); the trunk is the operator's.
    await api.deallocateForInstance(uuidOf(1))
    expect(await refusalOf(api.deleteNetwork(networks[0]!.uuid))).toMatchObject({
      code: 'NetworkHasProject',
      status: 4,
    })
    await api.scrubProject('red')
    await api.deleteNetwork(networks[0]!.uuid)
    expect((await cloud.host.keys()).filter((key) => key.startsWith('link'))).toEqual(['link eth1'])
  })

  test('a VPN server gets the address that is kept for it, and the way in', async () => {
    const { cloud, api, networks } = await vlanCloud(pair, ['--cnt_vpn_clients=4'])
    const host1 = cloud.machine
    const forward = (address: string, port: number) => [
      `nat netloom-PREROUTING -d ${address}/32 -p udp -m udp --dport ${port} -j DNAT --to-destination 10.0.0.2:1194`,
      `nat netloom-OUTPUT -d ${address}/32 -p udp -m udp --dport ${port} -j DNAT --to-destination 10.0.0.2:1194`,
    ]
    const [info] = await api.allocateForInstance(vpnServer(1, 'red'))
    expect(info!.network.subnets[0]!.ips[0]!.address).toBe('10.0.0.2')
    const rules = [...(await host1.picture())]
    expect(rules).toEqual(expect.arrayContaining(forward('192.0.2.1', 1000)))
    expect(rules).toContain('filter netloom-FORWARD -d 10.0.0.2/32 -p udp -m udp --dport 1194 -j ACCEPT')
    expect((await api.getNetwork(networks[0]!.uuid)).addresses).toMatchObject({ used: 1, reserved: 7, free: 8 })

    // A second one finds the address taken, and leaves nothing behind.
    const before = await cloud.rows()
    expect(await refusalOf(api.allocateForInstance(vpnServer(2, 'red')))).toMatchObject({ code: 'FixedIpAlreadyInUse' })
    expect(await cloud.rows()).toEqual(before)

    // Moved elsewhere, and nothing of the former way stays (defects-linux-net A27).
    const { come, gone } = await host1.changesOf(() =>
      api.changeVpn({ project_id: 'red', address: '203.0.113.9', port: 2000 }),
    )
    expect(come.toSorted()).toEqual(forward('203.0.113.9', 2000).toSorted())
    expect(gone.toSorted()).toEqual(forward('192.0.2.1', 1000).toSorted())
    expect(await refusalOf(api.changeVpn({ project_id: 'blue', address: '203.0.113.9', port: 2000 }))).toMatchObject({
      code: 'VpnInUse',
      status: 4,
    })
    expect(await api.getNetwork(networks[1]!.uuid)).toMatchObject({ project_id: null, vpn_public_port: 1001 })
    for (const [address, port, code] of [
      ['fd00::1', 2001, 'InvalidInput'],
      ['nowhere', 2001, 'InvalidIpAddressError'],
      [null, 0, 'InvalidInput'],
    ] as const) {
      expect(await refusalOf(api.changeVpn({ project_id: 'red', address, port }))).toMatchObject({ code, status: 2 })
    }

    // Given back it is free for the next one, and never for an ordinary guest.
    await api.deallocateForInstance(uuidOf(1))
    expect((await cloud.guest(3, { project: 'red' })).address).toBe('10.0.0.3')
    expect((await api.allocateForInstance(vpnServer(4, 'red')))[0]!.network.subnets[0]!.ips[0]!.address).toBe(
      '10.0.0.2',
    )
    await cloud.expectInLine()
  })

  test('the way in follows the network to another host, unless it is an address of all', async () => {
    const cloud = await makeCloud(pair, {
      flags: VLAN,
      machines: ['host1', { name: 'host2', flags: ['--my_ip=192.0.2.2', '--public_interface=eth2'] }],
    })
    const { api } = cloud
    const [network] = await api.createNetworks({ label: 'private', cidr: '10.0.0.0/28', project_id: 'red' })
    await api.modifyNetwork(network!.uuid, { host: 'host1' })
    const waysIn = async (name: string) =>
      [...(await cloud.named(name).picture())].flatMap((line) => /PREROUTING -d (\S+) .* 1000 -j/.exec(line)?.[1] ?? [])
    expect([await waysIn('host1'), await waysIn('host2')]).toEqual([['192.0.2.1/32'], []])
    await api.modifyNetwork(network!.uuid, { host: 'host2' })
    expect([await waysIn('host1'), await waysIn('host2')]).toEqual([[], ['192.0.2.2/32']])
    await api.changeVpn({ project_id: 'red', address: '203.0.113.9', port: 1000 })
    await api.modifyNetwork(network!.uuid, { host: 'host1' })
    expect([await waysIn('host1'), await waysIn('host2')]).toEqual([['203.0.113.9/32'], []])
    await cloud.expectInLine()
  })

  test('networks go from project to project (defects-manager C13)', async () => {
    const { cloud, api, networks } = await vlanCloud(pair, ['--vpn_ip=203.0.113.9'], 3)
    expect(networks.map((network) => network.vpn_public_address)).toEqual(Array(3).fill('203.0.113.9'))
    const [first, second, third] = networks.map(({ uuid }) => uuid)
    await cloud.guest(1, { project: 'red' })
    expect(await api.addNetworkToProject('red')).toMatchObject({ uuid: second, project_id: 'red' })
    expect(await refusalOf(api.addNetworkToProject('blue', second))).toMatchObject({ code: 'NetworkHasProject' })
    expect(await api.addNetworkToProject('red', third)).toMatchObject({ uuid: third, project_id: 'red' })
    expect(await refusalOf(api.addNetworkToProject('red'))).toMatchObject({ code: 'NoMoreNetworks' })
    expect((await api.allocateForInstance({ instance_uuid: uuidOf(2), project_id: 'red' })).length).toBe(3)

    const rows = await cloud.rows()
    expect(await refusalOf(api.scrubProject('red'))).toMatchObject({ code: 'NetworkInUse', status: 4 })
    expect(await cloud.rows()).toEqual(rows)
    await api.deallocateForInstance(uuidOf(2))
    await api.disassociateNetwork(second!)
    expect(await api.getNetwork(second!)).toMatchObject({ project_id: null, host: null })
    expect(await api.modifyNetwork(third!, { project_id: null })).toMatchObject({ project_id: null, host: 'host1' })
    expect(await api.modifyNetwork(third!, { project_id: 'blue' })).toMatchObject({ project_id: 'blue', host: 'host1' })
    expect(await refusalOf(api.modifyNetwork(third!, { project_id: 'green' }))).toMatchObject({
      code: 'NetworkHasProject',
    })
    const before = await cloud.rows()
    const elsewhere = api.modifyNetwork(second!, { project_id: 'green', host: 'nobody' })
    expect(await refusalOf(elsewhere)).toMatchObject({ code: 'HostNotFound' })
    expect(await cloud.rows()).toEqual(before)

    // Its former guests are in it still, so that a new project does not get it.
    await api.modifyNetwork(first!, { project_id: null })
    expect(await cloud.guest(3, { project: 'green' })).toMatchObject({ address: '10.0.0.20' })
    expect(await refusalOf(cloud.guest(4, { project: 'white' }))).toMatchObject({ code: 'NoMoreNetworks' })
    expect(await owners(cloud)).toEqual([
      ['private_0', null, 'host1'],
      ['private_1', 'green', 'host1'],
      ['private_2', 'blue', 'host1'],
    ])
    await cloud.expectInLine()
  })

  test('eight projects at once get one network each, and eight instances of one the same (defects-manager A11)', async () => {
    const { cloud, api } = await vlanCloud(pair, [], 9)
    const numbers = [1, 2, 3, 4, 5, 6, 7, 8]
    await Promise.all(numbers.map((number) => cloud.guest(number, { project: `p${number}` })))
    await Promise.all(numbers.map((number) => cloud.guest(10 + number, { project: 'one' })))
    const projects = (await api.getAllNetworks()).map((network) => network.project_id)
    expect(projects.toSorted()).toEqual(['one', ...numbers.map((number) => `p${number}`)].toSorted())
    await cloud.expectInLine()
  })

  test('requests for networks at the same time get ranges, VLANs and ports after one another (defects-manager D12)', async () => {
    const { cloud, api } = await vlanCloud(pair, [], 1)
    const request = { label: 'more', cidr: '10.0.0.0/24', num_networks: 2, network_size: 16 }
    await Promise.all([0, 1, 2].map(() => api.createNetworks(request)))
    const networks = await api.getAllNetworks()
    expect(networks.map(({ vlan }) => vlan)).toEqual([100, 101, 102, 103, 104, 105, 106])
    expect(networks.map(({ cidr }) => cidr).toSorted()).toEqual(
      [0, 16, 32, 48, 64, 80, 96].map((last) => `10.0.0.${last}/28`).toSorted(),
    )
    // One that fails leaves nothing (defects-manager B9, D5).
    const before = await cloud.rows()
    const tooMany = { ...request, vlan_start: 4093, num_networks: 3 }
    expect(await refusalOf(api.createNetworks(tooMany))).toMatchObject({ code: 'NoMoreVlans', status: 4 })
    expect(await cloud.rows()).toEqual(before)
  })

  test('without IPv4: made, used, told and deleted (defects-manager D7)', async () => {
    const cloud = await makeCloud(pair, { flags: VLAN })
    const { api } = cloud
    const [network] = await api.createNetworks({ label: 'six', cidr_v6: 'fd00:0:0:64::/64' })
    const [vif] = await api.allocateForInstance({ instance_uuid: uuidOf(1), project_id: 'red', macs: [macOf(1)] })
    expect(vif!.network.subnets.map(({ cidr, ips }) => [cidr, ips.map(({ address }) => address)])).toEqual([
      [null, []],
      ['fd00:0:0:64::/64', ['fd00::64:f816:3eff:fe00:1']],
    ])
    await cloud.expectInLine()
    await api.deallocateForInstance(uuidOf(1))
    await api.scrubProject('red')
    await api.deleteNetwork(network!.uuid)
    expect(await api.getAllNetworks()).toEqual([])
    await cloud.expectInLine()
  })
})

describe.each(backends)('other managers on $name', (pair) => {
  test('have no VLANs, no VPN servers, and say so', async () => {
    const { api } = await makeCloud(pair)
    await api.createNetworks({ label: 'flat', cidr: '10.0.0.0/24' })
    for (const call of [
      () => api.createNetworks({ label: 'more', cidr: '10.1.0.0/24', bridge: 'br101', vlan: 7 }),
      () => api.addNetworkToProject('red'),
      () => api.changeVpn({ project_id: 'red', address: null, port: 1000 }),
    ]) {
      expect(await refusalOf(call())).toMatchObject({ code: 'NotSupported', status: 4 })
    }
    expect(await refusalOf(api.allocateForInstance(vpnServer(1, 'red')))).toMatchObject({ code: 'InvalidInput' })
    expect(await api.listInstances()).toEqual([])
  })
})
