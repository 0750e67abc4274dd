import { AddressOutOfRange, CidrConflict, DuplicateVlan, InvalidInput, NetworkInUse } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { allocate, newNetwork, openDatabase, poolOf, TestClock, uuid } from './kit.ts'
import { engineName, explain, makePlace, type Statement } from './places.ts'

describe('a new network', () => {
  test('has the facts that it was given, with real booleans, and the time', async () => {
    const clock = new TestClock()
    const database = await openDatabase({ clock })
    const wanted = newNetwork('10.0.0.0/29', {
      vlan: 100,
      multi_host: true,
      enable_dhcp: false,
      cidr_v6: 'fd00::/64',
      mtu: 1450,
      dhcp_server: '10.0.0.2',
      project_id: 'demo',
    })
    const made = await database.transaction((store) => store.networks.create(wanted))
    const { range: _range, reserved: _reserved, ...facts } = wanted
    expect(made).toEqual({ ...facts, id: 1, created_at: clock.text, updated_at: null })
    const found = await database.read(async ({ networks }) => [
      await networks.byId(1),
      await networks.byUuid(wanted.uuid),
      ...(await networks.list()),
    ])
    expect(found).toEqual([made, made, made])
  })

  test('has a pool of what is in the range and not reserved', async () => {
    const database = await openDatabase()
    const range = { first: '10.0.0.2', last: '10.0.0.6' }
    const usage = await database.transaction(async ({ networks, fixedIps }) => {
      const { id } = await networks.create(newNetwork('10.0.0.0/24', { range, reserved: ['10.0.0.1', '10.0.0.3'] }))
      expect(await fixedIps.byAddress('10.0.0.3')).toMatchObject({ reserved: true, instance_uuid: null })
      await expect(fixedIps.byAddress('10.0.0.1')).rejects.toThrow('10.0.0.1 is not a fixed IP of any network')
      expect(await fixedIps.list({ networkIds: [id] })).toEqual([])
      return networks.usage(id)
    })
    expect(usage).toEqual({ used: 0, held: 0, reserved: 1, free: 4 })
  })

  test('may be without IPv4, and is in use by its interfaces then', async () => {
    const database = await openDatabase()
    const facts = newNetwork('10.0.0.0/24', { cidr: null, cidr_v6: 'fd00::/64', range: null, reserved: [] })
    await database.transaction(async ({ networks, virtualInterfaces }) => {
      const { id } = await networks.create(facts)
      await networks.create({ ...facts, uuid: uuid(2), cidr_v6: 'fd00:0:0:1::/64' })
      expect(await networks.usage(id)).toEqual({ used: 0, held: 0, reserved: 0, free: 0 })
      const vif = { uuid: uuid(1), address: 'fa:16:3e:00:00:01', network_id: id, instance_uuid: uuid(1) }
      const made = await virtualInterfaces.create(vif)
      await expect(networks.remove(id)).rejects.toThrow('1 of its addresses are held')
      await virtualInterfaces.remove([made!.id])
      await networks.remove(id)
      expect((await networks.list()).map((network) => network.cidr_v6)).toEqual(['fd00:0:0:1::/64'])
    })
  })

  const there = newNetwork('10.0.0.0/24', { label: 'blue', vlan: 7, cidr_v6: 'fd00::/64' })
  test.each([
    { why: 'the same range', values: newNetwork('10.0.0.0/24'), error: CidrConflict, message: 'of network blue' },
    {
      why: 'a part',
      values: newNetwork('10.0.0.128/25'),
      error: CidrConflict,
      message: '10.0.0.128/25 overlaps 10.0.0.0/24',
    },
    {
      why: 'more',
      values: newNetwork('10.0.0.0/16'),
      error: CidrConflict,
      message: 'overlaps 10.0.0.0/24 of network blue',
    },
    {
      why: 'an IPv6 range',
      values: { cidr_v6: 'fd00::/48' },
      error: CidrConflict,
      message: 'fd00::/48 overlaps fd00::/64',
    },
    { why: 'the VLAN', values: { vlan: 7 }, error: DuplicateVlan, message: 'VLAN 7' },
    { why: 'the UUID', values: { uuid: there.uuid }, error: InvalidInput, message: there.uuid },
    {
      why: 'nothing, but a range that is not its own',
      values: { range: { first: '10.1.0.0', last: '10.2.0.1' } },
      error: AddressOutOfRange,
      message: '10.2.0.1 is not inside 10.1.0.0/24',
    },
    {
      why: 'nothing, but a range that runs backwards',
      values: { range: { first: '10.1.0.9', last: '10.1.0.8' } },
      error: InvalidInput,
      message: 'the first address comes before the last',
    },
  ])('is refused, and nothing of it stays, when it shares $why', async ({ values, error, message }) => {
    const database = await openDatabase()
    await database.transaction((store) => store.networks.create(there))
    const refused = await database
      .transaction((store) => store.networks.create({ ...newNetwork('10.1.0.0/24'), ...values }))
      .catch((reason: unknown) => reason)
    expect(refused).toBeInstanceOf(error)
    expect((refused as Error).message).toContain(message)
    expect(await database.read((store) => store.networks.list())).toHaveLength(1)
    await database.transaction((store) => store.networks.create(newNetwork('10.1.0.0/24')))
  })
})

describe('a network', () => {
  test('has the host that took it first, and one of those that take it is told so (defects-manager A8)', async () => {
    const database = await openDatabase()
    await database.transaction((store) => store.networks.create(newNetwork('10.0.0.0/29')))
    const claim = (host: string) => database.transaction((store) => store.networks.moveHost(1, null, host))
    expect(await Promise.all([claim('host1'), claim('host2'), claim('host1')])).toEqual([true, false, false])
    expect(await database.read((store) => store.networks.byId(1))).toMatchObject({ host: 'host1' })
    expect(await database.transaction((store) => store.networks.moveHost(9, null, 'host1'))).toBe(false)
  })

  test('cannot be removed while an address is used, held or led to (defects-manager B6), then goes with all', async () => {
    const database = await openDatabase()
    const network = await database.transaction((store) => store.networks.create(poolOf(8)))
    const remove = () => database.transaction((store) => store.networks.remove(network.id))
    const { fixedIp, vif } = await database.transaction((store) => allocate(store, network, 1))
    await expect(remove()).rejects.toThrow(NetworkInUse)
    await database.transaction(async ({ fixedIps, virtualInterfaces }) => {
      await fixedIps.lease(fixedIp.address, vif.address)
      await fixedIps.deallocate(fixedIp.id)
      await virtualInterfaces.remove([vif.id])
    })
    await expect(remove()).rejects.toThrow('1 of its addresses are held')
    await database.transaction(async ({ fixedIps, floatingIps }) => {
      await fixedIps.release(fixedIp.address, vif.address)
      await floatingIps.create([{ address: '203.0.113.1', pool: 'p', interface: null }])
      await floatingIps.allocate('p', 'demo', false)
      await floatingIps.associate('203.0.113.1', fixedIp.id, 'host1')
    })
    await expect(remove()).rejects.toThrow('1 of its addresses are held')
    await database.transaction((store) => store.floatingIps.disassociate('203.0.113.1'))
    await remove()
    await expect(remove()).rejects.toThrow('network 1 is not there')
    await expect(database.read((store) => store.fixedIps.byAddress(fixedIp.address))).rejects.toThrow('not a fixed IP')
    const again = await database.transaction((store) => store.networks.create(poolOf(8)))
    expect(again.id).toBeGreaterThan(network.id)
  })

  test('that is made again with the addresses of a former one has rows of its own (defects-manager B8)', async () => {
    const database = await openDatabase()
    const run = <T>(work: Parameters<typeof database.transaction<T>>[0]) => database.transaction(work)
    const former = await run((store) => store.networks.create(poolOf(4)))
    const { fixedIp, vif } = await run((store) => allocate(store, former, 1))
    await run(async ({ fixedIps, virtualInterfaces, networks }) => {
      await fixedIps.deallocate(fixedIp.id)
      await virtualInterfaces.remove([vif.id])
      await networks.remove(former.id)
    })
    const network = await run((store) => store.networks.create(poolOf(4)))
    const made = await run((store) => allocate(store, network, 2, fixedIp.address))
    const address = () => run((store) => store.fixedIps.byAddress(fixedIp.address))
    expect(await address()).toMatchObject({ network_id: network.id, instance_uuid: uuid(2), allocated: true })
    expect(await run((store) => store.fixedIps.lease(fixedIp.address, vif.address))).toBe(false)
    expect(await run((store) => store.fixedIps.lease(fixedIp.address, made.vif.address))).toBe(true)
    await expect(run((store) => store.fixedIps.deallocate(fixedIp.id))).rejects.toThrow('is not there')
    expect(await address()).toMatchObject({ id: made.fixedIp.id, allocated: true, leased: true })
  })

  test('is found by the host that has to do with it in one statement, by indexes (defects-manager G4, G5)', async () => {
    const place = await makePlace()
    const database = await openDatabase({ place })
    await database.transaction(async (store) => {
      const network = await store.networks.create(poolOf(1024))
      for (let number = 1; number <= 300; number++) await allocate(store, network, number)
      await store.fixedIps.claimForHost(network.id, 'host1')
    })
    for (const table of engineName === 'mysql' ? ['networks', 'fixed_ips', 'virtual_interfaces', 'instances'] : [])
      await place.query(`ANALYZE TABLE ${table}`)
    const statements: Statement[] = []
    database.onStatement = (...statement) => statements.push(statement)
    const found = await database.transaction((store) => store.networks.on('host1'))
    expect(found).toHaveLength(1)
    expect(statements).toHaveLength(1)
    // There are few networks, and many of all else.
    const plan = (await explain(place, statements[0]!)).filter((line) => /\b(fixed_ips|h|v|i)\b/.test(line))
    expect(plan.length).toBeGreaterThanOrEqual(4)
    expect(plan.filter((line) => !/INDEX ((ix|ux)_|PRIMARY)/.test(line))).toEqual([])
  })
})
