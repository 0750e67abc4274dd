import type { NetworkStore } from 'netloom/contracts'
import { expect, test } from 'vitest'
import { allocate, mac, openDatabase, poolOf, uuid } from './kit.ts'

test('an address is deallocated only while the instance that is meant uses it (defects-manager A3)', async () => {
  const database = await openDatabase()
  await database.transaction(async (store) => {
    const network = await store.networks.create(poolOf(1))
    const first = await allocate(store, network, 1)
    expect(await store.fixedIps.deallocate(first.fixedIp.id, uuid(2))).toMatchObject({ allocated: true })
    expect(await store.fixedIps.deallocate(first.fixedIp.id, uuid(1))).toMatchObject({ allocated: false })
    const next = await allocate(store, network, 2)
    expect(next.fixedIp.id).toBe(first.fixedIp.id)
    // A second call for the first one, which comes late.
    await store.fixedIps.deallocate(first.fixedIp.id, uuid(1))
    const row = await store.fixedIps.byId(first.fixedIp.id)
    expect(row).toMatchObject({ allocated: true, instance_uuid: uuid(2), mac: mac(2), hostname: 'vm-2' })
    await expect(store.fixedIps.byId(99)).rejects.toThrow('fixed IP 99 is not there')
  })
})

test('networks are found by their UUIDs, in the order asked for, each as often as asked for', async () => {
  const database = await openDatabase()
  await database.transaction(async ({ networks }) => {
    const [one, two] = [await networks.create(poolOf(1)), await networks.create(poolOf(1, 1))]
    const ids = async (...uuids: string[]) => (await networks.byUuids(uuids)).map(({ id }) => id)
    expect(await ids()).toEqual([])
    expect(await ids(two.uuid, one.uuid, two.uuid)).toEqual([two.id, one.id, two.id])
    await expect(ids(one.uuid, uuid(7))).rejects.toThrow(uuid(7))
  })
})

test('what an instance has in multi_host networks moves with it; what one host serves stays', async () => {
  const database = await openDatabase()
  const floating = ['203.0.113.1', '203.0.113.2', '203.0.113.3']
  const hosts = async (store: NetworkStore) => (await store.floatingIps.list({})).map((row) => row.host)
  await database.transaction(async (store) => {
    const own = await store.networks.create({ ...poolOf(4), multi_host: true })
    const shared = await store.networks.create({ ...poolOf(4, 1), host: 'net1' })
    const one = await allocate(store, own, 1)
    const two = await allocate(store, own, 2)
    const other = await allocate(store, shared, 3)
    await store.floatingIps.create(floating.map((address) => ({ address, pool: 'p', interface: null })))
    const places = [one, two, other].map(({ fixedIp }, i) => [floating[i]!, fixedIp.id] as const)
    for (const [address, id] of places) {
      await store.floatingIps.allocate('p', 'demo', false)
      await store.floatingIps.associate(address, id, 'host1')
    }
    expect(await store.floatingIps.moveInstance(uuid(1), 'host2', 'host3')).toEqual([])
    expect(await store.floatingIps.moveInstance(uuid(3), 'host1', 'host2')).toEqual([])
    expect(await store.floatingIps.moveInstance(uuid(1), 'host1', null)).toEqual(['203.0.113.1'])
    expect(await hosts(store)).toEqual([null, 'host1', 'host1'])
    expect(await store.floatingIps.moveInstance(uuid(1), null, 'host2')).toEqual(['203.0.113.1'])
    expect(await hosts(store)).toEqual(['host2', 'host1', 'host1'])
    await store.instances.lock(uuid(1))
    await store.instances.setHost(uuid(1), 'host2')
    expect(await store.instances.byUuid(uuid(1))).toMatchObject({ host: 'host2' })
    await store.fixedIps.claimForHost(own.id, 'host2')
    const [found] = await store.networks.on('host2')
    expect(found).toMatchObject({ id: own.id, host_address: '10.0.0.2' })
    expect((await store.networks.on('net1')).map(({ id, host_address }) => [id, host_address])).toEqual([
      [shared.id, null],
    ])
    expect(await store.virtualInterfaces.byMac(mac(2))).toMatchObject({ instance_uuid: uuid(2) })
    expect(await store.virtualInterfaces.byMac(mac(9))).toBeNull()
  })
})
