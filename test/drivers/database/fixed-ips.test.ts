import type { NetworkStore } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { allocate, mac, newNetwork, openDatabase, poolOf, TestClock, uuid } from './kit.ts'
import { engineName, explain, makePlace, type Place, type Statement } from './places.ts'

async function storeWith(...networks: ReturnType<typeof newNetwork>[]) {
  const clock = new TestClock()
  const database = await openDatabase({ clock })
  const made = await database.transaction(async (store) => {
    const rows = []
    for (const network of networks) rows.push(await store.networks.create(network))
    return rows
  })
  /** One step, a second after the one before. */
  const step = <T>(work: (store: NetworkStore) => Promise<T>): Promise<T> => {
    clock.ms += 1000
    return database.transaction(work)
  }
  return { clock, database, step, network: made[0]!, networks: made }
}

describe('a claim from the pool', () => {
  test('associates and allocates at once, and says what the row is now', async () => {
    const { step, network, clock } = await storeWith(newNetwork('10.0.0.0/29'))
    const { fixedIp, vif } = await step((store) => allocate(store, network, 1))
    expect(fixedIp).toEqual({
      id: 3,
      address: '10.0.0.2',
      network_id: network.id,
      virtual_interface_id: vif.id,
      instance_uuid: uuid(1),
      allocated: true,
      leased: false,
      lease_mac: null,
      lease_host: null,
      reserved: false,
      host: null,
      created_at: '2026-11-01T00:00:00.000Z',
      updated_at: clock.text,
    })
  })

  test('takes addresses that were never used, in order, then the one that is free longest; 10 in turn are 10 (defects-manager A4)', async () => {
    const { step, network } = await storeWith(poolOf(10))
    const order: string[] = []
    for (let number = 1; number <= 13; number++) {
      const { fixedIp } = await step((store) => allocate(store, network, number))
      await step((store) => store.fixedIps.deallocate(fixedIp.id))
      order.push(fixedIp.address)
    }
    const inOrder = Array.from({ length: 10 }, (_, index) => `10.0.0.${index}`)
    expect(order).toEqual([...inOrder, '10.0.0.0', '10.0.0.1', '10.0.0.2'])
  })

  test('for an interface that is gone meanwhile takes nothing, and names the instance', async () => {
    const { step, network } = await storeWith(poolOf(1))
    const { claim, fixedIp, vif } = await step((store) => allocate(store, network, 1))
    await step((store) => store.fixedIps.deallocate(fixedIp.id))
    await step((store) => store.virtualInterfaces.remove([vif.id]))
    const refused = { code: 'InstanceNotFound', details: { instance_uuid: uuid(1) } }
    await expect(step((store) => store.fixedIps.claimFromPool(claim))).rejects.toMatchObject(refused)
    await expect(step((store) => store.fixedIps.claimAddress('10.0.0.0', claim))).rejects.toMatchObject(refused)
    expect(await step((store) => store.networks.usage(network.id))).toMatchObject({ used: 0, free: 1 })
  })

  test('takes the lowest of those that became free at the same moment', async () => {
    const { database, network } = await storeWith(poolOf(3))
    const taken = await database.transaction(async (store) => {
      const three = [1, 2, 3].map((number) => allocate(store, network, number))
      const rows = (await Promise.all(three)).map(({ fixedIp }) => fixedIp)
      for (const { id } of rows.reverse()) await store.fixedIps.deallocate(id)
      return allocate(store, network, 4)
    })
    expect(taken.fixedIp.address).toBe('10.0.0.0')
  })

  test('passes over reserved and held addresses, and says how many they are when none is left (lessons A8)', async () => {
    const { step, network } = await storeWith(newNetwork('10.0.0.0/29', { label: 'blue' }))
    const claims = []
    for (let number = 1; number <= 5; number++) claims.push(await step((store) => allocate(store, network, number)))
    expect(claims.map(({ fixedIp }) => fixedIp.address)).toEqual(
      ['2', '3', '4', '5', '6'].map((last) => `10.0.0.${last}`),
    )
    const { fixedIp, vif } = claims[0]!
    await step((store) => store.fixedIps.lease(fixedIp.address, vif.address))
    await step((store) => store.fixedIps.deallocate(fixedIp.id))
    await expect(step((store) => allocate(store, network, 6))).rejects.toThrow(
      'no address of network blue (10.0.0.0/29) is free: 4 used, 3 reserved, 1 waiting for their lease to end',
    )
    expect(await step((store) => store.networks.usage(network.id))).toEqual({ used: 4, held: 1, reserved: 3, free: 0 })
  })

  test('of a network that is not there is refused', async () => {
    const { step, claim } = {
      ...(await storeWith(poolOf(2))),
      claim: { networkId: 9, instanceUuid: uuid(1), virtualInterfaceId: 1 },
    }
    await expect(step((store) => store.fixedIps.claimFromPool(claim))).rejects.toThrow('network 9 is not there')
    await expect(step((store) => store.fixedIps.claimAddress('10.0.0.0', claim))).rejects.toThrow(
      'network 9 is not there',
    )
  })

  test('goes straight to its row in a pool of 65,536 addresses that is empty, half full and 99 % full (defects-manager D8)', async () => {
    const place = await makePlace()
    const database = await openDatabase({ place })
    const network = await database.transaction((store) => store.networks.create(poolOf(65_536)))
    const claims = async (number: number) => {
      const statements: Statement[] = []
      database.onStatement = (...statement) => statements.push(statement)
      const { fixedIp } = await database.transaction((store) => allocate(store, network, number))
      const updates = statements.filter(([sql]) => / fixed_ips\b/.test(sql))
      return { address: fixedIp.address, count: updates.length, claim: updates[0]! }
    }
    // An engine that cannot return the row that an UPDATE has changed is asked for it.
    const one = engineName === 'sqlite' ? 1 : 2
    for (const taken of [0, 32_768, 64_880]) {
      await hold(place, network.id, taken)
      // The first meets a run of addresses, shortens it, and makes rows of the next ones; the second finds one of them.
      for (const [ahead, count] of [one + 2, one].entries()) {
        const made = await claims(1 + taken + ahead)
        expect([made.address, made.count]).toEqual([addressAfter(taken + ahead), count])
        // All conditions are equalities, and no sort follows: the first entry found is the answer.
        expect(await explain(place, made.claim)).toEqual(
          engineName === 'sqlite'
            ? [
                'SEARCH fixed_ips USING INTEGER PRIMARY KEY (rowid=?)',
                'SCALAR SUBQUERY 1',
                'SEARCH fixed_ips USING COVERING INDEX ix_fixed_ips_unused ' +
                  '(network_id=? AND instance_uuid=? AND allocated=? AND reserved=? AND leased=? AND host=?)',
              ]
            : ['range fixed_ips USING INDEX ix_fixed_ips_unused: 1 row, Using where; Using buffer'],
        )
      }
      const [rows] = await place.query('SELECT COUNT(*) AS made FROM fixed_ips')
      expect(Number(rows?.made)).toBe(taken + 256 + 1)
    }
  })
})

const addressAfter = (index: number) => `10.0.${index >> 8}.${index & 255}`

/** Has the first addresses of a network held, as if they had been claimed, and leaves the rest as one run. */
async function hold(place: Place, networkId: number, count: number): Promise<void> {
  await place.query('DELETE FROM fixed_ips')
  for (let first = 0; first < count; first += 1000) {
    const numbers = Array.from({ length: Math.min(1000, count - first) }, (_, index) => first + index)
    await place.query(
      `INSERT INTO fixed_ips (network_id, address, number, allocated, instance_uuid, created_at, updated_at)
        VALUES ${numbers.map(() => "(?, ?, ?, 1, 'x', '2026', '2026')").join(', ')}`,
      numbers.flatMap((number) => [networkId, addressAfter(number), 0x0a000000 + number]),
    )
  }
  await place.query(
    "INSERT INTO fixed_ips (network_id, address, number, span, created_at) VALUES (?, ?, ?, ?, '2026')",
    [networkId, addressAfter(count), 0x0a000000 + count, 65_536 - count],
  )
}

describe('reading', () => {
  test('does not look at free addresses, though the pool has 65,536', async () => {
    const place = await makePlace()
    const database = await openDatabase({ place })
    const network = await database.transaction(async (store) => {
      const made = await store.networks.create(poolOf(65_536))
      for (let number = 1; number <= 20; number++) await allocate(store, made, number)
      return made
    })
    // Rows of free addresses there are too.
    expect(Number((await place.query('SELECT COUNT(*) AS made FROM fixed_ips'))[0]?.made)).toBe(257)
    if (engineName === 'mysql') await place.query('ANALYZE TABLE fixed_ips')
    const statements: Statement[] = []
    database.onStatement = (...statement) => statements.push(statement)
    await database.transaction(async ({ fixedIps }) => {
      await fixedIps.list({})
      await fixedIps.list({ networkIds: [network.id], leased: true })
      await fixedIps.list({ addresses: ['10.0.0.1'] })
      await fixedIps.list({ virtualInterfaceIds: [1] })
      await fixedIps.freeStale([network.id], '2027')
    })
    const searches = []
    for (const statement of statements) {
      const plan = await explain(place, statement)
      searches.push(plan.map((line) => / fixed_ips\b.*? INDEX (\w+)/.exec(line)?.[1]).find(Boolean))
    }
    const held = engineName === 'sqlite' ? 'ix_fixed_ips_held' : 'ix_fixed_ips_unused'
    expect(searches).toEqual([held, held, 'ux_fixed_ips_address', 'ix_fixed_ips_virtual_interface_id', held])
  })
})

describe('a claim of one address', () => {
  test.each([
    { address: '10.0.0.4', outcome: 'taken' },
    { address: '10.0.0.1', outcome: 'fixed IP 10.0.0.1 is reserved' },
    { address: '10.0.0.2', outcome: `fixed IP 10.0.0.2 is already in use by instance ${uuid(1)}` },
    { address: '10.0.0.3', outcome: `fixed IP 10.0.0.3 is already in use by instance ${uuid(2)}` },
    { address: '10.1.0.3', outcome: '10.1.0.3 is not an address of network net-10.0.0.0/29' },
    { address: '192.0.2.1', outcome: '192.0.2.1 is not an address of network net-10.0.0.0/29' },
  ])('$address: $outcome', async ({ address, outcome }) => {
    const { step, network } = await storeWith(newNetwork('10.0.0.0/29'), newNetwork('10.1.0.0/29'))
    await step((store) => allocate(store, network, 1, '10.0.0.2'))
    const held = await step((store) => allocate(store, network, 2, '10.0.0.3'))
    await step((store) => store.fixedIps.lease('10.0.0.3', mac(2)))
    await step((store) => store.fixedIps.deallocate(held.fixedIp.id))
    const claim = step((store) => allocate(store, network, 3, address))
    if (outcome === 'taken')
      expect((await claim).fixedIp).toMatchObject({ address, instance_uuid: uuid(3), allocated: true })
    else await expect(claim).rejects.toThrow(outcome)
  })
})

describe('the end of a use', () => {
  test('frees an address without a lease at once (defects-manager A5), whether or not its interface is there', async () => {
    const { step, network } = await storeWith(poolOf(2))
    const one = await step((store) => allocate(store, network, 1))
    const two = await step((store) => allocate(store, network, 2))
    await step((store) => store.virtualInterfaces.remove([two.vif.id]))
    for (const { fixedIp } of [one, two]) {
      const row = await step((store) => store.fixedIps.deallocate(fixedIp.id))
      expect(row).toMatchObject({ allocated: false, instance_uuid: null, virtual_interface_id: null, leased: false })
    }
    expect(await step((store) => store.fixedIps.list({}))).toEqual([])
    await expect(step((store) => store.fixedIps.deallocate(99))).rejects.toThrow('fixed IP 99 is not there')
  })

  test('holds an address with a lease until the guest that has it gives it back', async () => {
    const { step, network } = await storeWith(poolOf(1))
    const { fixedIp } = await step((store) => allocate(store, network, 1))
    expect(await step((store) => store.fixedIps.lease(fixedIp.address, mac(1)))).toBe(true)
    const held = {
      allocated: false,
      leased: true,
      instance_uuid: uuid(1),
      lease_mac: mac(1),
      lease_host: null,
      virtual_interface_id: null,
    }
    const first = await step((store) => store.fixedIps.deallocate(fixedIp.id))
    expect(first).toMatchObject(held)
    // A second time changes nothing: the wait for the lease does not begin again.
    expect(await step((store) => store.fixedIps.deallocate(fixedIp.id))).toBeNull()
    expect(await step((store) => store.fixedIps.byAddress(fixedIp.address))).toMatchObject({ ...first })
    await expect(step((store) => allocate(store, network, 2))).rejects.toThrow('1 waiting for their lease to end')
    expect(await step((store) => store.fixedIps.release(fixedIp.address, mac(9)))).toBe(false)
    expect(await step((store) => store.fixedIps.release(fixedIp.address, mac(1)))).toBe(true)
    expect((await step((store) => allocate(store, network, 2))).fixedIp.address).toBe(fixedIp.address)
  })

  test('by a lease given back changes nothing of a guest that lives on', async () => {
    const { step, network } = await storeWith(poolOf(1))
    const { fixedIp, vif } = await step((store) => allocate(store, network, 1))
    await step((store) => store.fixedIps.lease(fixedIp.address, mac(1)))
    expect(await step((store) => store.fixedIps.release(fixedIp.address, mac(1)))).toBe(true)
    const [row] = await step((store) => store.fixedIps.list({ networkIds: [network.id] }))
    expect(row).toMatchObject({
      allocated: true,
      leased: false,
      lease_mac: null,
      lease_host: null,
      instance_uuid: uuid(1),
      virtual_interface_id: vif.id,
    })
  })

  test('a late report of a former owner changes nothing of the new one (defects-manager A3, lessons B1)', async () => {
    const { step, network } = await storeWith(poolOf(1))
    const { fixedIp } = await step((store) => allocate(store, network, 1))
    await step((store) => store.fixedIps.lease(fixedIp.address, mac(1)))
    await step((store) => store.fixedIps.deallocate(fixedIp.id))
    await step((store) => store.fixedIps.freeStale([network.id], '2030'))
    await step((store) => allocate(store, network, 2))
    const before = await step((store) => store.fixedIps.byAddress(fixedIp.address))
    for (const late of ['release', 'lease', 'release'] as const) {
      expect(await step((store) => store.fixedIps[late](fixedIp.address, mac(1)))).toBe(false)
    }
    await step((store) => store.fixedIps.lease(fixedIp.address, mac(2)))
    expect(await step((store) => store.fixedIps.release(fixedIp.address, mac(1)))).toBe(false)
    const after = await step((store) => store.fixedIps.byAddress(fixedIp.address))
    expect({ ...after, updated_at: null }).toEqual({ ...before, leased: true, lease_mac: mac(2), updated_at: null })
  })
})

describe('freeStale', () => {
  test('frees what was deallocated before the time, though its instance is gone (defects-manager A6), and nothing else', async () => {
    const { clock, step, networks } = await storeWith(poolOf(8), poolOf(8, 1))
    const [network, strange] = [networks[0]!, networks[1]!]
    const leaveHeld = async (number: number, of = network) => {
      const { fixedIp, vif } = await step((store) => allocate(store, of, number))
      await step((store) => store.fixedIps.lease(fixedIp.address, mac(number)))
      await step((store) => store.fixedIps.deallocate(fixedIp.id))
      await step((store) => store.virtualInterfaces.remove([vif.id]))
      await step((store) => store.instances.remove(uuid(number)))
      return fixedIp.address
    }
    const stale = await leaveHeld(1)
    const elsewhere = await leaveHeld(2, strange)
    const used = await step((store) => allocate(store, network, 3))
    await step((store) => store.fixedIps.lease(used.fixedIp.address, mac(3)))
    const before = clock.text
    const young = await leaveHeld(4)
    expect(await step((store) => store.fixedIps.freeStale([network.id], before))).toMatchObject([
      { address: stale, instance_uuid: uuid(1), leased: true },
    ])
    const freed = clock.text
    expect(await step((store) => store.fixedIps.byAddress(stale))).toMatchObject({
      allocated: false,
      instance_uuid: null,
      virtual_interface_id: null,
      leased: false,
      lease_mac: null,
      lease_host: null,
      updated_at: freed,
    })
    const left = await step((store) => store.fixedIps.list({}))
    expect(left.map((row) => row.address).sort()).toEqual([used.fixedIp.address, young, elsewhere].sort())
    expect(await step((store) => store.fixedIps.freeStale([network.id], before))).toEqual([])
    expect(await step((store) => store.fixedIps.freeStale([], '2030'))).toEqual([])
  })

  test('spares an address that was taken again meanwhile (defects-manager A7)', async () => {
    const { step, network } = await storeWith(poolOf(1))
    const { fixedIp } = await step((store) => allocate(store, network, 1))
    await step((store) => store.fixedIps.deallocate(fixedIp.id))
    await step((store) => allocate(store, network, 2))
    expect(await step((store) => store.fixedIps.freeStale([network.id], '2030'))).toEqual([])
    expect(await step((store) => store.fixedIps.byAddress(fixedIp.address))).toMatchObject({ instance_uuid: uuid(2) })
  })
})

describe('a fixed IP', () => {
  test('is listed by any filters together, with its MAC address and instance, in order of creation', async () => {
    const { step, networks } = await storeWith(poolOf(4), poolOf(4, 1))
    const [one, two] = [networks[0]!, networks[1]!]
    const a = await step((store) => allocate(store, one, 1, '10.0.0.3'))
    const b = await step((store) => allocate(store, one, 2, '10.0.0.1'))
    const c = await step((store) => allocate(store, two, 3, '10.1.0.0'))
    await step((store) => store.fixedIps.lease('10.0.0.3', mac(1)))
    await step((store) => store.fixedIps.lease('10.0.0.1', mac(2)))
    await step((store) => store.fixedIps.deallocate(b.fixedIp.id))
    const cases = [
      [{}, ['10.0.0.1', '10.0.0.3', '10.1.0.0']],
      [{ networkIds: [one.id] }, ['10.0.0.1', '10.0.0.3']],
      [{ networkIds: [one.id, two.id], allocated: true }, ['10.0.0.3', '10.1.0.0']],
      [{ allocated: false }, ['10.0.0.1']],
      [{ leased: true, allocated: true }, ['10.0.0.3']],
      [{ leased: false }, ['10.1.0.0']],
      [{ virtualInterfaceIds: [a.vif.id, c.vif.id] }, ['10.0.0.3', '10.1.0.0']],
      [{ addresses: ['10.1.0.0', '10.0.0.0', '10.0.0.1'] }, ['10.0.0.1', '10.1.0.0']],
      [{ addresses: ['10.1.0.0'], networkIds: [one.id] }, []],
      [{ networkIds: [] }, []],
    ] as const
    for (const [filter, addresses] of cases) {
      const rows = await step((store) => store.fixedIps.list(filter))
      expect(
        rows.map((row) => row.address),
        JSON.stringify(filter),
      ).toEqual(addresses)
    }
    const instance = { hostname: 'vm-1', instance_host: 'host1', project_id: 'demo' }
    expect(await step((store) => store.fixedIps.byAddress('10.0.0.3'))).toMatchObject({
      ...instance,
      mac: mac(1),
      leased: true,
    })
    const none = {
      mac: null,
      hostname: null,
      instance_host: null,
      project_id: null,
      instance_uuid: null,
      allocated: false,
    }
    expect(await step((store) => store.fixedIps.byAddress('10.1.0.1'))).toMatchObject(none)
  })

  test('is not lost in a list of more addresses than a statement has parameters', async () => {
    const { step, network } = await storeWith(poolOf(40_000))
    const { fixedIp } = await step((store) => allocate(store, network, 1))
    const addresses = Array.from({ length: 40_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`)
    expect(await step((store) => store.fixedIps.list({ addresses }))).toMatchObject([{ id: fixedIp.id }])
  })
})
