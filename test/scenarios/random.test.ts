/**
 * The property of a cloud: whatever happens to it, in whatever order, its rows, its hosts and its DNS are what a plain model
 * says. A failure prints the seed and the path to it; `NETLOOM_RANDOM_SEED` and `NETLOOM_RANDOM_RUNS` choose others.
 */
import fc from 'fast-check'
import { SeededRandom, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud } from './cloud.ts'
import { GUESTS, Model, NETWORKS, networkUuid, POOL, poolOf } from './random-model.ts'
import { ALL_FLOATING_IPS, FLOATING_IPS, outcomeOf, type Step, steps } from './random-steps.ts'

const { NETLOOM_RANDOM_SEED: SEED = '20261124', NETLOOM_RANDOM_RUNS: RUNS } = process.env

const DOMAIN = 'guests.example.org'

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
    const networks = await cloud.api.getAllNetworks()
    expect(
      networks.map(({ uuid, addresses: { used, held, free } }) => ({ uuid, used, held, free })),
      'usage is counted from rows (lessons A6)',
    ).toEqual(model.networks.map((network) => ({ uuid: networkUuid(network), ...model.usage(network) })))
  }

  toString(): string {
    return this.#name
  }
}

const WEIGHTS: Readonly<Record<string, number>> = {
  'restart of the host of': 1,
  'time passes': 2,
  'delete network': 2,
  'create floating range': 2,
  'delete floating range': 2,
}

const happenings = Object.entries(steps).map(([name, step]) => ({
  arbitrary: fc
    .record({
      guest: fc.integer({ min: 1, max: GUESTS }),
      network: fc.constantFrom(...NETWORKS),
      index: fc.nat({ max: POOL - 1 }),
      floating: fc.constantFrom(...ALL_FLOATING_IPS),
    })
    .map((subject) => new Happening(`${name} ${JSON.stringify(subject)}`, step(subject))),
  weight: WEIGHTS[name] ?? 5,
}))

/** Two hosts, no network yet, six floating IPs, names in DNS. */
async function emptyCloud(pair: Backends): Promise<{ cloud: Cloud; model: Model }> {
  const cloud = await makeCloud(pair, {
    machines: ['host1', 'host2'],
    flags: ['--instance_dns_manager=minidns', `--instance_dns_domain=${DOMAIN}`],
  })
  await cloud.api.createFloatingIps({ range: '203.0.113.0/29' })
  const model = new Model()
  for (const address of FLOATING_IPS) model.floating.set(address, undefined)
  return { cloud, model }
}

/** Rows, hosts and DNS are what the model says. */
async function expectLike(cloud: Cloud, model: Model): Promise<void> {
  const { api } = cloud
  const instances = await api.listInstances()
  expect(
    instances
      .map(({ uuid, host, virtual_interfaces: vifs }) => [
        uuid,
        host,
        vifs.map(({ mac, fixed_ips }) => [mac, ...fixed_ips]),
        vifs[0]?.attached_to,
      ])
      .sort(),
  ).toEqual(
    [...model.guests]
      .map(([guest, nics]) => [
        uuidOf(guest),
        model.hostOf(guest),
        nics.map(({ mac, address }) => [mac, address]),
        model.plugged.has(guest) ? `vnet${guest}` : null,
      ])
      .sort(),
  )
  const floating = (await api.listFloatingIps()).map((row) => [
    row.address,
    row.project_id === null ? undefined : row.fixed_address,
  ])
  expect(Object.fromEntries(floating)).toEqual(Object.fromEntries(model.floating))
  expect(Object.fromEntries((await api.getDhcpLeases()).map(({ address, mac }) => [address, mac]))).toEqual(
    Object.fromEntries([...model.leases].map(([address, { mac }]) => [address, mac])),
  )
  for (let guest = 1; guest <= GUESTS; guest += 1) {
    for (const name of [uuidOf(guest), `guest${guest}`]) {
      const [leadsTo] = await api.getDnsEntriesByName(name, DOMAIN)
      const own = model.guests.get(guest)?.map((nic) => nic.address) ?? [undefined]
      expect(own, `what ${name} leads to`).toContain(leadsTo)
    }
  }
  await cloud.expectInLine()
}

/** When all is given back nothing is left, neither in rows nor on hosts. */
async function expectNothingLeaked(cloud: Cloud): Promise<void> {
  const { api, machines, machine } = cloud
  for (let guest = 1; guest <= GUESTS; guest += 1) await api.deallocateForInstance(uuidOf(guest))
  machine.clock.advance(601)
  for (const each of machines) await each.beat()
  for (const each of machines) await each.pass(0)
  for (const { uuid, addresses } of await api.getAllNetworks()) {
    expect(addresses).toMatchObject({ used: 0, held: 0, free: POOL })
    await api.deleteNetwork(uuid)
  }
  expect((await api.listFloatingIps()).filter(({ fixed_address }) => fixed_address !== null)).toEqual([])
  for (const each of machines) {
    const left = [...(await each.picture())].filter((line) => /fa[-:]16[-:]3e|vnet|203\.0\.113|br10|10\.0\./.test(line))
    expect(left, `what is left on ${each.name}`).toEqual([])
  }
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

/** One network on one host. */
async function smallCloud(pair: Backends): Promise<Cloud> {
  const cloud = await makeCloud(pair)
  const pool = { allowed_start: '10.0.0.5', allowed_end: `10.0.0.${4 + POOL}`, gateway: '10.0.0.1' }
  await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', ...pool })
  await cloud.api.createFloatingIps({ range: '203.0.113.0/29' })
  return cloud
}

describe.each(backends)('random operations on $name', (pair) => {
  const runs = Number(RUNS ?? (pair.name === 'sqlite+local' ? 4 : 2))

  test('one after the other: as the model says at each step, nothing leaks (lessons A6)', {
    timeout: 20_000 * Math.max(3, runs),
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands([fc.oneof(...happenings)], { maxCommands: 250, size: 'max' }), async (commands) => {
        const { cloud, model } = await emptyCloud(pair)
        try {
          await fc.asyncModelRun(() => ({ model, real: cloud }), commands)
          await expectLike(cloud, model)
          for (const network of model.networks)
            await cloud.api.unreserveFixedIps(`${poolOf(network)[0]!}-${poolOf(network).at(-1)!}`)
          await expectNothingLeaked(cloud)
        } finally {
          await cloud.end()
        }
      }),
      { seed: Number(SEED), numRuns: runs, endOnFailure: true },
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

  test('one instance asked for and given back at once leaves no address without an interface (lessons A6)', async () => {
    const cloud = await smallCloud(pair)
    const request = { instance_uuid: uuidOf(1), project_id: 'demo' }
    const client = async (allocates: boolean) => {
      const api = await cloud.client()
      for (let n = 0; n < 30; n += 1) {
        const call = allocates ? api.allocateForInstance(request) : api.deallocateForInstance(uuidOf(1))
        expect(EXPECTED).toContain(await outcomeOf(call))
      }
    }
    await Promise.all([true, true, false, false].map(client))
    await cloud.api.deallocateForInstance(uuidOf(1))
    expect((await cloud.api.getAllNetworks())[0]?.addresses).toMatchObject({ used: 0, held: 0, free: POOL })
    await cloud.expectInLine()
  })
})
