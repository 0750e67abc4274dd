import { setTimeout } from 'node:timers/promises'
import { type NetworkStore, StoreBusy } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { allocate, newNetwork, type OpenOptions, openDatabase, poolOf } from './kit.ts'
import { engineName, makePlace } from './places.ts'

const cidrs = async (store: NetworkStore) => (await store.networks.list()).map((network) => network.cidr)

describe('a transaction', () => {
  test('that fails leaves nothing, and its error comes out as it was', async () => {
    const database = await openDatabase()
    const reason = new Error('of the caller')
    const failed = database.transaction(async (store) => {
      await store.networks.create(newNetwork('10.0.0.0/24'))
      throw reason
    })
    await expect(failed).rejects.toBe(reason)
    expect(await database.read(cidrs)).toEqual([])
  })

  test('is not touched by others that run at the same time and fail (stack.md pitfall A)', async () => {
    const database = await openDatabase()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        database.transaction(async (store) => {
          await store.networks.create(newNetwork(`10.${index}.0.0/28`))
          await setTimeout(1)
          if (index % 2 === 1) throw new Error('rolled back')
        }),
      ),
    )
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(10)
    const even = Array.from({ length: 10 }, (_, index) => `10.${2 * index}.0.0/28`)
    expect(await database.read(cidrs)).toEqual(even)
  })

  test('comes before those that were asked for later at the same moment', async () => {
    const database = await openDatabase()
    const order: number[] = []
    await Promise.all([0, 1, 2, 3].map((index) => database.transaction(async () => void order.push(index))))
    expect(order).toEqual([0, 1, 2, 3])
  })

  test('goes on after a refused statement that its work has caught', async () => {
    const database = await openDatabase()
    await database.transaction(async (store) => {
      await store.networks.create(newNetwork('10.0.0.0/28', { vlan: 7 }))
      await expect(store.networks.create(newNetwork('10.1.0.0/28', { vlan: 7 }))).rejects.toThrow('VLAN 7')
      await store.networks.create(newNetwork('10.2.0.0/28', { vlan: 8 }))
    })
    expect(await database.read(cidrs)).toEqual(['10.0.0.0/28', '10.2.0.0/28'])
  })

  test('refuses another one inside instead of waiting for itself', async () => {
    const database = await openDatabase()
    const nested = database.transaction(() => database.read(async () => undefined))
    await expect(nested).rejects.toThrow('begun inside another')
    // What a transaction only started may go on after it.
    let later: Promise<unknown> = Promise.resolve()
    await database.transaction(async () => {
      later = setTimeout(5).then(() => database.read(cidrs))
    })
    expect(await later).toEqual([])
  })

  test('ends the store that it lent', async () => {
    const database = await openDatabase()
    const lent = await database.transaction(async (store) => store)
    await expect(lent.networks.list()).rejects.toThrow('after its transaction had ended')
  })

  test('lets timers run while a long queue of transactions waits', async () => {
    const database = await openDatabase()
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await Promise.all(Array.from({ length: 2000 }, () => database.transaction((store) => store.networks.list())))
    clearInterval(timer)
    expect(turns).toBeGreaterThan(1)
  })
})

describe('a read', () => {
  test('sees one state of the store while another process changes it', async () => {
    const place = await makePlace()
    const database = await openDatabase({ place })
    await database.transaction((store) => store.networks.create(newNetwork('10.0.0.0/28')))
    const seen = await database.read(async (store) => {
      const before = await cidrs(store)
      await place.query("UPDATE networks SET cidr = '10.9.0.0/28'")
      return [before, await cidrs(store)]
    })
    expect(seen).toEqual([['10.0.0.0/28'], ['10.0.0.0/28']])
    expect(await database.read(cidrs)).toEqual(['10.9.0.0/28'])
  })

  test('cannot write', async () => {
    const database = await openDatabase()
    await expect(database.read((store) => store.networks.moveHost(1, null, 'host1'))).rejects.toThrow(
      'a read of the fact store tried to write',
    )
  })
})

describe('while another process writes', () => {
  /** A second connection that is in the middle of a write that others have to wait for. */
  async function heldStore(patienceMs?: OpenOptions['patienceMs']) {
    const place = await makePlace()
    const database = await openDatabase({ place, ...(patienceMs && { patienceMs }) })
    if (engineName === 'sqlite') await place.query('BEGIN IMMEDIATE')
    else {
      await place.query('START TRANSACTION')
      await place.query('SELECT * FROM schema_migrations FOR UPDATE')
    }
    return { database, place }
  }

  test('a transaction waits, and the process goes on meanwhile', async () => {
    const { database, place } = await heldStore()
    const waiting = database.transaction((store) => store.networks.create(newNetwork('10.0.0.0/28')))
    expect(await database.read(cidrs)).toEqual([])
    await setTimeout(250)
    await place.query('COMMIT')
    expect((await waiting).cidr).toBe('10.0.0.0/28')
  })

  test('a transaction that waited too long ends with StoreBusy and leaves nothing', async () => {
    const { database, place } = await heldStore({ busy: 300 })
    const create = () => database.transaction((store) => store.networks.create(newNetwork('10.0.0.0/28')))
    const refused = await create().catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(StoreBusy)
    expect(refused).toMatchObject({ retryable: true })
    await place.query('ROLLBACK')
    expect(await database.read(cidrs)).toEqual([])
    await create()
  })
})

test('every operation of the daily work takes a constant number of statements (defects-linux-net B7, B8)', async () => {
  const database = await openDatabase()
  const network = await database.transaction((store) => store.networks.create(poolOf(300)))
  const { fixedIp, vif, claim } = await database.transaction(async (store) => {
    await store.floatingIps.create([{ address: '203.0.113.1', pool: 'p', interface: null }])
    for (let number = 1; number <= 200; number++) await allocate(store, network, number)
    return allocate(store, network, 201)
  })
  // An engine that cannot return the row that an UPDATE has changed is asked for it.
  const claimed = engineName === 'sqlite' ? 1 : 2
  const operations: readonly [number, (store: NetworkStore) => Promise<unknown>][] = [
    [1, (store) => store.networks.list()],
    [1, (store) => store.networks.usage(network.id)],
    [1, (store) => store.networks.on('h1')],
    [1, (store) => store.instances.list({})],
    [1, (store) => store.instances.byUuid(claim.instanceUuid)],
    [1, (store) => store.virtualInterfaces.list({ pluggedOn: 'h1' })],
    [1, (store) => store.fixedIps.list({ networkIds: [network.id] })],
    [claimed, (store) => store.fixedIps.claimFromPool(claim)],
    [claimed, (store) => store.fixedIps.claimAddress('10.0.0.250', claim)],
    // One that has no row yet: it is found, gets one, and is parted from those after it.
    [claimed + 6, (store) => store.fixedIps.claimAddress('10.0.1.20', claim)],
    [1, (store) => store.networks.usages()],
    [1, (store) => store.pools.ranges('free')],
    [1, (store) => store.fixedIps.lease(fixedIp.address, vif.address)],
    [claimed, (store) => store.floatingIps.allocate('p', 'demo', false)],
    [1, (store) => store.floatingIps.associate('203.0.113.1', fixedIp.id, 'host1')],
    [1, (store) => store.floatingIps.disassociate('203.0.113.1')],
    [1, (store) => store.floatingIps.release('203.0.113.1', 'demo')],
    [claimed, (store) => store.fixedIps.deallocate(fixedIp.id)],
    [1, (store) => store.fixedIps.release(fixedIp.address, vif.address)],
    [1, (store) => store.fixedIps.freeStale([network.id], '2030')],
    // Where all writers wait anyway there is nothing to lock.
    [claimed - 1, (store) => store.projects.lock('demo')],
    [claimed - 1, (store) => store.instances.lock(claim.instanceUuid)],
    [1, (store) => store.projects.fixedIps('demo')],
    [1, (store) => store.projects.floatingIps('demo')],
  ]
  for (const [wanted, operation] of operations) {
    const statements: string[] = []
    database.onStatement = (sql) => statements.push(sql)
    await database.transaction(operation)
    expect(statements, String(operation)).toHaveLength(wanted)
  }
})
