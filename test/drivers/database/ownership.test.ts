import fc from 'fast-check'
import type { FixedIpRow, NetworkStore } from 'netloom/contracts'
import { expect, test } from 'vitest'
import { mac, openDatabase, poolOf, TestClock, uuid } from './kit.ts'
import { engineName } from './places.ts'

const POOL = 4
const GUESTS = 6

/** What an address must look like after what was done to it; order is when it was last changed, 0 for never. */
interface Address {
  owner: number | null
  allocated: boolean
  lease: number | null
  changed: number
}

type Action =
  | { readonly kind: 'claim' | 'deallocate'; readonly guest: number }
  | { readonly kind: 'take' | 'lease' | 'release'; readonly guest: number; readonly address: number }
  | { readonly kind: 'freeStale'; readonly age: number }

const guest = fc.integer({ min: 1, max: GUESTS })
const address = fc.integer({ min: 0, max: POOL - 1 })
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constantFrom('claim' as const, 'deallocate' as const), guest }),
  fc.record({ kind: fc.constantFrom('take' as const, 'lease' as const, 'release' as const), guest, address }),
  fc.record({ kind: fc.constant('freeStale' as const), age: fc.integer({ min: 0, max: 10 }) }),
)

const isFree = (row: Address) => row.owner === null && !row.allocated && row.lease === null

/** The rules in plain words; returns what the caller is told. */
function expected(pool: Address[], step: Action, time: number): unknown {
  const take = (row: Address, owner: number) => Object.assign(row, { owner, allocated: true, changed: time })
  switch (step.kind) {
    case 'claim': {
      const free = pool.filter(isFree).sort((a, b) => a.changed - b.changed)
      if (free[0] === undefined) return 'NoMoreFixedIps'
      take(free[0], step.guest)
      return pool.indexOf(free[0])
    }
    case 'take': {
      const row = pool[step.address]!
      if (!isFree(row)) return 'FixedIpAlreadyInUse'
      take(row, step.guest)
      return step.address
    }
    case 'deallocate': {
      const row = pool.find((candidate) => candidate.allocated && candidate.owner === step.guest)
      if (row === undefined) return 'none'
      Object.assign(row, { owner: row.lease === null ? null : row.owner, allocated: false, changed: time })
      return pool.indexOf(row)
    }
    case 'lease': {
      const row = pool[step.address]!
      if (!row.allocated || row.owner !== step.guest) return false
      Object.assign(row, { lease: step.guest, changed: time })
      return true
    }
    case 'release': {
      const row = pool[step.address]!
      if (row.lease !== step.guest) return false
      Object.assign(row, { lease: null, owner: row.allocated ? row.owner : null, changed: time })
      return true
    }
    case 'freeStale': {
      const held = pool.filter((row) => !row.allocated && row.owner !== null && row.changed < time - step.age)
      for (const row of held) Object.assign(row, { owner: null, lease: null, changed: time })
      return held.length
    }
  }
}

const last = (row: FixedIpRow) => Number(row.address.split('.').at(-1))

/** The same on the store. */
async function perform(store: NetworkStore, step: Action, clock: TestClock): Promise<unknown> {
  const { fixedIps } = store
  const claim = (guest: number) => ({ networkId: 1, instanceUuid: uuid(guest), virtualInterfaceId: guest })
  switch (step.kind) {
    case 'claim':
      return last(await fixedIps.claimFromPool(claim(step.guest)))
    case 'take':
      return last(await fixedIps.claimAddress(`10.0.0.${step.address}`, claim(step.guest)))
    case 'deallocate': {
      const rows = await fixedIps.list({ virtualInterfaceIds: [step.guest], allocated: true })
      return rows[0] === undefined ? 'none' : last(await fixedIps.deallocate(rows[0].id))
    }
    case 'lease':
    case 'release':
      return fixedIps[step.kind](`10.0.0.${step.address}`, mac(step.guest))
    case 'freeStale':
      return fixedIps.freeStale([1], new Date(clock.ms - 1000 * step.age).toISOString())
  }
}

test('after any row of operations each address has the owner that the rules give it, and never two (defects-manager A1 to A7)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 60 }), async (steps) => {
      const clock = new TestClock()
      const begin = clock.ms
      const database = await openDatabase({ clock })
      await database.transaction(async ({ networks, virtualInterfaces }) => {
        await networks.create(poolOf(POOL))
        for (let number = 1; number <= GUESTS; number++) {
          const facts = { uuid: uuid(number), address: mac(number), network_id: 1, instance_uuid: uuid(number) }
          expect((await virtualInterfaces.create(facts))?.id).toBe(number)
        }
      })
      const pool = Array.from(
        { length: POOL },
        (): Address => ({ owner: null, allocated: false, lease: null, changed: 0 }),
      )
      for (const step of steps) {
        clock.ms += 1000
        const time = (clock.ms - begin) / 1000
        const told = await database.transaction((store) => perform(store, step, clock)).catch((error) => error.code)
        expect(told, JSON.stringify(step)).toBe(expected(pool, step, time))
        const { rows, usage } = await database.read(async ({ fixedIps, networks }) => ({
          rows: await Promise.all(pool.map((_, index) => fixedIps.byAddress(`10.0.0.${index}`))),
          usage: await networks.usage(1),
        }))
        expect(rows.map(facts)).toEqual(
          pool.map(({ owner, allocated, lease, changed }) => ({
            instance: owner === null ? null : uuid(owner),
            interface: allocated ? owner : null,
            allocated,
            leased: lease !== null,
            lease: lease === null ? null : mac(lease),
            changed: changed === 0 ? null : new Date(begin + 1000 * changed).toISOString(),
          })),
        )
        // Counted from rows, as in lessons A6 and A9: each address is in exactly one class.
        expect(usage).toEqual({
          used: pool.filter((row) => row.allocated).length,
          held: pool.filter((row) => !row.allocated && row.owner !== null).length,
          reserved: 0,
          free: pool.filter(isFree).length,
        })
      }
      await database.close()
    }),
    { numRuns: engineName === 'sqlite' ? 100 : 15 },
  )
})

/** All orders in which several rows of things may happen, each row in its own order. */
function* interleavings<T>(rows: readonly (readonly T[])[]): Generator<readonly T[]> {
  if (rows.every((row) => row.length === 0)) yield []
  for (const [index, [first, ...rest]] of rows.entries()) {
    if (first === undefined) continue
    for (const after of interleavings(rows.map((row, other) => (other === index ? rest : row)))) yield [first, ...after]
  }
}

const of = (guest: number, ...kinds: readonly ('claim' | 'lease' | 'deallocate' | 'release')[]) =>
  kinds.map((kind): Action => ({ kind, guest, address: 0 }))
const timeout: Action = { kind: 'freeStale', age: 0 }

// Reports of the DHCP server come late and twice; the second guest asks again where it was refused.
const lives: readonly (readonly [what: string, first: readonly Action[], second: readonly Action[]])[] = [
  [
    'both take leases and give them back',
    of(1, 'claim', 'lease', 'deallocate', 'release'),
    of(2, 'claim', 'claim', 'lease', 'deallocate', 'release'),
  ],
  [
    'reports of the first come again',
    of(1, 'claim', 'lease', 'deallocate', 'release', 'lease', 'release'),
    of(2, 'claim', 'claim', 'lease'),
  ],
  [
    'the first never gives its lease back, and is told of late',
    of(1, 'claim', 'deallocate', 'lease', 'lease'),
    of(2, 'claim', 'lease', 'claim', 'deallocate'),
  ],
  [
    'a renewal of the first comes after its end, and the second never leases (defects-manager A5)',
    of(1, 'claim', 'lease', 'lease', 'deallocate', 'lease', 'release'),
    of(2, 'claim', 'claim', 'deallocate'),
  ],
]

test.runIf(engineName === 'sqlite').each(lives)(
  'in every order of what two guests do with one address it has one owner, the right one, and is free in the end: %s (lessons B1, defects-manager A3 to A7)',
  async (_what, first, second) => {
    const clock = new TestClock()
    const begin = clock.ms
    const database = await openDatabase({ clock })
    await database.transaction(async ({ networks, virtualInterfaces }) => {
      await networks.create(poolOf(1))
      for (const number of [1, 2]) {
        await virtualInterfaces.create({
          uuid: uuid(number),
          address: mac(number),
          network_id: 1,
          instance_uuid: uuid(number),
        })
      }
    })
    let orders = 0
    for (const steps of interleavings([first, second, [timeout]])) {
      orders += 1
      await database.transaction(async (store) => {
        const address: Address = { owner: null, allocated: false, lease: null, changed: 0 }
        const shown: string[] = []
        // In the end both are gone, and what they left is too old.
        for (const step of [...steps, ...of(1, 'deallocate'), ...of(2, 'deallocate'), timeout]) {
          clock.ms += 1000
          const before = { ...address }
          const told = await perform(store, step, clock).catch((error) => error.code)
          shown.push(step.kind === 'freeStale' ? 'timeout' : `${step.kind} ${step.guest}`)
          const order = shown.join(', ')
          expect(told, order).toBe(expected([address], step, (clock.ms - begin) / 1000))
          const row = await store.fixedIps.byAddress('10.0.0.0')
          const owner = row.instance_uuid === null ? null : Number(row.instance_uuid.slice(-2))
          expect([owner, row.allocated, row.leased], order).toEqual([
            address.owner,
            address.allocated,
            address.lease !== null,
          ])
          // Only the guest itself ends its use, and nobody else takes its place while it lasts, or its lease does.
          const ends = step.kind === 'deallocate' && step.guest === before.owner
          if (before.allocated && !ends) expect([owner, row.allocated], order).toEqual([before.owner, true])
          if (before.lease !== null && row.allocated) expect(owner, order).toBe(before.owner)
        }
        expect(await store.networks.usage(1), shown.join(', ')).toEqual({ used: 0, held: 0, reserved: 0, free: 1 })
      })
    }
    expect(orders).toBe(multinomial([first.length, second.length, 1]))
  },
)

/** How many orders there are. */
function multinomial(lengths: readonly number[]): number {
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))
  return lengths.reduce((orders, n) => orders / factorial(n), factorial(lengths.reduce((sum, n) => sum + n, 0)))
}

function facts(row: FixedIpRow) {
  return {
    instance: row.instance_uuid,
    interface: row.virtual_interface_id,
    allocated: row.allocated,
    leased: row.leased,
    lease: row.lease_mac,
    changed: row.updated_at,
  }
}
