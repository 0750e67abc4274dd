import { setTimeout } from 'node:timers/promises'
import { StoreUnavailable } from 'netloom/contracts'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { MysqlEngine, type MysqlEngineOptions } from '../../../drivers/database/mysql/engine.ts'
import { parseTarget } from '../../../drivers/database/mysql/target.ts'
import { type Patience, SqlDatabase } from '../../../drivers/database/sql/database.ts'
import { allocate, newNetwork, poolOf, TestClock } from '../../drivers/database/kit.ts'
import { makeMysqlDatabase, type Place } from '../../drivers/database/places.ts'
import { type PrivateMariadb, startPrivateMariadb } from '../../kit-internal/private-mariadb.ts'
import { startTcpProxy, type TcpProxy } from '../../kit-internal/tcp-proxy.ts'

let mariadb: PrivateMariadb
beforeAll(async () => {
  mariadb = await startPrivateMariadb()
})
afterAll(() => mariadb?.stop())

const targetOf = (connection: string) => parseTarget(connection).target!

/** A store that is reached through a proxy. */
async function storeBehindProxy(patienceMs: Partial<Patience> = {}, options: Partial<MysqlEngineOptions> = {}) {
  const place = await makeMysqlDatabase(mariadb.server)
  const target = targetOf(place.connection)
  const proxy = await startTcpProxy(target.port)
  const engine = new MysqlEngine({ ...target, port: proxy.port }, { poolSize: 4, ...options })
  const database = new SqlDatabase(engine, new TestClock(), patienceMs)
  await database.open()
  onTestFinished(async () => {
    proxy.open = true
    proxy.flowing = true
    proxy.judge = () => 'pass'
    await database.close()
    await proxy.close()
  })
  await database.transaction((store) => store.networks.create(poolOf(50)))
  return { place, proxy, database }
}

/** Has the proxy treat the next COMMIT in some way, once. */
function onNextCommit(proxy: TcpProxy, verdict: 'cut' | 'lose answer', then: () => void = () => undefined): void {
  proxy.judge = (chunk) => {
    if (!chunk.includes('COMMIT')) return 'pass'
    proxy.judge = () => 'pass'
    then()
    return verdict
  }
}

const used = async (place: Place) =>
  (await place.query('SELECT COUNT(*) AS used FROM fixed_ips WHERE allocated = 1'))[0]?.used

describe('a connection that is lost', () => {
  test('before the commit: the work is done again, once in the end', async () => {
    const { place, proxy, database } = await storeBehindProxy()
    let runs = 0
    await database.transaction(async (store) => {
      runs += 1
      const network = await store.networks.byId(1)
      await allocate(store, network, 1)
      if (runs === 1) proxy.cut()
      await allocate(store, network, 2)
    })
    expect(runs).toBe(2)
    expect(await used(place)).toBe(2)
  })

  test.each([
    { verdict: 'cut', happened: 'did not happen, and is done again', runs: 2 },
    { verdict: 'lose answer', happened: 'happened, and is not done again', runs: 1 },
  ] as const)('during a commit ($verdict): it is found out that it $happened', async ({ verdict, runs }) => {
    const { place, proxy, database } = await storeBehindProxy()
    onNextCommit(proxy, verdict)
    let ran = 0
    const claims = [1, 2, 3].map((number) =>
      database.transaction(async (store) => {
        ran += 1
        return (await allocate(store, await store.networks.byId(1), number)).fixedIp.address
      }),
    )
    expect(await Promise.all(claims)).toEqual(['10.0.0.0', '10.0.0.1', '10.0.0.2'])
    expect(ran).toBe(3 * runs)
    expect(await used(place)).toBe(3)
  })

  test('during a commit, by a server that stays away: nobody can say, and so the error does', async () => {
    const { place, proxy, database } = await storeBehindProxy({}, { verdictLimitMs: 300 })
    onNextCommit(proxy, 'lose answer', () => {
      proxy.open = false
      void setTimeout(50).then(() => proxy.cut())
    })
    let runs = 0
    const outcome = await database
      .transaction(async (store) => {
        runs += 1
        await allocate(store, await store.networks.byId(1), 1)
      })
      .catch((error: unknown) => error)
    expect(outcome).toBeInstanceOf(StoreUnavailable)
    expect((outcome as Error).message).toMatch(/lost during a commit .*may or may not have happened/)
    expect(runs).toBe(1)
    proxy.open = true
    await database.transaction((store) => store.networks.create(newNetwork('10.9.0.0/28')))
    expect(await used(place)).toBe(1)
  })

  test('during a read: it is read again', async () => {
    const { proxy, database } = await storeBehindProxy()
    let runs = 0
    const networks = await database.read(async (store) => {
      runs += 1
      if (runs === 1) proxy.cut()
      return store.networks.list()
    })
    expect(networks).toHaveLength(1)
    expect(runs).toBe(2)
  })
})

describe('a store that is away', () => {
  test('is named in the error, after a bounded time, and used again once it is back', async () => {
    const { proxy, database } = await storeBehindProxy({ away: 300 })
    proxy.open = false
    proxy.cut()
    const tries = await Promise.allSettled([
      database.transaction((store) => store.networks.list()),
      database.read((store) => store.networks.list()),
      database.nowMs(),
    ])
    for (const outcome of tries) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'StoreUnavailable', exitStatus: 5 } })
      expect(String((outcome as PromiseRejectedResult).reason)).toMatch(
        /fact store mysql:\/\/root@127.0.0.1:\d+\/netloom_test_\d+_\d+ is away/,
      )
    }
    proxy.open = true
    expect(await database.transaction((store) => store.networks.list())).toHaveLength(1)
  })

  test('because it hangs is noticed, and what hung has no effect when it goes on', async () => {
    const { place, proxy, database } = await storeBehindProxy({ away: 100 }, { statementLimitMs: 300 })
    proxy.flowing = false
    const refused = database.transaction(async (store) => allocate(store, await store.networks.byId(1), 1))
    await expect(refused).rejects.toThrow(StoreUnavailable)
    proxy.flowing = true
    expect(await database.transaction((store) => store.networks.list())).toHaveLength(1)
    await vi.waitFor(async () => expect(await used(place)).toBe(0))
  })

  test('for a while is waited for', async () => {
    const { proxy, database } = await storeBehindProxy()
    proxy.open = false
    proxy.cut()
    const waiting = database.transaction((store) => store.networks.list())
    await setTimeout(300)
    proxy.open = true
    expect(await waiting).toHaveLength(1)
  })
})

test('a server that is killed under load loses nothing that was acknowledged, and nothing is done twice (lessons A2)', async () => {
  const place = await makeMysqlDatabase(mariadb.server)
  const database = new SqlDatabase(new MysqlEngine(targetOf(place.connection), { poolSize: 10 }), new TestClock())
  await database.open()
  onTestFinished(() => database.close())
  const network = await database.transaction((store) => store.networks.create(poolOf(20_000)))
  const held = new Map<string, number>()
  let number = 0
  let killing = true
  const writer = async () => {
    while (killing) {
      number += 1
      const mine = number
      const { fixedIp, vif } = await database.transaction((store) => allocate(store, network, mine))
      expect(held.has(fixedIp.address)).toBe(false)
      held.set(fixedIp.address, vif.id)
      if (mine % 3 !== 0) continue
      await database.transaction(async (store) => {
        await store.fixedIps.deallocate(fixedIp.id)
        await store.virtualInterfaces.remove([vif.id])
      })
      held.delete(fixedIp.address)
    }
  }
  const writers = Promise.all(Array.from({ length: 32 }, writer))
  for (let round = 0; round < 3; round++) {
    const before = number
    await vi.waitFor(() => expect(number).toBeGreaterThan(before + 100), { timeout: 30_000 })
    await mariadb.kill()
    await mariadb.start()
  }
  const before = number
  await vi.waitFor(() => expect(number).toBeGreaterThan(before + 100), { timeout: 30_000 })
  killing = false
  await writers
  const { rows, interfaces } = await database.read(async (store) => ({
    rows: await store.fixedIps.list({}),
    interfaces: await store.virtualInterfaces.list({}),
  }))
  const there = new Map(rows.map((row) => [row.address, row.virtual_interface_id]))
  expect(there).toEqual(held)
  expect(interfaces.map(({ id }) => id).sort()).toEqual([...held.values()].sort())
}, 120_000)
