import { type FaultOptions, SimulatedHost, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud, refusalOf } from './cloud.ts'

/** A public operation, with what has to be there before it and what takes that away again, whatever came of it. */
interface Operation {
  readonly name: string
  before?(cloud: Cloud): Promise<unknown>
  run(cloud: Cloud): Promise<unknown>
  after(cloud: Cloud): Promise<unknown>
  /** For each operation of the host in turn, the error when it fails for good; null: it is done all the same. */
  readonly outcomes: readonly (string | null)[]
}

const NETNS = { instance_uuid: uuidOf(1), target: { kind: 'netns', name: 'guest1' } } as const
const TAP = { instance_uuid: uuidOf(1), target: { kind: 'tap', name: 'vnet1' } } as const
const FLOATING = '203.0.113.1'
const FAILS = 'HostChangeFailed'

const associate = (cloud: Cloud, address: string) => cloud.api.associateFloatingIp(FLOATING, address)
const attach = (cloud: Cloud) => cloud.api.attach('host1', NETNS)
const detach = (cloud: Cloud) => cloud.api.detach('host1', uuidOf(1))

async function disassociate(cloud: Cloud): Promise<void> {
  const floating = (await cloud.api.listFloatingIps()).find(({ address }) => address === FLOATING)
  if (floating?.fixed_address) await cloud.api.disassociateFloatingIp(FLOATING)
}

/** A network of a project of its own, so that each round has a new one. */
const makeFresh = ({ api }: Cloud) =>
  api.createNetworks({ label: 'fresh', cidr: '10.9.0.0/24', bridge: 'br109', project_id: 'fresh' })

const freshOf = async ({ api }: Cloud) => (await api.getAllNetworks()).find(({ label }) => label === 'fresh')

/** It is nobody's from then on, so that it may be deleted. */
async function leaveFresh(cloud: Cloud): Promise<void> {
  await cloud.api.deallocateForInstance(uuidOf(9))
  const fresh = await freshOf(cloud)
  if (fresh) await cloud.api.modifyNetwork(fresh.uuid, { project_id: null })
}

async function deleteFresh(cloud: Cloud): Promise<void> {
  await leaveFresh(cloud)
  const fresh = await freshOf(cloud)
  if (fresh) await cloud.api.deleteNetwork(fresh.uuid)
}

/** What takes something: it is done whole, or not at all. */
const taking: readonly Operation[] = [
  {
    name: 'allocate the first instance of a network',
    outcomes: Array(7).fill(FAILS),
    before: makeFresh,
    run: (cloud) => cloud.guest(9, { project: 'fresh' }),
    after: deleteFresh,
  },
  {
    name: 'allocate one more instance',
    outcomes: [FAILS],
    run: (cloud) => cloud.guest(3),
    after: ({ api }) => api.deallocateForInstance(uuidOf(3)),
  },
  { name: 'attach to a namespace', outcomes: [FAILS, FAILS, FAILS], run: attach, after: detach },
  { name: 'attach to a tap', outcomes: [FAILS], run: ({ api }) => api.attach('host1', TAP), after: detach },
  { name: 'associate', outcomes: [FAILS, FAILS], run: (cloud) => associate(cloud, '10.0.0.2'), after: disassociate },
  {
    name: 'move an association',
    // Two that forget the connections of the former guest: there may be none.
    outcomes: [FAILS, null, null],
    before: (cloud) => associate(cloud, '10.0.0.3'),
    run: (cloud) => associate(cloud, '10.0.0.2'),
    after: disassociate,
  },
]

/** What gives something back: it never fails for the host's sake; what is left on the host goes with the next look. */
const releasing: readonly Operation[] = [
  {
    name: 'disassociate',
    outcomes: Array(4).fill(null),
    before: (cloud) => associate(cloud, '10.0.0.2'),
    run: ({ api }) => api.disassociateFloatingIp(FLOATING),
    after: disassociate,
  },
  { name: 'detach', outcomes: [null], before: attach, run: detach, after: detach },
  {
    name: 'deallocate an instance with lease, port and floating IP',
    outcomes: Array(8).fill(null),
    async before(cloud) {
      const guest = await cloud.guest(1)
      await attach(cloud)
      await associate(cloud, guest.address)
      await cloud.machine.lease(guest.mac, guest.address)
    },
    run: ({ api }) => api.deallocateForInstance(uuidOf(1)),
    async after({ api, machine }) {
      for (const { mac, address } of await api.getDhcpLeases()) await machine.release(mac, address)
    },
  },
  {
    name: 'delete a network',
    outcomes: Array(6).fill(null),
    async before(cloud) {
      await makeFresh(cloud)
      await cloud.guest(9, { project: 'fresh' })
      await leaveFresh(cloud)
    },
    async run(cloud) {
      await cloud.api.deleteNetwork((await freshOf(cloud))!.uuid)
    },
    after: deleteFresh,
  },
]

async function cloudWithGuests(pair: Backends): Promise<Cloud> {
  const cloud = await makeCloud(pair)
  await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', project_id: 'demo' })
  await cloud.guest(1)
  await cloud.guest(2)
  await cloud.api.createFloatingIps({ range: '203.0.113.0/28' })
  await cloud.api.allocateFloatingIp({ project_id: 'demo' })
  return cloud
}

/** The rows less the host of networks: a network stays with the host that took it, whatever became of the instance. */
async function rowsOf(cloud: Cloud): Promise<unknown> {
  const { networks, ...rows } = await cloud.rows()
  return { ...rows, networks: networks.map(({ host: _, ...network }) => network) }
}

/**
 * Fails each operation of the host in turn, until one is out of reach.
 * @returns for each that failed, the error of the call; null when it went well all the same
 */
async function failEach(
  cloud: Cloud,
  operation: Operation,
  options: FaultOptions,
): Promise<readonly (string | null)[]> {
  const { api, host } = cloud
  const outcomes: (string | null)[] = []
  while (true) {
    const fault = `fault ${outcomes.length + 1}`
    await operation.before?.(cloud)
    const rows = await rowsOf(cloud)
    host.failAt(outcomes.length + 1, { ...options, message: fault })
    const error = await operation.run(cloud).then(
      () => null,
      (thrown: { code: string; message: string }) => thrown,
    )
    const reached = host.repair()
    if (error) {
      expect(error.message, `${error.code} names the cause`).toContain(fault)
      expect(await rowsOf(cloud), `rows after ${fault}`).toEqual(rows)
    }
    if (options.lasts) await api.reconcile('host1')
    await cloud.expectInLine()
    await operation.after(cloud)
    if (!reached) return outcomes
    outcomes.push(error?.code ?? null)
  }
}

describe.each(backends)('when an operation on the host fails, on $name', (pair) => {
  test.each([...taking, ...releasing])('once: $name is done all the same', async (operation) => {
    const outcomes = await failEach(await cloudWithGuests(pair), operation, {})
    expect(outcomes).toEqual(operation.outcomes.map(() => null))
  })

  test.each(taking)(
    'for good: $name leaves nothing (lessons A3; defects-manager B1, B2, C4; defects-linux-net F10)',
    async (operation) => {
      const outcomes = await failEach(await cloudWithGuests(pair), operation, { lasts: true })
      expect(outcomes).toEqual(operation.outcomes)
    },
  )

  test.each(releasing)(
    'for good: $name is done in the store (defects-manager B3, H2; defects-linux-net D18)',
    async (operation) => {
      const outcomes = await failEach(await cloudWithGuests(pair), operation, { lasts: true })
      expect(outcomes).toEqual(operation.outcomes)
    },
  )

  test.each([...taking, ...releasing])('and it cannot be looked at either: $name', async (operation) => {
    const outcomes = await failEach(await cloudWithGuests(pair), operation, { lasts: true, blind: true })
    expect(outcomes).toEqual(operation.outcomes.map((outcome) => outcome && 'CommandFailed'))
  })

  test('a floating IP whose interface is not there says so, and is not associated', async () => {
    const cloud = await cloudWithGuests(pair)
    cloud.host.failAt(2, { lasts: true, message: 'Cannot find device "eth0"' })
    const refusal = await refusalOf(associate(cloud, '10.0.0.2'))
    expect(refusal).toMatchObject({ code: 'NoFloatingIpInterface', status: 3 })
    expect(refusal.message).toContain('interface eth0 for floating IP 203.0.113.1')
    cloud.host.repair()
    expect(await cloud.api.listFloatingIps()).toMatchObject([
      { address: FLOATING, fixed_address: null },
      ...Array(13).fill({}),
    ])
    await cloud.expectInLine()
  })

  test('a guest whose namespace is not there is not attached, and one that was is plugged in when it comes', async () => {
    const cloud = await cloudWithGuests(pair)
    const { api, host, machine } = cloud
    host.missingNamespaces.add('guest1')
    const refusal = await refusalOf(attach(cloud))
    expect(refusal).toMatchObject({ code: 'NamespaceNotFound', status: 3 })
    expect(refusal.message).toContain('namespace guest1')
    expect((await api.getInstance(uuidOf(1))).virtual_interfaces[0]?.attached_to).toBeNull()
    await cloud.expectInLine()

    host.missingNamespaces.clear()
    await attach(cloud)
    await machine.stop()
    machine.host = new SimulatedHost()
    machine.host.missingNamespaces.add('guest1')
    await machine.start()
    expect((await api.plan('host1')).waiting).toMatchObject([{ text: expect.stringContaining('namespace guest1') }])
    const missingSince = async () => (await api.getInstance(uuidOf(1))).virtual_interfaces[0]?.missing_since
    expect(await missingSince(), 'who lists instances is told').toBe(new Date(machine.clock.nowMs()).toISOString())
    machine.host.missingNamespaces.clear()
    await api.reconcile('host1')
    expect(await missingSince()).toBeNull()
    await cloud.expectInLine()
  })
})
