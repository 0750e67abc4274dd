import { macOf, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import type { NetworkInfo } from '../../core/model/network-info.ts'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud, refusalOf } from './cloud.ts'

const [ONE, TWO, THEIRS] = [uuidOf(1001), uuidOf(1002), uuidOf(1003)]

/** Guest 1 (10.0.0.2, web1) of project demo in network one; two is empty, theirs is project other's. */
async function smallCloud(pair: Backends, options: Parameters<typeof makeCloud>[1] = {}): Promise<Cloud> {
  const cloud = await makeCloud(pair, options)
  const { api } = cloud
  await api.createNetworks({ label: 'one', cidr: '10.0.0.0/28', uuid: ONE })
  await api.createNetworks({ label: 'two', cidr: '10.1.0.0/28', uuid: TWO, bridge: 'br101' })
  await api.createNetworks({ label: 'theirs', cidr: '10.2.0.0/28', uuid: THEIRS, bridge: 'br102', project_id: 'other' })
  await cloud.guest(1, { networks: [ONE] })
  return cloud
}

const addressesOf = (info: NetworkInfo) =>
  info.map((vif) => [vif.network.label, vif.network.subnets[0]!.ips.map((ip) => ip.address)])

describe.each(backends)('addresses of a living instance on $name', (pair) => {
  test('come and go, with the interfaces and entries that they need', async () => {
    const cloud = await smallCloud(pair)
    const { api, machine } = cloud
    const second = await machine.changesOf(() => api.addFixedIpToInstance(uuidOf(1), ONE))
    // DHCP gives the first address of an interface; the second is the guest's to set (defects-manager H6, defects-linux-net D6).
    expect(second).toEqual({ come: [], gone: [] })
    const info = await api.addFixedIpToInstance(uuidOf(1), TWO)
    expect(addressesOf(info)).toEqual([
      ['one', ['10.0.0.2', '10.0.0.3']],
      ['two', ['10.1.0.2']],
    ])
    const entry = [...(await machine.picture())].filter((line) => line.includes('guest1.novalocal'))
    expect(entry).toHaveLength(2)
    await cloud.expectInLine()

    const moved = await machine.changesOf(() => api.removeFixedIpFromInstance(uuidOf(1), '10.0.0.2'))
    expect(moved.come).toEqual([`file br100.hosts/fa-16-3e-00-00-01: ${macOf(1)},guest1.novalocal,10.0.0.3`])
    expect(addressesOf(await api.removeFixedIpFromInstance(uuidOf(1), '10.1.0.2'))).toEqual([
      ['one', ['10.0.0.3']],
      ['two', []],
    ])
    await cloud.expectInLine()
    await api.deallocateForInstance(uuidOf(1))
    expect(await api.listInstances()).toEqual([])
    await cloud.expectInLine()
  })

  test('what is refused changes nothing', async () => {
    const cloud = await smallCloud(pair)
    const { api } = cloud
    await cloud.guest(2, { networks: [ONE] })
    const other = await cloud.client('other')
    const [rows, look] = [await cloud.rows(), await cloud.host.look()]
    const refusals: readonly (readonly [code: string, call: () => Promise<unknown>])[] = [
      ['InstanceNotFound', () => api.addFixedIpToInstance(uuidOf(9), ONE)],
      ['NetworkNotFoundForUUID', () => api.addFixedIpToInstance(uuidOf(1), uuidOf(9))],
      ['NetworkNotFoundForProject', () => api.addFixedIpToInstance(uuidOf(1), THEIRS)],
      ['Forbidden', () => other.addFixedIpToInstance(uuidOf(1), THEIRS)],
      ['FixedIpNotFoundForSpecificInstance', () => api.removeFixedIpFromInstance(uuidOf(1), '10.0.0.3')],
      ['InvalidIpAddressError', () => api.removeFixedIpFromInstance(uuidOf(1), 'one')],
      ['Forbidden', () => other.removeFixedIpFromInstance(uuidOf(1), '10.0.0.2')],
      ['AdminRequired', () => other.setupNetworksOnHost(uuidOf(1), 'host1')],
    ]
    for (const [code, call] of refusals) expect.soft(await refusalOf(call())).toMatchObject({ code })
    expect(await cloud.rows()).toEqual(rows)
    expect(await cloud.host.look()).toEqual(look)
    await api.removeFixedIpFromInstance(uuidOf(1), '10.0.0.2')
    const none = api.removeFixedIpFromInstance(uuidOf(1), '10.0.0.2')
    expect(await refusalOf(none)).toMatchObject({ code: 'FixedIpNotFoundForInstance', status: 3 })
  })

  test('an address that the host cannot serve is not taken', async () => {
    const cloud = await smallCloud(pair)
    const rows = await cloud.rows()
    cloud.host.failAt(1, { lasts: true, message: 'no room' })
    expect(await refusalOf(cloud.api.addFixedIpToInstance(uuidOf(1), TWO))).toMatchObject({ code: 'HostChangeFailed' })
    cloud.host.repair()
    expect((await cloud.rows()).instances).toEqual(rows.instances)
    expect((await cloud.api.getNetwork(TWO)).addresses.used).toBe(0)
    await cloud.api.reconcile('host1')
    await cloud.expectInLine()
  })

  test('are all let go, whatever the caller says it knows of (defects-manager H8)', async () => {
    const cloud = await smallCloud(pair)
    await cloud.api.addFixedIpToInstance(uuidOf(1), ONE)
    // Also one whose lease was reported past the spool.
    const report = (method: string) =>
      cloud.machine.service.part.dispatch(method, { address: '10.0.0.2', mac: macOf(1), context: { ...cloud.context } })
    await report('lease_fixed_ip')
    expect(await cloud.api.getDhcpLeases()).toMatchObject([{ address: '10.0.0.2', mac: macOf(1) }])
    await report('release_fixed_ip')
    const { addresses } = await cloud.api.deallocateForInstance(uuidOf(1), ['10.0.0.2'])
    expect(addresses).toEqual(['10.0.0.2', '10.0.0.3'])
    expect((await cloud.api.getNetwork(ONE)).addresses.used).toBe(0)
  })

  test('are found by id, address, MAC address and patterns', async () => {
    const cloud = await smallCloud(pair)
    const { api } = cloud
    await cloud.guest(2, { project: 'other', networks: [ONE] })
    await api.createFloatingIps({ range: '203.0.113.5' })
    await api.associateFloatingIp(await api.allocateFloatingIp({ project_id: 'demo' }), '10.0.0.2')
    const row = await api.getFixedIpByAddress('10.0.0.2')
    expect(row).toMatchObject({ address: '10.0.0.2', instance_uuid: uuidOf(1), hostname: 'guest1', allocated: true })
    expect(await api.getFixedIp(row.id!)).toEqual(row)
    const [vif] = await api.getVifsByInstance(uuidOf(1))
    expect(vif).toMatchObject({ address: macOf(1), network_uuid: ONE })
    expect(await api.getVifByMacAddress(macOf(1).toUpperCase())).toEqual(vif)
    expect(await api.getVifByMacAddress(macOf(77))).toBeNull()

    const other = await cloud.client('other')
    expect(await other.getVifByMacAddress(macOf(1))).toBeNull()
    expect(await refusalOf(other.getFixedIp(row.id!))).toMatchObject({ code: 'FixedIpNotFound' })
    expect(await refusalOf(other.getFixedIpByAddress('10.0.0.2'))).toMatchObject({ code: 'Forbidden' })
    expect(await refusalOf(api.getFixedIpByAddress('192.0.2.1'))).toMatchObject({ code: 'FixedIpNotFoundForAddress' })

    type Filters = Parameters<NetworkApi['getInstanceUuidsByIpFilter']>[0]
    const found = async (filters: Filters, who = api) =>
      (await who.getInstanceUuidsByIpFilter(filters)).map(
        ({ instance_uuid, ip }) => `${Number(instance_uuid.slice(-3))} ${ip}`,
      )
    const cases: readonly (readonly [Filters, readonly string[]])[] = [
      [{ ip: '10\\.0' }, ['1 10.0.0.2', '2 10.0.0.3']],
      [{ ip: '10\\.0\\.0\\.2$' }, ['1 10.0.0.2']],
      [{ ip: '0\\.0' }, []],
      [{ ip: '203' }, ['1 203.0.113.5']],
      [{ fixed_ip: '10.0.0.3' }, ['2 10.0.0.3']],
      [{ fixed_ip: '203.0.113.5' }, []],
      [{ fixed_ip: '10.0.0.3', ip: '203' }, ['1 203.0.113.5', '2 10.0.0.3']],
      [{ fixed_ip: '10.0.0.3', name: 'guest1$' }, []],
      [{ name: 'guest1$' }, ['1 10.0.0.2', '1 203.0.113.5']],
      [{ ip: '10', name: 'guest[2-9]' }, ['2 10.0.0.3']],
      [{ ip6: 'fd00' }, []],
      // A pattern that takes a backtracking engine longer than the age of the world.
      [{ ip: '(.*)*(.*)*(.*)*(.*)*x' }, []],
    ]
    for (const [filters, wanted] of cases) expect(await found(filters), JSON.stringify(filters)).toEqual(wanted)
    expect(await found({ ip: '10' }, other)).toEqual(['2 10.0.0.3'])
    expect(await found({ fixed_ip: '10.0.0.2' }, other)).toEqual([])
    for (const filters of [{}, { ip: '(' }, { ip: '(?=1)' }, { name: 'a'.repeat(300) }, { fixed_ip: '10.0' }]) {
      expect(await refusalOf(api.getInstanceUuidsByIpFilter(filters))).toMatchObject({ status: 2 })
    }
  })
})

describe.each(backends)('requested networks on $name', (pair) => {
  test('are checked before anything is taken', async () => {
    const cloud = await smallCloud(pair)
    const { api } = cloud
    const demo = await cloud.client('demo')
    const wanted = (uuid: string, address?: string) => [{ uuid, ...(address === undefined ? {} : { address }) }]
    await demo.validateNetworks([])
    await demo.validateNetworks([...wanted(ONE, '10.0.0.9'), ...wanted(TWO)])
    const refusals: readonly (readonly [code: string, networks: ReturnType<typeof wanted>])[] = [
      ['NetworkNotFoundForUUID', wanted(uuidOf(9))],
      ['NetworkNotFoundForProject', wanted(THEIRS)],
      ['FixedIpInvalid', wanted(ONE, '')],
      ['FixedIpInvalid', wanted(ONE, '10.0.0.256')],
      ['FixedIpNotFoundForAddress', wanted(ONE, '192.0.2.1')],
      ['FixedIpNotFoundForNetwork', wanted(ONE, '10.1.0.5')],
      ['FixedIpReserved', wanted(ONE, '10.0.0.1')],
      ['FixedIpAlreadyInUse', wanted(ONE, '10.0.0.2')],
      ['InvalidUUID', wanted('one')],
    ]
    for (const [code, networks] of refusals) {
      expect.soft(await refusalOf(demo.validateNetworks(networks))).toMatchObject({ code })
    }
    expect(await api.listInstances()).toHaveLength(1)
  })

  test('need a host that has them or would take them', async () => {
    const controller = ['--network_driver=noop', '--l3_lib=noop', '--dhcp_driver=noop', '--firewall_driver=noop']
    const cloud = await makeCloud(pair, { machines: [{ name: 'control', flags: controller }, 'net1'] })
    const { api } = cloud
    await api.createNetworks({ label: 'one', cidr: '10.0.0.0/28', uuid: ONE })
    await api.validateNetworks([{ uuid: ONE }])
    await cloud.named('net1').stop()
    await cloud.machine.pass(61)
    await cloud.machine.beat()
    for (const call of [() => api.validateNetworks([{ uuid: ONE }]), () => cloud.guest(1, { host: 'vm1' })]) {
      expect(await refusalOf(call())).toMatchObject({ code: 'NetworkHostNotSet', status: 4 })
    }
    expect(await api.listInstances()).toEqual([])
    await api.createNetworks({ label: 'many', cidr: '10.1.0.0/28', uuid: TWO, bridge: 'br101', multi_host: true })
    await api.validateNetworks([{ uuid: TWO }])
  })

  test('without a host are taken at start and periodically, each by one', async () => {
    const cloud = await makeCloud(pair, { machines: ['net1', 'net2'] })
    const { api } = cloud
    const [one, two] = cloud.machines as [Cloud['machine'], Cloud['machine']]
    for (let index = 0; index < 4; index += 1) {
      await api.createNetworks({ label: `n${index}`, cidr: `10.${index}.0.0/28`, bridge: `br${index}` })
    }
    await api.createNetworks({ label: 'many', cidr: '10.9.0.0/28', bridge: 'br9', multi_host: true })
    await Promise.all([one.pass(60), two.pass(60)])
    const hosts = async () => (await api.getAllNetworks()).map(({ host }) => host)
    const taken = await hosts()
    expect(taken.slice(0, 4).filter((host) => host === null)).toEqual([])
    expect(taken[4]).toBeNull()
    await cloud.expectInLine()

    // With a guest in it: the next host serves what the former one did.
    const [first] = await api.getAllNetworks()
    const { address } = await cloud.guest(1, { networks: [first!.uuid] })
    await api.createFloatingIps({ range: '203.0.113.5' })
    await api.associateFloatingIp(await api.allocateFloatingIp({ project_id: 'demo' }), address)
    const [former, next] = first!.host === 'net1' ? [one, two] : [two, one]
    await former.stop()
    await next.beat()
    await api.modifyNetwork(first!.uuid, { host: null })
    await next.stop()
    await next.start()
    expect((await hosts())[0]).toBe(next.name)
    const picture = [...(await next.picture())]
    expect(picture).toContain('address 203.0.113.5/32 eth0')
    expect(picture.some((line) => line.includes('guest1.novalocal'))).toBe(true)
    await former.start()
    await cloud.expectInLine()
  })
})
