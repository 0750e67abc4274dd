import fc from 'fast-check'
import { macOf, SeededRandom, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud } from './cloud.ts'

const GUESTS = 8
const POOL = 5
const FLOATING_IPS = ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4', '203.0.113.5', '203.0.113.6']

/** What the cloud should be, in the plainest words. */
class Model {
  /** Addresses of guests. */
  readonly guests = new Map<number, string>()
  /** Who holds a lease on an address. */
  readonly leases = new Map<string, number>()
  readonly plugged = new Set<number>()
  /** Allocated floating IPs, and the guest that each leads to. */
  readonly floating = new Map<string, number | null>()

  get used(): number {
    return this.guests.size
  }

  get held(): number {
    const used = new Set(this.guests.values())
    return [...this.leases.keys()].filter((address) => !used.has(address)).length
  }

  forget(guest: number): void {
    this.guests.delete(guest)
    this.plugged.delete(guest)
    for (const [address, to] of this.floating) if (to === guest) this.floating.set(address, null)
  }
}

/** What a call ended with: `done`, or the name of its error. */
async function outcomeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  )
}

type Step = (cloud: Cloud, model: Model) => Promise<void>

/** Something that happens, with what must come of it. */
class Happening implements fc.AsyncCommand<Model, Cloud> {
  readonly #name: string
  readonly #step: Step

  constructor(name: string, step: Step) {
    this.#name = name
    this.#step = step
  }

  check(): boolean {
    return true
  }

  async run(model: Model, cloud: Cloud): Promise<void> {
    await this.#step(cloud, model)
    const [network] = await cloud.api.getAllNetworks()
    const { used, held, free } = network!.addresses
    expect({ used, held, free }, 'usage is counted from rows (lessons A6)').toEqual({
      used: model.used,
      held: model.held,
      free: POOL - model.used - model.held,
    })
  }

  toString(): string {
    return this.#name
  }
}

const steps: Readonly<Record<string, (guest: number, floating: string) => Step>> = {
  allocate: (guest) => async (cloud, model) => {
    const before = model.guests.get(guest)
    const full = model.used + model.held === POOL
    let address = ''
    const outcome = await outcomeOf(cloud.guest(guest).then((got) => (address = got.address)))
    if (before !== undefined) return expect([outcome, address]).toEqual(['done', before])
    expect(outcome).toBe(full ? 'NoMoreFixedIps' : 'done')
    if (full) return
    expect([...model.guests.values(), ...model.leases.keys()], 'one owner').not.toContain(address)
    model.guests.set(guest, address)
  },
  deallocate:
    (guest) =>
    async ({ api }, model) => {
      const had = model.guests.get(guest)
      expect(await api.deallocateForInstance(uuidOf(guest))).toEqual({ addresses: had === undefined ? [] : [had] })
      model.forget(guest)
    },
  lease:
    (guest) =>
    async ({ machine }, model) => {
      const address = model.guests.get(guest) ?? '10.0.0.5'
      await machine.lease(macOf(guest), address)
      if (model.guests.has(guest)) model.leases.set(address, guest)
    },
  release:
    (guest) =>
    async ({ machine }, model) => {
      const [address = '10.0.0.5'] = [...model.leases].find(([, holder]) => holder === guest) ?? []
      await machine.release(macOf(guest), address)
      if (model.leases.get(address) === guest) model.leases.delete(address)
    },
  attach:
    (guest) =>
    async ({ api }, model) => {
      const target = { kind: 'tap', name: `vnet${guest}` } as const
      const outcome = await outcomeOf(api.attach('host1', { instance_uuid: uuidOf(guest), target }))
      expect(outcome).toBe(model.guests.has(guest) ? 'done' : 'InstanceNotFound')
      if (outcome === 'done') model.plugged.add(guest)
    },
  detach:
    (guest) =>
    async ({ api }, model) => {
      const outcome = await outcomeOf(api.detach('host1', uuidOf(guest)))
      expect(outcome).toBe(model.guests.has(guest) ? 'done' : 'InstanceNotFound')
      model.plugged.delete(guest)
    },
  'allocate a floating IP':
    () =>
    async ({ api }, model) => {
      const full = model.floating.size === FLOATING_IPS.length
      let address = ''
      const outcome = await outcomeOf(api.allocateFloatingIp({ project_id: 'demo' }).then((got) => (address = got)))
      expect(outcome).toBe(full ? 'NoMoreFloatingIps' : 'done')
      if (full) return
      expect([...model.floating.keys()], 'one owner').not.toContain(address)
      model.floating.set(address, null)
    },
  'release a floating IP':
    (_, floating) =>
    async ({ api }, model) => {
      const outcome = await outcomeOf(api.deallocateFloatingIp(floating))
      const to = model.floating.get(floating)
      expect(outcome).toBe(to === undefined ? 'FloatingIpNotAllocated' : to === null ? 'done' : 'FloatingIpAssociated')
      if (outcome === 'done') model.floating.delete(floating)
    },
  associate:
    (guest, floating) =>
    async ({ api }, model) => {
      const address = model.guests.get(guest)
      const call = api.associateFloatingIp(floating, address ?? '10.0.0.254')
      const outcome = await outcomeOf(call)
      if (!model.floating.has(floating)) return expect(outcome).toBe('FloatingIpNotAllocated')
      if (address === undefined) return expect(outcome).toBe('FixedIpNotFoundForAddress')
      const before = model.floating.get(floating) ?? null
      expect([outcome, await call]).toEqual(['done', before === null || before === guest ? null : uuidOf(before)])
      model.floating.set(floating, guest)
    },
  disassociate:
    (_, floating) =>
    async ({ api }, model) => {
      const outcome = await outcomeOf(api.disassociateFloatingIp(floating))
      const to = model.floating.get(floating)
      expect(outcome).toBe(
        to === undefined ? 'FloatingIpNotAllocated' : to === null ? 'FloatingIpNotAssociated' : 'done',
      )
      if (outcome === 'done') model.floating.set(floating, null)
    },
  'time passes':
    () =>
    async ({ machine }, model) => {
      await machine.pass(601)
      const used = new Set(model.guests.values())
      for (const address of model.leases.keys()) if (!used.has(address)) model.leases.delete(address)
    },
  'a restart':
    () =>
    async ({ machine }) => {
      await machine.stop()
      await machine.start()
    },
}

const happenings = Object.entries(steps).map(([name, step]) => ({
  arbitrary: fc
    .tuple(fc.integer({ min: 1, max: GUESTS }), fc.constantFrom(...FLOATING_IPS))
    .map(([guest, floating]) => new Happening(`${name} (${guest}, ${floating})`, step(guest, floating))),
  weight: name === 'a restart' ? 1 : 5,
}))

async function smallCloud(pair: Backends): Promise<Cloud> {
  const cloud = await makeCloud(pair)
  const pool = { allowed_start: '10.0.0.5', allowed_end: `10.0.0.${4 + POOL}`, gateway: '10.0.0.1' }
  await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', ...pool })
  await cloud.api.createFloatingIps({ range: '203.0.113.0/29' })
  return cloud
}

/** Rows, and what is on the host, are what the model says. */
async function expectLike(cloud: Cloud, model: Model): Promise<void> {
  const { api, machine } = cloud
  const instances = await api.listInstances()
  expect(
    instances.map(({ uuid, virtual_interfaces: [vif] }) => [uuid, vif?.fixed_ips, vif?.attached_to]).sort(),
  ).toEqual(
    [...model.guests]
      .map(([guest, address]) => [uuidOf(guest), [address], model.plugged.has(guest) ? `vnet${guest}` : null])
      .sort(),
  )
  const floating = (await api.listFloatingIps()).filter(({ project_id }) => project_id !== null)
  expect(new Map(floating.map((row) => [row.address, row.instance_uuid]))).toEqual(
    new Map([...model.floating].map(([address, guest]) => [address, guest === null ? null : uuidOf(guest)])),
  )
  expect(new Map((await api.getDhcpLeases()).map(({ address, mac }) => [address, mac]))).toEqual(
    new Map([...model.leases].map(([address, guest]) => [address, macOf(guest)])),
  )
  expect((await machine.picture()).size).toBeGreaterThan(0)
  await cloud.expectInLine()
}

async function expectNothingLeaked(cloud: Cloud): Promise<void> {
  const { api, machine } = cloud
  for (let guest = 1; guest <= GUESTS; guest += 1) await api.deallocateForInstance(uuidOf(guest))
  await machine.pass(601)
  expect((await api.getAllNetworks())[0]?.addresses).toMatchObject({ used: 0, held: 0, free: POOL })
  expect((await api.listFloatingIps()).filter(({ fixed_address }) => fixed_address !== null)).toEqual([])
  const guests = [...(await machine.picture())].filter((line) => /fa-16-3e|vnet|203\.0\.113/.test(line))
  expect(guests).toEqual([])
  await cloud.expectInLine()
}

/** How a call may end when others do something to the same guests and addresses at once. */
const EXPECTED = [
  'done',
  'FixedIpNotAllocated',
  'FixedIpNotFoundForAddress',
  'FloatingIpAssociated',
  'FloatingIpAssociateFailed',
  'FloatingIpNotAllocated',
  'FloatingIpNotAssociated',
  'InstanceNotFound',
  'NoMoreFixedIps',
  'NoMoreFloatingIps',
]

describe.each(backends)('random operations on $name', (pair) => {
  test('one after the other: as the model says at each step, nothing leaks (lessons A6)', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands([fc.oneof(...happenings)], { maxCommands: 250, size: 'max' }), async (commands) => {
        const cloud = await smallCloud(pair)
        const model = new Model()
        await fc.asyncModelRun(() => ({ model, real: cloud }), commands)
        await expectLike(cloud, model)
        await expectNothingLeaked(cloud)
        await cloud.end()
      }),
      { seed: 20261124, numRuns: 8, endOnFailure: true },
    )
  })

  test('by four clients at once: rows, rules and addresses agree at the end (lessons D3; defects-manager C1)', async () => {
    const cloud = await smallCloud(pair)
    const outcomes = new Set<string>()
    const client = async (seed: number) => {
      const api: NetworkApi = await cloud.client()
      const random = new SeededRandom(seed)
      for (let n = 0; n < 100; n += 1) {
        const guest = 1 + random.below(GUESTS)
        const floating = FLOATING_IPS[random.below(FLOATING_IPS.length)]!
        const calls = [
          () => api.allocateForInstance({ instance_uuid: uuidOf(guest), project_id: 'demo' }),
          () => api.deallocateForInstance(uuidOf(guest)),
          () => api.allocateFloatingIp({ project_id: 'demo' }),
          () => api.deallocateFloatingIp(floating),
          () => api.associateFloatingIp(floating, `10.0.0.${5 + random.below(POOL)}`),
          () => api.disassociateFloatingIp(floating),
        ]
        outcomes.add(await outcomeOf(calls[random.below(calls.length)]!()))
      }
    }
    await Promise.all([1, 2, 3, 4].map(client))
    expect([...outcomes].filter((outcome) => !EXPECTED.includes(outcome))).toEqual([])
    const guests = (await cloud.api.listInstances()).map(({ virtual_interfaces: [vif] }) => vif?.fixed_ips ?? [])
    for (const own of guests) expect(own.length).toBeLessThanOrEqual(1)
    const addresses = guests.flat()
    expect(new Set(addresses).size).toBe(addresses.length)
    const floating = (await cloud.api.listFloatingIps()).filter((row) => row.fixed_address !== null)
    for (const row of floating) expect(addresses).toContain(row.fixed_address)
    const rules = [...(await cloud.machine.picture())].filter((line) => line.includes('netloom-OUTPUT'))
    expect(rules).toHaveLength(floating.length)
    await cloud.expectInLine()
    await expectNothingLeaked(cloud)
  })

  test('one instance asked for eight times at once gets one address, and each call answers with it', async () => {
    const cloud = await smallCloud(pair)
    const request = { instance_uuid: uuidOf(1), project_id: 'demo' }
    const answers = await Promise.all(Array.from({ length: 8 }, () => cloud.api.allocateForInstance(request)))
    const addresses = answers.flatMap((info) => info.map((vif) => vif.network.subnets[0]?.ips.map((ip) => ip.address)))
    expect(addresses).toEqual(Array(8).fill(['10.0.0.5']))
    expect((await cloud.api.getAllNetworks())[0]?.addresses).toMatchObject({ used: 1 })
    await cloud.expectInLine()
  })
})
