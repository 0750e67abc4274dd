import type { DatabaseDriver } from 'netloom/contracts'
import { expect, test } from 'vitest'
import { allocate, openDatabase, poolOf, uuid } from './kit.ts'

const rows = (...last: number[]) =>
  last.map((number) => ({ address: `203.0.113.${number}`, pool: 'public', interface: number === 1 ? 'eth2' : null }))

const addresses = (database: DatabaseDriver, filter = {}) =>
  database.read(async (store) => (await store.floatingIps.list(filter)).map((row) => row.address))

/** Three floating IPs, and a network with a fixed IP in use. */
async function storeWithFloatingIps() {
  const database = await openDatabase()
  const { fixedIp } = await database.transaction(async (store) => {
    await store.floatingIps.create(rows(1, 2, 3))
    return allocate(store, await store.networks.create(poolOf(4)), 1)
  })
  return { database, fixedIp }
}

test('floating IPs are made all or none, and the error names one that is there', async () => {
  const { database } = await storeWithFloatingIps()
  const create = (...last: number[]) => database.transaction((store) => store.floatingIps.create(rows(...last)))
  await expect(create(4, 5, 2)).rejects.toThrow('floating IP 203.0.113.2 exists already: nothing was made')
  await expect(create(6, 7, 6)).rejects.toThrow('floating IP 203.0.113.6 exists already')
  expect(await addresses(database)).toEqual(['203.0.113.1', '203.0.113.2', '203.0.113.3'])
  await create()
  expect(await database.read((store) => store.floatingIps.pools())).toEqual(['public'])
  const many = Array.from({ length: 2000 }, (_, index) => ({
    address: `198.18.${index >> 8}.${index & 255}`,
    pool: 'large',
    interface: null,
  }))
  await database.transaction((store) => store.floatingIps.create(many))
  expect(await addresses(database)).toHaveLength(2003)
  expect(await database.read((store) => store.floatingIps.pools())).toEqual(['large', 'public'])
})

test('a /20 of floating IPs takes a look and an INSERT for each 500 of them (defects-manager G8)', async () => {
  const database = await openDatabase()
  const many = Array.from({ length: 4094 }, (_, index) => ({
    address: `198.18.${(index + 1) >> 8}.${(index + 1) & 255}`,
    pool: 'large',
    interface: null,
  }))
  let statements = 0
  database.onStatement = () => void statements++
  await database.transaction((store) => store.floatingIps.create(many))
  expect(statements).toBe(1 + Math.ceil(4094 / 500))
  expect(await addresses(database)).toHaveLength(4094)
})

test('floating IPs are removed all or none, and those in use are named (defects-manager C10)', async () => {
  const { database } = await storeWithFloatingIps()
  const remove = (...list: string[]) => database.transaction((store) => store.floatingIps.remove(list))
  await database.transaction((store) => store.floatingIps.allocate('public', 'demo', false))
  await expect(remove('203.0.113.2', '203.0.113.1')).rejects.toThrow('floating IPs in use: 203.0.113.1;')
  await expect(remove('203.0.113.2', '203.0.113.9')).rejects.toThrow('203.0.113.9 is not a floating IP')
  expect(await addresses(database)).toHaveLength(3)
  await remove('203.0.113.3', '203.0.113.2', '203.0.113.3')
  expect(await addresses(database)).toEqual(['203.0.113.1'])
})

test('the first free address of the pool is allocated, each to one project, until none is left', async () => {
  const { database } = await storeWithFloatingIps()
  const take = (pool: string) => database.transaction((store) => store.floatingIps.allocate(pool, 'demo', true))
  const [first, ...others] = await Promise.all([take('public'), take('public'), take('public')])
  expect(first).toEqual(await database.read((store) => store.floatingIps.byAddress('203.0.113.1')))
  expect(first).toMatchObject({ project_id: 'demo', auto_assigned: true, interface: 'eth2', fixed_address: null })
  expect(others.map((row) => row.address)).toEqual(['203.0.113.2', '203.0.113.3'])
  await expect(take('public')).rejects.toThrow('no address of floating pool public is free')
  await expect(take('nowhere')).rejects.toThrow('no address of floating pool nowhere is free')
})

test('an address leads to a fixed IP only while a project has it (defects-manager C1)', async () => {
  const { database, fixedIp } = await storeWithFloatingIps()
  const address = '203.0.113.1'
  const run = <T>(work: Parameters<typeof database.transaction<T>>[0]) => database.transaction(work)
  const associate = () => run((store) => store.floatingIps.associate(address, fixedIp.id, 'host1'))
  const detail = () => run((store) => store.floatingIps.byAddress(address))

  expect(await associate()).toBe(false)
  await run((store) => store.floatingIps.allocate('public', 'demo', true))
  expect([await associate(), await associate()]).toEqual([true, true])
  const associated = {
    fixed_ip_id: fixedIp.id,
    fixed_address: '10.0.0.0',
    instance_uuid: uuid(1),
    network_id: 1,
    host: 'host1',
  }
  expect(await detail()).toMatchObject(associated)
  // Given back only when it leads nowhere.
  expect(await run((store) => store.floatingIps.release(address, 'demo'))).toBe(false)
  await expect(run((store) => store.floatingIps.associate(address, 999, 'host1'))).rejects.toThrow(
    'fixed IP 999 is not there',
  )
  expect(await run((store) => store.floatingIps.disassociate(address, { leadsTo: 999 }))).toBe(false)
  expect(await detail()).toMatchObject(associated)
  expect(await run((store) => store.floatingIps.disassociate(address, { leadsTo: fixedIp.id }))).toBe(true)
  expect(await run((store) => store.floatingIps.disassociate(address))).toBe(false)
  expect(await detail()).toMatchObject({ fixed_ip_id: null, fixed_address: null, host: null, project_id: 'demo' })
  expect(await run((store) => store.floatingIps.release(address, 'demo'))).toBe(true)
  expect(await detail()).toMatchObject({ project_id: null, auto_assigned: false })
  expect([await run((store) => store.floatingIps.release(address, 'demo')), await associate()]).toEqual([false, false])
  expect(await run((store) => store.floatingIps.release('192.0.2.1', 'demo'))).toBe(false)
  await expect(run((store) => store.floatingIps.byAddress('192.0.2.1'))).rejects.toThrow(
    '192.0.2.1 is not a floating IP',
  )
})

test('a change is made only while the address is as it was checked: a late call takes nothing from the next project', async () => {
  const { database, fixedIp } = await storeWithFloatingIps()
  const address = '203.0.113.1'
  const run = <T>(work: Parameters<typeof database.transaction<T>>[0]) => database.transaction(work)
  const take = (project: string) => run((store) => store.floatingIps.allocate('public', project, false))
  const release = (project: string) => run((store) => store.floatingIps.release(address, project))
  await take('demo')
  expect(await release('demo')).toBe(true)
  await take('next')
  expect(await release('demo')).toBe(false)
  const cases = [
    [{ projectId: 'demo' }, false],
    [{ projectId: 'next', leadsTo: fixedIp.id }, false],
    [{ projectId: 'next', leadsTo: null }, true],
    [{ leadsTo: null }, false],
    [{ leadsTo: fixedIp.id }, true],
    [{}, true],
  ] as const
  for (const [ifIs, done] of cases) {
    const associate = run((store) => store.floatingIps.associate(address, fixedIp.id, 'host1', ifIs))
    expect(await associate, JSON.stringify(ifIs)).toBe(done)
  }
  expect(await run((store) => store.floatingIps.disassociate(address, { projectId: 'demo' }))).toBe(false)
  expect(await run((store) => store.floatingIps.disassociate(address, { projectId: 'next' }))).toBe(true)
  const { id } = await run((store) => store.floatingIps.byAddress(address))
  expect(await run((store) => store.floatingIps.byId(id))).toMatchObject({ address, project_id: 'next' })
  await expect(run((store) => store.floatingIps.byId(999))).rejects.toThrow('floating IP 999 is not there')
})

test('floating IPs are found by host, project, address and fixed IP, all together', async () => {
  const { database, fixedIp } = await storeWithFloatingIps()
  await database.transaction(async ({ floatingIps }) => {
    await floatingIps.allocate('public', 'demo', false)
    await floatingIps.allocate('public', 'other', false)
    await floatingIps.associate('203.0.113.2', fixedIp.id, 'host1')
  })
  const cases = [
    [{}, [1, 2, 3]],
    [{ projectId: 'demo' }, [1]],
    [{ host: 'host1' }, [2]],
    [{ fixedIpIds: [fixedIp.id] }, [2]],
    [{ fixedIpIds: [fixedIp.id], projectId: 'demo' }, []],
    [{ instanceUuid: uuid(1) }, [2]],
    [{ instanceUuid: uuid(2) }, []],
    [{ addresses: ['203.0.113.3', '203.0.113.1'] }, [1, 3]],
    [{ addresses: [] }, []],
  ] as const
  for (const [filter, last] of cases) {
    expect(await addresses(database, filter), JSON.stringify(filter)).toEqual(
      last.map((number) => `203.0.113.${number}`),
    )
  }
})
