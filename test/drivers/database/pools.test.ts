import { fromInteger, type NetworkRow, type NetworkStore, NoMoreFixedIps, toInteger } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { allocate, mac, newNetwork, openDatabase, poolOf, uuid } from './kit.ts'
import { makePlace } from './places.ts'

/** A store with these networks. */
async function storeWith(...wanted: Parameters<NetworkStore['networks']['create']>[0][]) {
  const place = await makePlace()
  const database = await openDatabase({ place })
  const networks = await database.transaction(async (store) => {
    const rows: NetworkRow[] = []
    for (const network of wanted) rows.push(await store.networks.create(network))
    return rows
  })
  const ranges = async (kind: 'free' | 'reserved', networkIds?: readonly number[]) =>
    (await database.read((store) => store.pools.ranges(kind, networkIds))).map(({ first, last }) => `${first}-${last}`)
  const rowsMade = async () => Number((await place.query('SELECT COUNT(*) AS made FROM fixed_ips'))[0]?.made)
  return { place, database, network: networks[0]!, networks, ranges, rowsMade }
}

const EIGHT = newNetwork('10.0.0.0/8')

describe('a network of 16,777,216 addresses', () => {
  test('is made by the statements and the rows of one of 256 (defects-manager D8)', async () => {
    const costs = []
    for (const cidr of ['10.0.0.0/24', '10.0.0.0/8']) {
      const { database, rowsMade } = await storeWith()
      let statements = 0
      database.onStatement = () => void statements++
      await database.transaction((store) => store.networks.create(newNetwork(cidr)))
      costs.push({ statements, rows: await rowsMade() })
    }
    expect(costs[1]).toEqual(costs[0])
    expect(costs[1]!.rows).toBe(4)
  })

  test('hands out, reserves and counts addresses from end to end, in a few rows', async () => {
    const { database, network, ranges, rowsMade } = await storeWith(EIGHT)
    const addresses = await database.transaction(async (store) => {
      await store.pools.reserve(network.id, { first: '10.128.0.0', last: '10.255.255.255' })
      const one = await allocate(store, network, 1)
      const chosen = await allocate(store, network, 2, '10.99.0.7')
      return [one.fixedIp.address, chosen.fixedIp.address]
    })
    expect(addresses).toEqual(['10.0.0.2', '10.99.0.7'])
    expect(await ranges('free')).toEqual(['10.0.0.3-10.99.0.6', '10.99.0.8-10.127.255.255'])
    expect(await ranges('reserved')).toEqual(['10.0.0.0-10.0.0.1', '10.128.0.0-10.255.255.255'])
    const usage = { used: 2, held: 0, reserved: 2 + 2 ** 23, free: 2 ** 23 - 4 }
    expect(await database.read((store) => store.networks.usage(network.id))).toEqual(usage)
    // 256 rows of the chunk, and one for each range and held address.
    expect(await rowsMade()).toBeLessThan(270)
    await expect(database.transaction((store) => allocate(store, network, 3, '10.200.0.1'))).rejects.toMatchObject({
      code: 'FixedIpReserved',
    })
    await database.transaction((store) =>
      store.pools.unreserve(network.id, { first: '10.200.0.0', last: '10.200.0.255' }, []),
    )
    const { fixedIp } = await database.transaction((store) => allocate(store, network, 3, '10.200.0.1'))
    expect(fixedIp).toMatchObject({ reserved: false, instance_uuid: uuid(3) })
  })
})

describe('a pool', () => {
  test('of a few rows hands out the same addresses, in the same order, as one of all rows', async () => {
    const { database, network } = await storeWith(newNetwork('10.0.0.0/22'))
    const order = await database.transaction(async (store) => {
      const first = await allocate(store, network, 1)
      const taken = [first.fixedIp.address]
      for (let number = 2; number <= 1021; number++)
        taken.push((await store.fixedIps.claimFromPool(first.claim)).address)
      return taken
    })
    const begin = toInteger('10.0.0.2')
    expect(order).toEqual(Array.from({ length: 1021 }, (_, index) => fromInteger(begin + BigInt(index), 4)))
    await expect(database.transaction((store) => allocate(store, network, 2))).rejects.toThrow(NoMoreFixedIps)
  })

  test('gives what was never used before what was, though rows of it have to be made (defects-manager A4)', async () => {
    const { database, network } = await storeWith(poolOf(600))
    const order = await database.transaction(async (store) => {
      const { fixedIp, claim } = await allocate(store, network, 1)
      await store.fixedIps.deallocate(fixedIp.id)
      const taken = [fixedIp.address]
      for (let number = 2; number <= 601; number++) {
        const { id, address } = await store.fixedIps.claimFromPool(claim)
        await store.fixedIps.deallocate(id)
        taken.push(address)
      }
      return taken
    })
    expect(new Set(order.slice(0, 600)).size).toBe(600)
    expect(order[600]).toBe(order[0])
  })

  test('has each address once, whichever are chosen, reserved, given back and taken from it (lessons A9)', async () => {
    const { database, network, ranges, place } = await storeWith(newNetwork('10.0.0.0/28'))
    const at = (last: number) => `10.0.0.${last}`
    const of = (first: number, last = first) => ({ first: at(first), last: at(last) })
    const steps: readonly (readonly [
      what: string,
      (store: NetworkStore) => Promise<unknown>,
      free: string,
      reserved: string,
    ])[] = [
      ['nothing', async () => undefined, '2-14', '0-1 15-15'],
      ['one is chosen', (store) => allocate(store, network, 1, at(8)), '2-7 9-14', '0-1 15-15'],
      ['a part of a run', (store) => store.pools.reserve(network.id, of(10, 12)), '2-7 9-9 13-14', '0-1 10-12 15-15'],
      ['over its edge', (store) => store.pools.reserve(network.id, of(12, 13)), '2-7 9-9 14-14', '0-1 10-13 15-15'],
      ['one again', (store) => store.pools.reserve(network.id, of(11)), '2-7 9-9 14-14', '0-1 10-13 15-15'],
      [
        'one back',
        (store) => store.pools.unreserve(network.id, of(11), []),
        '2-7 9-9 11-11 14-14',
        '0-1 10-10 12-13 15-15',
      ],
      [
        'the first',
        (store) => store.pools.reserve(network.id, of(0, 2)),
        '3-7 9-9 11-11 14-14',
        '0-2 10-10 12-13 15-15',
      ],
      ['from the pool', (store) => allocate(store, network, 2), '4-7 9-9 11-11 14-14', '0-2 10-10 12-13 15-15'],
      [
        'all back but its own',
        (store) => store.pools.unreserve(network.id, of(0, 15), [at(0), at(1), at(15)]),
        '2-2 4-7 9-14',
        '0-1 15-15',
      ],
      ['the lowest of those never used', (store) => allocate(store, network, 3), '4-7 9-14', '0-1 15-15'],
    ]
    for (const [what, step, free, reserved] of steps) {
      await database.transaction(step)
      const short = (list: readonly string[]) => list.join(' ').replaceAll('10.0.0.', '')
      expect([short(await ranges('free')), short(await ranges('reserved'))], what).toEqual([free, reserved])
      const [sum] = await place.query(
        'SELECT SUM(span) AS addresses, COUNT(DISTINCT number) AS numbers, COUNT(*) AS made FROM fixed_ips',
      )
      expect([Number(sum!.addresses), sum!.numbers], what).toEqual([16, sum!.made])
      const {
        used,
        held,
        reserved: kept,
        free: left,
      } = await database.read((store) => store.networks.usage(network.id))
      const count = (list: string) =>
        list.split(' ').reduce((total, part) => total + 1 - (([a, b]) => a! - b!)(part.split('-').map(Number)), 0)
      expect([left, kept, used + held], what).toEqual([
        count(free),
        count(reserved),
        16 - count(free) - count(reserved),
      ])
    }
  })

  test('finds every address of its network, whether or not it has a row (README: no caller may know)', async () => {
    const { database, networks } = await storeWith(newNetwork('10.0.0.0/24'), newNetwork('10.1.0.0/16'))
    const find = (address: string) => database.read((store) => store.fixedIps.byAddress(address))
    const nobodys = { instance_uuid: null, allocated: false, leased: false, mac: null, updated_at: null }
    const cases = [
      ['10.1.0.0', 1, true],
      ['10.1.77.77', 1, false],
      ['10.1.255.255', 1, true],
      ['10.0.0.254', 0, false],
    ] as const
    for (const [address, index, reserved] of cases) {
      expect(await find(address)).toMatchObject({ ...nobodys, address, reserved, network_id: networks[index]!.id })
    }
    for (const address of ['10.0.1.0', '9.255.255.255', '10.2.0.0', 'fd00::1', 'ten']) {
      await expect(find(address)).rejects.toThrow(`${address} is not a fixed IP of any network`)
    }
  })

  test('of many networks is counted, and its ranges are found, by one statement each', async () => {
    const { database, networks, ranges } = await storeWith(...[0, 1, 2, 3, 4].map((second) => poolOf(10, second)))
    await database.transaction((store) => allocate(store, networks[3]!, 1))
    const counted: string[] = []
    database.onStatement = (sql) => counted.push(sql)
    const usages = await database.read((store) => store.networks.usages())
    expect(counted).toHaveLength(1)
    expect([...usages.keys()]).toEqual(networks.map(({ id }) => id))
    expect(usages.get(networks[3]!.id)).toEqual({ used: 1, held: 0, reserved: 0, free: 9 })
    expect(usages.get(networks[4]!.id)).toEqual({ used: 0, held: 0, reserved: 0, free: 10 })
    expect(await ranges('free', [networks[3]!.id, networks[4]!.id])).toEqual(['10.3.0.1-10.3.0.9', '10.4.0.0-10.4.0.9'])
    expect(await ranges('free')).toHaveLength(5)
    expect(await ranges('reserved')).toEqual([])
  })
})

describe('a range that cannot be reserved changes nothing', () => {
  test.each([
    {
      why: 'one is used',
      first: '10.0.0.0',
      last: '10.0.0.15',
      message: 'fixed IPs in use: 10.0.0.5, 10.0.0.9; deallocate',
    },
    { why: 'one is held by a lease', first: '10.0.0.9', last: '10.0.0.9', message: 'fixed IPs in use: 10.0.0.9;' },
    {
      why: 'it ends outside',
      first: '10.0.0.10',
      last: '10.0.0.16',
      message: '10.0.0.16 is not inside the addresses of 10.0.0.0/28',
    },
    { why: 'it begins outside', first: '9.0.0.1', last: '10.0.0.3', message: '9.0.0.1 is not inside' },
    { why: 'it is of another network', first: '10.1.0.3', last: '10.1.0.4', message: '10.1.0.3 is not inside' },
  ])('$why', async ({ first, last, message }) => {
    const { database, network, ranges } = await storeWith(newNetwork('10.0.0.0/28'), newNetwork('10.1.0.0/28'))
    await database.transaction(async (store) => {
      await allocate(store, network, 1, '10.0.0.5')
      const { fixedIp } = await allocate(store, network, 2, '10.0.0.9')
      await store.fixedIps.lease('10.0.0.9', mac(2))
      await store.fixedIps.deallocate(fixedIp.id)
    })
    const before = [await ranges('free'), await ranges('reserved')]
    const reserve = database.transaction((store) => store.pools.reserve(network.id, { first, last }))
    await expect(reserve).rejects.toThrow(message)
    expect([await ranges('free'), await ranges('reserved')]).toEqual(before)
  })

  test('it names the first of many, and says how many more there are', async () => {
    const { database, network } = await storeWith(newNetwork('10.0.0.0/28'))
    await database.transaction(async (store) => {
      for (let number = 1; number <= 13; number++) await allocate(store, network, number)
    })
    const refused = await database
      .transaction((store) => store.pools.reserve(network.id, { first: '10.0.0.0', last: '10.0.0.15' }))
      .catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'FixedIpInUse', details: { count: 13 } })
    expect((refused as Error).message).toContain(
      '10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8, 10.0.0.9 and 5 more',
    )
  })
})
