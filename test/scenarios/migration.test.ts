import { uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { type Backends, backends } from './backends.ts'
import { type Cloud, type Machine, makeCloud, refusalOf } from './cloud.ts'

const FLOATING = '203.0.113.5'
const TAP = { instance_uuid: uuidOf(1), target: { kind: 'tap', name: 'tap1' } } as const

/** Guest 1 on host1, plugged in, with a floating IP; guest 2 on host1, which keeps its network there. */
async function migrationCloud(pair: Backends, multi_host: boolean) {
  const cloud = await makeCloud(pair, { machines: ['host1', 'host2'] })
  const { api } = cloud
  const [network] = await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', multi_host })
  if (!multi_host) await api.modifyNetwork(network!.uuid, { host: 'host1' })
  const { address } = await cloud.guest(1, { host: 'host1' })
  await cloud.guest(2, { host: 'host1' })
  await api.createFloatingIps({ range: FLOATING })
  await api.associateFloatingIp(await api.allocateFloatingIp({ project_id: 'demo' }), address)
  await api.attach('host1', TAP)
  const [one, two] = cloud.machines as [Machine, Machine]
  return { cloud, api, one, two }
}

const carries = async (machine: Machine) => (await machine.picture()).has(`address ${FLOATING}/32 eth0`)
const serves = async (machine: Machine) =>
  [...(await machine.picture())].some((line) => line.includes('guest1.novalocal'))
const carrier = async ({ api }: Cloud) => (await api.getFloatingIpByAddress(FLOATING))!.host

describe.each(backends)('an instance that moves to another host on $name', (pair) => {
  test('takes its floating IP and its DHCP entry along in a multi_host network', async () => {
    const { cloud, api, one, two } = await migrationCloud(pair, true)
    const move = { instance_uuid: uuidOf(1), source: 'host1', dest: 'host2' }
    await api.migrateInstanceStart({ ...move, dest: 'host1' })
    expect(await carries(one)).toBe(true)

    await api.migrateInstanceStart(move)
    expect([await carries(one), await carries(two), await carrier(cloud)]).toEqual([false, false, null])
    await cloud.expectInLine()
    await api.setupNetworksOnHost(uuidOf(1), 'host2')
    expect([...(await two.picture())].some((line) => line.startsWith('address 10.0.0.'))).toBe(true)

    for (let time = 0; time < 2; time += 1) {
      await api.migrateInstanceFinish(move)
      expect([await carries(one), await carries(two), await carrier(cloud)]).toEqual([false, true, 'host2'])
      expect([await serves(one), await serves(two)]).toEqual([false, true])
      await cloud.expectInLine()
    }
    expect(await api.getInstance(uuidOf(1))).toMatchObject({
      host: 'host2',
      virtual_interfaces: [{ attached_to: null, floating_ips: [FLOATING] }],
    })
    expect((await one.picture()).has('link tap1')).toBe(false)
    await api.attach('host2', TAP)
    await api.setupNetworksOnHost(uuidOf(1), 'host1', true)
    await cloud.expectInLine()
  })

  test('only changes its host where one host serves all', async () => {
    const { cloud, api, one } = await migrationCloud(pair, false)
    const move = { instance_uuid: uuidOf(1), dest: 'host2' }
    await api.migrateInstanceStart(move)
    await api.migrateInstanceFinish(move)
    expect(await api.getInstance(uuidOf(1))).toMatchObject({ host: 'host2' })
    expect([await carries(one), await serves(one), await carrier(cloud)]).toEqual([true, true, 'host1'])
    expect((await one.picture()).has('link tap1')).toBe(false)
    await cloud.expectInLine()
  })

  test.each([
    ['its network’s host', false, ['host1']],
    ['the host that it left, until it asks the other', true, ['host1']],
    ['the host that it moved to', true, ['host1', 'host2']],
  ] as const)('has its lease ended where it got the last: %s (defects-manager H1)', async (_, multi_host, servers) => {
    const { cloud, api } = await migrationCloud(pair, multi_host)
    const { mac, fixed_ips } = (await api.getInstance(uuidOf(1))).virtual_interfaces[0]!
    await cloud.named('host1').lease(mac, fixed_ips[0]!)
    await api.migrateInstanceFinish({ instance_uuid: uuidOf(1), dest: 'host2' })
    const server = servers.at(-1)!
    if (server === 'host2') await cloud.named(server).lease(mac, fixed_ips[0]!)
    await api.deallocateForInstance(uuidOf(1))
    const held = (machine: Machine) =>
      machine.picture().then((lines) => [...lines].some((line) => line.endsWith(`.leases: ${mac} ${fixed_ips[0]} * *`)))
    // A server that is started again still knows it (defects-manager H4).
    expect(await Promise.all(cloud.machines.map(held))).toEqual([server === 'host1', server === 'host2'])
    const releases = cloud.machines.map(
      ({ host }) =>
        host.operationsRun.filter((run) => run.kind === 'command' && run.command.argv[0] === 'dhcp_release').length,
    )
    expect(releases).toEqual(server === 'host1' ? [1, 0] : [0, 1])
    await cloud.expectInLine()
  })

  test('goes back to where it was when the move is given up', async () => {
    const { cloud, api, one } = await migrationCloud(pair, true)
    await api.migrateInstanceStart({ instance_uuid: uuidOf(1), dest: 'host2' })
    await api.migrateInstanceFinish({ instance_uuid: uuidOf(1), dest: 'host1' })
    expect([await carries(one), await serves(one), await carrier(cloud)]).toEqual([true, true, 'host1'])
    expect(await api.getInstance(uuidOf(1))).toMatchObject({ virtual_interfaces: [{ attached_to: 'tap1' }] })
    await cloud.expectInLine()
  })

  test('leaves no host with rules that are another’s, whichever dies in between (defects-manager C9)', async () => {
    const { cloud, api, one, two } = await migrationCloud(pair, true)
    const move = { instance_uuid: uuidOf(1), dest: 'host2' }
    await one.stop()
    one.clock.advance(61)
    await two.beat()
    await api.migrateInstanceStart(move)
    expect(await carrier(cloud)).toBeNull()
    await one.start()
    expect(await carries(one)).toBe(false)

    await two.stop()
    two.clock.advance(61)
    await one.beat()
    const rows = await cloud.rows()
    expect(await refusalOf(api.migrateInstanceFinish(move))).toMatchObject({ code: 'ServiceUnavailable', status: 5 })
    expect(await refusalOf(api.migrateInstanceFinish({ ...move, dest: 'host3' }))).toMatchObject({
      code: 'HostNotFound',
    })
    expect(await cloud.rows()).toEqual(rows)

    await two.start()
    two.host.failAt(1, { lasts: true, message: 'no room' })
    expect(await refusalOf(api.migrateInstanceFinish(move))).toMatchObject({ code: 'HostChangeFailed' })
    two.host.repair()
    // The instance is there all the same, and its host comes after.
    expect(await carrier(cloud)).toBe('host2')
    await api.reconcile('host2')
    expect([await carries(one), await carries(two)]).toEqual([false, true])
    await cloud.expectInLine()
  })
})
