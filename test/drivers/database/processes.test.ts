import { type NetworkStore, NoMoreFixedIps, ServiceAlreadyRunning } from 'netloom/contracts'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { bundle } from '../../kit-internal/bundle.ts'
import { allocate, newNetwork, openDatabase, poolOf } from './kit.ts'
import { makePlace } from './places.ts'
import { startChild } from './processes/start.ts'

let script: string
beforeAll(async () => {
  script = await bundle('test/drivers/database/processes/worker.ts', 'database-worker')
})

/** A store with one network, of a pool of this size. */
async function storeWithPool(size: number) {
  const place = await makePlace()
  const database = await openDatabase({ place })
  const network = await database.transaction((store) => store.networks.create(poolOf(size)))
  return { connection: place.connection, database, network }
}

describe('several processes on one store', () => {
  test('1000 claims of 4 processes at once take the 1000 addresses of the pool, each once (defects-manager A2, lessons A7)', async () => {
    const { connection, database, network } = await storeWithPool(1000)
    const children = [0, 1, 2, 3].map((part) =>
      startChild(script, [connection, 'claim', '250', String(1 + 250 * part)]),
    )
    const results = await Promise.all(children.map((child) => child.ended))
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0])
    const addresses: string[] = results.flatMap(({ output }) => JSON.parse(output))
    expect(addresses).toHaveLength(1000)
    expect(new Set(addresses).size).toBe(1000)
    await expect(database.transaction((store) => allocate(store, network, 2000))).rejects.toThrow(NoMoreFixedIps)
    expect(await database.read((store) => store.networks.usage(network.id))).toEqual({
      used: 1000,
      held: 0,
      reserved: 0,
      free: 0,
    })
  })

  test('a new project has one network whoever asks, and K new ones have K, all at once (defects-manager A11)', async () => {
    const place = await makePlace()
    const database = await openDatabase({ place })
    const projects = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    await database.transaction(async (store) => {
      for (const [index] of projects.entries()) {
        await store.networks.create(newNetwork(`10.0.${index}.0/29`, { vlan: 100 + index }))
      }
    })
    const children = [0, 1, 2, 3].map((turn) => {
      const turned = [...projects.slice(2 * turn), ...projects.slice(0, 2 * turn)]
      return startChild(script, [place.connection, 'associate', ...turned, ...turned])
    })
    const results = await Promise.all(children.map((child) => child.ended))
    expect(results.map(({ code, output }) => (code === 0 ? 'ended well' : output))).toEqual(Array(4).fill('ended well'))
    const answers: [string, number][] = results.flatMap(({ output }) => JSON.parse(output))
    expect(answers).toHaveLength(64)
    const rows = await database.read((store) => store.networks.list())
    expect(rows.map((row) => row.project_id).toSorted()).toEqual(projects)
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(rows.map((row) => [row.project_id, row.id])))
    expect(new Set(answers.map((answer) => answer.join())).size).toBe(8)
  })

  test('claims, choices and reservations at once leave each address in one row, and nobody is refused while one is free', async () => {
    const { connection, database, network } = await storeWithPool(900)
    const stores = await Promise.all(
      [1, 2, 3, 4].map(() => openDatabase({ place: { connection, query: async () => [] } })),
    )
    const at = (index: number) => `10.0.${index >> 8}.${index & 255}`
    // 700 claims of 900 addresses, of which 100 are chosen by others and 90 reserved meanwhile.
    const outcomes = await Promise.allSettled(
      stores.flatMap((store, part) => [
        ...Array.from({ length: 175 }, (_, index) =>
          store.transaction((s) => allocate(s, network, 1 + 4 * index + part)),
        ),
        ...Array.from({ length: 25 }, (_, index) => {
          const number = 1000 + 4 * index + part
          return store.transaction((s) => allocate(s, network, number, at(500 + 3 * (4 * index + part))))
        }),
        ...[0, 1, 2].map((index) => {
          const first = 860 - 60 * part - 10 * index
          return store.transaction((s) => s.pools.reserve(network.id, { first: at(first), last: at(first + 4) }))
        }),
      ]),
    )
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
    // A chosen address may have been taken or reserved by another, a range may be in use by then: nothing else.
    expect(
      refused.filter((code) => !['FixedIpAlreadyInUse', 'FixedIpReserved', 'FixedIpInUse'].includes(code)),
    ).toEqual([])
    const { held, usage, ranges } = await database.read(async ({ fixedIps, networks, pools }) => ({
      held: await fixedIps.list({ networkIds: [network.id] }),
      usage: await networks.usage(network.id),
      ranges: [...(await pools.ranges('free')), ...(await pools.ranges('reserved'))],
    }))
    const outside = ranges.reduce((sum, { addresses }) => sum + addresses, 0)
    expect([held.length + outside, usage.used]).toEqual([900, held.length])
    expect(new Set(held.map((row) => row.address)).size).toBe(held.length)
    expect(held.length).toBe(800 - refused.filter((code) => code !== 'FixedIpInUse').length)
    // The rest goes too, to the last one.
    const rest = await Promise.allSettled(
      Array.from({ length: usage.free + 4 }, (_, index) =>
        stores[index % 4]!.transaction((s) => allocate(s, network, 2000 + index)),
      ),
    )
    const late = rest.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
    expect(late).toEqual(Array(4).fill('NoMoreFixedIps'))
  })

  test('64 writers in 4 processes that take and give back addresses never meet an error, and own what they were told', async () => {
    const { connection, database, network } = await storeWithPool(700)
    const children = [0, 1, 2, 3].map((part) =>
      startChild(script, [connection, 'churn', '16', '20', String(1 + 320 * part)]),
    )
    const results = await Promise.all(children.map((child) => child.ended))
    expect(results.map(({ code, output }) => (code === 0 ? 'ended well' : output))).toEqual(Array(4).fill('ended well'))
    const kept: [string, string][] = results.flatMap(({ output }) => JSON.parse(output))
    expect(kept).toHaveLength(640)
    const rows = await database.read((store) => store.fixedIps.list({ networkIds: [network.id] }))
    expect(new Map(rows.map((row) => [row.address, row.instance_uuid]))).toEqual(new Map(kept))
    expect(rows).toHaveLength(640)
  })

  test('of 32 that want one address exactly one gets it, and the row says who (defects-manager A1)', async () => {
    const { connection, database } = await storeWithPool(4)
    const children = [0, 1, 2, 3].map((part) =>
      startChild(script, [connection, 'contend', '10.0.0.2', '8', String(1 + 8 * part)]),
    )
    const results = await Promise.all(children.map((child) => child.ended))
    const outcomes: string[] = results.flatMap(({ output }) => JSON.parse(output))
    expect(outcomes.filter((outcome) => outcome === 'won')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'FixedIpAlreadyInUse')).toHaveLength(31)
    const winner = outcomes.indexOf('won') + 1
    const row = await database.read((store) => store.fixedIps.byAddress('10.0.0.2'))
    expect(row.instance_uuid).toBe(`00000000-0000-4000-8000-${String(winner).padStart(12, '0')}`)
  })

  test('what was answered is there after kill -9 in the middle of writing, and nothing is half there (lessons A2)', async () => {
    const { connection, database, network } = await storeWithPool(60_000)
    for (let round = 0; round < 3; round++) {
      const child = startChild(script, [connection, 'write', String(1 + 20_000 * round)])
      await child.said('\n10.')
      child.process.kill('SIGKILL')
      const { output } = await child.ended
      const answered = output.split('\n').slice(0, -1)
      const { held, interfaces } = await database.read(async (store) => ({
        held: await store.fixedIps.list({ networkIds: [network.id] }),
        interfaces: await store.virtualInterfaces.list({}),
      }))
      expect(held.map((row) => row.address)).toEqual(expect.arrayContaining(answered))
      // The interface and the claim of its address are one transaction.
      expect(held.map((row) => row.virtual_interface_id)).toEqual(interfaces.map((vif) => vif.id))
      expect(held.every((row) => row.allocated && row.mac !== null)).toBe(true)
    }
  })
})

describe('the claim of a host', () => {
  test('refuses a second process until the first dies, however it dies', async () => {
    const { connection, database } = await storeWithPool(4)
    const child = startChild(script, [connection, 'serve', 'host1'])
    await child.said('serving')
    await expect(database.claimHost('host1')).rejects.toThrow(ServiceAlreadyRunning)
    await database.claimHost('host2')
    child.process.kill('SIGKILL')
    await child.ended
    // A server hears of it a moment later.
    await vi.waitFor(() => database.claimHost('host1'), { timeout: 5000 })
    await database.claimHost('host1')
    const late = await startChild(script, [connection, 'serve', 'host1']).ended
    expect(late.code).not.toBe(0)
    expect(late.output).toContain('another netloom service of host host1 is running')
    await database.close()
    await startChild(script, [connection, 'serve', 'host1']).said('serving')
  })

  test('does not hinder work on the store', async () => {
    const { connection, database, network } = await storeWithPool(4)
    const child = startChild(script, [connection, 'serve', 'host1'])
    await child.said('serving')
    await database.transaction((store) => allocate(store, network, 1))
  })

  test('is of one store, and never takes a path for a name', async () => {
    const [one, other] = [await openDatabase(), await openDatabase()]
    await one.claimHost('host1')
    await other.claimHost('host1')
    await expect(one.claimHost('../host1')).rejects.toThrow('host "../host1" is not valid')
  })
})

describe('two processes that look before they write', () => {
  /** Two stores on one place, as two processes have them, with the refusals of one of the two works. */
  async function refusals(work: (store: NetworkStore, index: number) => Promise<unknown>): Promise<unknown[]> {
    const place = await makePlace()
    const databases = [await openDatabase({ place }), await openDatabase({ place })]
    const outcomes = await Promise.allSettled(
      databases.map((database, index) => database.transaction((store) => work(store, index))),
    )
    return outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
  }

  test('make one of two networks that overlap', async () => {
    for (let round = 0; round < 3; round++) {
      const codes = await refusals((store, index) =>
        store.networks.create(newNetwork(['10.0.0.0/26', '10.0.0.32/27'][index]!, { range: null, reserved: [] })),
      )
      expect(codes).toEqual(['CidrConflict'])
    }
  })

  test('make a floating IP once, and the other is told that it is there', async () => {
    const codes = await refusals((store) =>
      store.floatingIps.create([{ address: '203.0.113.1', pool: 'p', interface: null }]),
    )
    expect(codes).toEqual(['FloatingIpExists'])
  })
})
