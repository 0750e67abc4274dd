import { expect, test } from 'vitest'
import { allocate, mac, newNetwork, openDatabase, poolOf, TestClock, uuid } from './kit.ts'

test('an instance comes with its interfaces, fixed IPs and floating IPs, all in order of creation', async () => {
  const clock = new TestClock()
  const database = await openDatabase({ clock })
  const found = await database.transaction(async (store) => {
    const [one, two] = [await store.networks.create(poolOf(8)), await store.networks.create(poolOf(8, 1))]
    const first = await allocate(store, one, 9)
    await allocate(store, one, 3)
    const vif = await store.virtualInterfaces.create({
      uuid: uuid(100),
      address: mac(1),
      network_id: two.id,
      instance_uuid: uuid(9),
    })
    await store.fixedIps.claimFromPool({ ...first.claim, virtualInterfaceId: first.vif.id })
    await store.floatingIps.create(
      ['203.0.113.1', '203.0.113.2'].map((address) => ({ address, pool: 'p', interface: null })),
    )
    for (const address of ['203.0.113.1', '203.0.113.2']) {
      await store.floatingIps.allocate('p', 'demo', false)
      await store.floatingIps.associate(address, first.fixedIp.id, 'host1')
    }
    await store.instances.ensure({
      uuid: uuid(1),
      project_id: 'other',
      host: 'host2',
      hostname: 'bare',
      rxtx_factor: 0.5,
    })
    const wanted = {
      uuid: uuid(9),
      project_id: 'demo',
      host: 'host1',
      hostname: 'vm-9',
      rxtx_factor: null,
      created_at: clock.text,
      updated_at: null,
      virtual_interfaces: [
        {
          ...first.vif,
          network_uuid: one.uuid,
          fixed_ips: [
            { address: '10.0.0.0', floating_ips: ['203.0.113.1', '203.0.113.2'] },
            { address: '10.0.0.2', floating_ips: [] },
          ],
        },
        { ...vif!, network_uuid: two.uuid, fixed_ips: [] },
      ],
    }
    expect(await store.instances.byUuid(uuid(9))).toEqual(wanted)
    const order = async (filter: Parameters<typeof store.instances.list>[0]) =>
      (await store.instances.list(filter)).map((instance) => instance.uuid)
    expect(await order({})).toEqual([uuid(9), uuid(3), uuid(1)])
    expect(await order({ projectId: 'demo' })).toEqual([uuid(9), uuid(3)])
    expect(await order({ projectId: 'demo', host: 'host2' })).toEqual([])
    return store.instances.list({ host: 'host2' })
  })
  expect(found).toMatchObject([{ uuid: uuid(1), rxtx_factor: 0.5, virtual_interfaces: [] }])
})

test('an instance is made once, and what is there stays as it is', async () => {
  const clock = new TestClock()
  const database = await openDatabase({ clock })
  const facts = { uuid: uuid(1), project_id: 'demo', host: 'host1', hostname: 'vm', rxtx_factor: null }
  const ensure = (project_id: string) =>
    database.transaction((store) => store.instances.ensure({ ...facts, project_id }))
  const there = () => database.read((store) => store.instances.byUuid(uuid(1)))
  await ensure('demo')
  const made = await there()
  expect(made).toMatchObject({ ...facts, created_at: clock.text, updated_at: null })
  clock.ms += 1000
  await ensure('other')
  expect(await there()).toEqual(made)
  await database.transaction((store) => store.instances.remove(uuid(1)))
  await expect(there()).rejects.toThrow(`instance ${uuid(1)} is not known`)
})

test('an interface is refused with null when its MAC address is taken, and the transaction goes on', async () => {
  const database = await openDatabase()
  const [made, twice] = await database.transaction(async ({ networks, virtualInterfaces }) => {
    const { id: network_id } = await networks.create(newNetwork('10.0.0.0/29'))
    const vif = { uuid: uuid(1), address: mac(1), network_id, instance_uuid: uuid(7) }
    return [await virtualInterfaces.create(vif), await virtualInterfaces.create({ ...vif, uuid: uuid(2) })]
  })
  expect(made).toMatchObject({ id: 1, address: mac(1), target: null })
  expect(twice).toBeNull()
  expect(await database.read((store) => store.virtualInterfaces.list({}))).toEqual([made])
  await expect(
    database.transaction((store) =>
      store.virtualInterfaces.create({ uuid: uuid(3), address: mac(3), network_id: 9, instance_uuid: uuid(7) }),
    ),
  ).rejects.toThrow('network 9 is not there')
})

test('interfaces are found by id, instance and where they are plugged in, and removing them leaves no address that names them', async () => {
  const database = await openDatabase()
  await database.transaction(async (store) => {
    const [one, two] = [await store.networks.create(poolOf(8)), await store.networks.create(poolOf(8, 1))]
    const a = await allocate(store, one, 1)
    const b = await allocate(store, two, 2)
    const ids = async (filter: Parameters<typeof store.virtualInterfaces.list>[0]) =>
      (await store.virtualInterfaces.list(filter)).map((vif) => vif.id)
    expect(await ids({})).toEqual([a.vif.id, b.vif.id])
    expect(await ids({ instanceUuid: uuid(2) })).toEqual([b.vif.id])
    const plug = { target_kind: 'tap', target: 'tap1', device: 'tap1', guest_device: null } as const
    await store.virtualInterfaces.setTarget(a.vif.id, plug)
    const { host } = await store.instances.byUuid(uuid(1))
    expect(await ids({ pluggedOn: host, ids: [a.vif.id, b.vif.id] })).toEqual([a.vif.id])
    expect(await ids({ pluggedOn: 'elsewhere' })).toEqual([])
    await store.virtualInterfaces.remove([a.vif.id, b.vif.id, 999])
    expect(await store.virtualInterfaces.byId(a.vif.id)).toBeNull()
    const left = await store.fixedIps.list({})
    expect(left.map((row) => [row.allocated, row.virtual_interface_id, row.mac])).toEqual(
      Array(2).fill([true, null, null]),
    )
  })
})

test('an interface is found by what it is plugged into on a host', async () => {
  const database = await openDatabase()
  await database.transaction(async (store) => {
    const network = await store.networks.create(poolOf(8))
    const a = await allocate(store, network, 1)
    const b = await allocate(store, network, 2)
    const { virtualInterfaces } = store
    await virtualInterfaces.setTarget(a.vif.id, {
      target_kind: 'netns',
      target: 'g1',
      device: 'nl1',
      guest_device: 'eth0',
    })
    await virtualInterfaces.setTarget(b.vif.id, { target_kind: 'tap', target: 'g1', device: 'g1', guest_device: null })
    const cases = [
      ['host1', 'netns', 'eth0', a.vif.id],
      ['host1', 'netns', 'eth1', undefined],
      ['host1', 'netns', null, undefined],
      ['host2', 'netns', 'eth0', undefined],
      ['host1', 'tap', null, b.vif.id],
    ] as const
    for (const [host, kind, guest, id] of cases) {
      expect(
        (await virtualInterfaces.byTarget(host, { kind, name: 'g1' }, guest))?.id,
        `${host} ${kind} ${guest}`,
      ).toBe(id)
    }
    const none = { target_kind: null, target: null, device: null, guest_device: null }
    await virtualInterfaces.setTarget(a.vif.id, none)
    expect(await virtualInterfaces.byId(a.vif.id)).toMatchObject(none)
    expect(await virtualInterfaces.byTarget('host1', { kind: 'netns', name: 'g1' }, 'eth0')).toBeNull()
  })
})

test('a heartbeat makes the row of a service, then renews it', async () => {
  const database = await openDatabase()
  const row = {
    host: 'host2',
    version: '0.1.0',
    nodes: 'NetworkController',
    started_at: '2026-11-01',
    reported_at: '2026-11-01',
    busy_since: null,
  }
  const report = (values: Partial<typeof row>) =>
    database.transaction((store) => store.services.report({ ...row, ...values }))
  await report({})
  await report({ host: 'host1' })
  await report({ reported_at: '2026-11-02', version: '0.2.0' })
  expect(await database.read((store) => store.services.list())).toEqual([
    { ...row, host: 'host1' },
    { ...row, reported_at: '2026-11-02', version: '0.2.0' },
  ])
})
