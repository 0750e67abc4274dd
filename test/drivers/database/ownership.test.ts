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
      return rows[0] === undefined ? 'none' : last((await fixedIps.deallocate(rows[0].id))!)
    }
    case 'lease':
    case 'release':
      return fixedIps[step.kind](`10.0.0.${step.address}`, mac(step.guest))
    case 'freeStale':
      return (await fixedIps.freeStale([1], new Date(clock.ms - 1000 * step.age).toISOString())).length
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
