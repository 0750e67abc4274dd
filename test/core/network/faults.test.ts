import { uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { type FaultCloud, makeFaultCloud, PLACES, type Place } from './fault-cloud.ts'

interface Operation {
  readonly name: string
  /** What has to be there. */
  before?(cloud: FaultCloud): Promise<unknown>
  run(cloud: FaultCloud): Promise<unknown>
  /** Takes it away again, whatever came of it. */
  after(cloud: FaultCloud): Promise<unknown>
  /** It gives something back: a failure after the rows are changed does not make it fail. */
  readonly releases?: boolean
  readonly flags?: readonly string[]
}

const NETS = [1, 2].map((n) => ({
  uuid: uuidOf(900 + n),
  label: `net${n}`,
  cidr: `10.0.${n}.0/29`,
  bridge: `br10${n}`,
}))
const FRESH = { label: 'fresh', cidr: '10.9.0.0/28', bridge: 'br109', num_networks: 1, uuid: uuidOf(909) }
const FLOATING = '203.0.113.1'
const NAME = { name: 'www', domain: 'example.org' }
const ZONE = 'guests.example.org'

const allocate = (
  { manager, context }: FaultCloud,
  guest: number,
  addresses: readonly (string | undefined)[] = [undefined],
) =>
  manager.allocateForInstance(context, {
    instance_uuid: uuidOf(guest),
    project_id: 'demo',
    hostname: `guest${guest}`,
    requested_networks: addresses.map((address, index) => ({
      uuid: NETS[index]!.uuid,
      ...(address === undefined ? {} : { address }),
    })),
  })
const deallocate = ({ manager, context }: FaultCloud, guest: number) =>
  manager.deallocateForInstance(context, uuidOf(guest))
const attach = ({ manager, context }: FaultCloud) =>
  manager.attachVif(context, { instance_uuid: uuidOf(1), target: { kind: 'tap', name: 'vnet1' } })
const detach = ({ manager, context }: FaultCloud) => manager.detachVifs(context, uuidOf(1))
const associate = ({ manager, context }: FaultCloud, fixed: string) =>
  manager.associateFloatingIp(context, FLOATING, fixed)

/** What a call that may have nothing to do says then. */
const unless = (codes: readonly string[], call: Promise<unknown>) =>
  call.catch((error: { code?: string }) => {
    if (!codes.includes(error.code ?? '')) throw error
  })
const disassociate = ({ manager, context }: FaultCloud) =>
  unless(['FloatingIpNotAssociated', 'FloatingIpNotAllocated'], manager.disassociateFloatingIp(context, FLOATING))
const give = ({ manager, context }: FaultCloud) => manager.allocateFloatingIp(context, { project_id: 'demo' })
const release = ({ manager, context }: FaultCloud) =>
  unless(['FloatingIpNotAllocated'], manager.deallocateFloatingIp(context, FLOATING))
const nameIt = ({ manager, context }: FaultCloud) =>
  manager.addDnsEntry(context, { ...NAME, address: FLOATING, dns_type: 'A' })

/** Guests 1 and 2 are there, 10.0.1.2 and 10.0.1.3; the floating IP leads nowhere, and is demo's where it says so. */
const withFloating = (before?: (cloud: FaultCloud) => Promise<unknown>) => async (cloud: FaultCloud) => {
  await give(cloud)
  await before?.(cloud)
}
const withoutFloating = async (cloud: FaultCloud) => {
  await disassociate(cloud)
  await release(cloud)
}

/** The addresses of guest 1 in the first network, in order. */
const addressesOf = async ({ manager, context }: FaultCloud) =>
  (await manager.getInstance(context, uuidOf(1))).virtual_interfaces.flatMap((vif) => vif.fixed_ips)
const addAddress = ({ manager, context }: FaultCloud) => manager.addFixedIpToInstance(context, uuidOf(1), NETS[0]!.uuid)
const removeLast = async (cloud: FaultCloud) => {
  const { manager, context } = cloud
  return manager.removeFixedIpFromInstance(context, uuidOf(1), (await addressesOf(cloud)).at(-1)!)
}
const removeAdded = async (cloud: FaultCloud) => {
  if ((await addressesOf(cloud)).length > 1) await removeLast(cloud)
}

/** One that this host serves, since it had a guest. */
async function servedNetwork({ manager, context }: FaultCloud): Promise<void> {
  await manager.createNetworks(context, FRESH)
  const request = { instance_uuid: uuidOf(9), project_id: 'demo', requested_networks: [{ uuid: FRESH.uuid }] }
  await manager.allocateForInstance(context, request)
  await manager.deallocateForInstance(context, uuidOf(9))
}

async function projectNetwork(cloud: FaultCloud): Promise<void> {
  await servedNetwork(cloud)
  await cloud.manager.modifyNetwork(cloud.context, FRESH.uuid, { project_id: 'scrubbed' })
}

async function withoutProjectNetwork({ manager, context }: FaultCloud): Promise<void> {
  await unless(['NetworkNotFoundForUUID'], manager.disassociateNetwork(context, FRESH.uuid))
  await unless(['NetworkNotFoundForUUID'], manager.deleteNetwork(context, FRESH.uuid))
}

const operations: readonly Operation[] = [
  { name: 'allocateForInstance', run: (cloud) => allocate(cloud, 3), after: (cloud) => deallocate(cloud, 3) },
  {
    name: 'allocateForInstance of two addresses, one asked for',
    run: (cloud) => allocate(cloud, 3, ['10.0.1.5', undefined]),
    after: (cloud) => deallocate(cloud, 3),
  },
  {
    name: 'allocateForInstance with a floating IP',
    flags: ['--auto_assign_floating_ip'],
    run: (cloud) => allocate(cloud, 3),
    after: (cloud) => deallocate(cloud, 3),
  },
  {
    name: 'allocateForInstance again, of an instance that has lost its floating IP',
    flags: ['--auto_assign_floating_ip'],
    async before(cloud) {
      const { manager, context } = cloud
      const [vif] = await allocate(cloud, 3)
      const address = vif!.network.subnets[0]!.ips[0]!.floating_ips[0]!.address
      await manager.disassociateFloatingIp(context, address!, { affectAutoAssigned: true })
      await manager.deallocateFloatingIp(context, address!, { affectAutoAssigned: true })
    },
    run: (cloud) => allocate(cloud, 3),
    after: (cloud) => deallocate(cloud, 3),
  },
  {
    name: 'deallocateForInstance with two addresses, port, lease and floating IP',
    releases: true,
    before: withFloating(async (cloud) => {
      await allocate(cloud, 3, ['10.0.1.5', undefined])
      await cloud.manager.attachVif(cloud.context, {
        instance_uuid: uuidOf(3),
        target: { kind: 'netns', name: 'guest3' },
      })
      await associate(cloud, '10.0.1.5')
    }),
    run: (cloud) => deallocate(cloud, 3),
    async after(cloud) {
      await deallocate(cloud, 3)
      await withoutFloating(cloud)
    },
  },
  {
    name: 'deallocateForInstance with an automatic floating IP',
    releases: true,
    flags: ['--auto_assign_floating_ip'],
    before: (cloud) => allocate(cloud, 3),
    run: (cloud) => deallocate(cloud, 3),
    after: (cloud) => deallocate(cloud, 3),
  },
  { name: 'allocateFloatingIp', run: give, after: release },
  {
    name: 'associateFloatingIp',
    before: withFloating(),
    run: (cloud) => associate(cloud, '10.0.1.2'),
    after: withoutFloating,
  },
  {
    name: 'associateFloatingIp that led elsewhere',
    before: withFloating((cloud) => associate(cloud, '10.0.1.3')),
    run: (cloud) => associate(cloud, '10.0.1.2'),
    after: withoutFloating,
  },
  {
    name: 'disassociateFloatingIp',
    releases: true,
    before: withFloating((cloud) => associate(cloud, '10.0.1.2')),
    run: ({ manager, context }) => manager.disassociateFloatingIp(context, FLOATING),
    after: withoutFloating,
  },
  {
    name: 'deallocateFloatingIp with a name',
    releases: true,
    before: withFloating(nameIt),
    run: ({ manager, context }) => manager.deallocateFloatingIp(context, FLOATING),
    after: withoutFloating,
  },
  {
    name: 'createFloatingIps',
    run: ({ manager, context }) => manager.createFloatingIps(context, { range: '198.51.100.0/29' }),
    after: ({ manager, context }) =>
      unless(['FloatingIpNotFoundForAddress'], manager.deleteFloatingIps(context, '198.51.100.0/29')),
  },
  {
    name: 'createNetworks',
    run: ({ manager, context }) => manager.createNetworks(context, FRESH),
    after: ({ manager, context }) => unless(['NetworkNotFoundForUUID'], manager.deleteNetwork(context, FRESH.uuid)),
  },
  {
    name: 'deleteNetwork',
    releases: true,
    before: servedNetwork,
    run: ({ manager, context }) => manager.deleteNetwork(context, FRESH.uuid),
    after: ({ manager, context }) => unless(['NetworkNotFoundForUUID'], manager.deleteNetwork(context, FRESH.uuid)),
  },
  {
    name: 'disassociateNetwork',
    releases: true,
    before: projectNetwork,
    run: ({ manager, context }) => manager.disassociateNetwork(context, FRESH.uuid),
    after: withoutProjectNetwork,
  },
  {
    name: 'scrubProject',
    releases: true,
    before: projectNetwork,
    run: ({ manager, context }) => manager.scrubProject(context, 'scrubbed'),
    after: withoutProjectNetwork,
  },
  { name: 'addFixedIpToInstance', run: addAddress, after: removeAdded },
  {
    name: 'removeFixedIpFromInstance',
    releases: true,
    before: addAddress,
    run: removeLast,
    after: removeAdded,
  },
  {
    name: 'reserveFixedIps',
    run: ({ manager, context }) => manager.reserveFixedIps(context, '10.0.2.4-10.0.2.5'),
    after: ({ manager, context }) => manager.unreserveFixedIps(context, '10.0.2.4-10.0.2.5'),
  },
  { name: 'attachVif', run: attach, after: detach },
  { name: 'detachVifs', releases: true, before: attach, run: detach, after: detach },
  {
    name: 'createPublicDnsDomain',
    run: ({ manager, context }) => manager.createPublicDnsDomain(context, 'new.example', 'demo'),
    after: ({ manager, context }) => unless(['DnsDomainNotFound'], manager.deleteDnsDomain(context, 'new.example')),
  },
  {
    name: 'addDnsEntry',
    before: withFloating(),
    run: nameIt,
    after: withoutFloating,
  },
]

async function cloudWithGuests({ flags = [] }: Operation): Promise<FaultCloud> {
  const cloud = await makeFaultCloud([`--instance_dns_domain=${ZONE}`, ...flags])
  const { manager, context } = cloud
  for (const network of NETS) await manager.createNetworks(context, network)
  await manager.createPublicDnsDomain(context, NAME.domain, 'demo')
  await manager.createFloatingIps(context, { range: '203.0.113.0/29' })
  for (const guest of [1, 2]) await allocate(cloud, guest)
  return cloud
}

/** What the periodic tasks do. */
async function timePasses({ manager }: FaultCloud): Promise<void> {
  await manager.catchUp()
  await manager.periodicTasks()
  await manager.mendHost()
}

/** @returns how often the operation failed, and how often it was done all the same */
async function failEach(
  cloud: FaultCloud,
  operation: Operation,
  place: Place,
): Promise<{ failed: number; done: number }> {
  const counts = { failed: 0, done: 0 }
  const base = await cloud.facts()
  for (let n = 1; ; n += 1) {
    const fault = `fault at ${place} ${n}`
    await operation.before?.(cloud)
    const before = await cloud.facts()
    cloud.failAt(place, n, fault)
    const error: unknown = await operation.run(cloud).then(
      () => null,
      (thrown: unknown) => thrown,
    )
    const isReached = cloud.repair()
    if (error !== null) {
      expect(String((error as Error).message), `${fault} is the cause`).toContain(fault)
      // When the answer is lost nobody knows whether it is done; then it may be done, whole, but for what follows it.
      if (place !== 'answer of a commit') expect(await cloud.facts(), `facts after ${fault}`).toEqual(before)
    }
    await timePasses(cloud)
    expect(await cloud.leftToDo(), `left after ${fault}`).toEqual({ entries: [], waiting: [], notes: [] })
    await operation.after(cloud)
    await timePasses(cloud)
    expect(await cloud.facts(), `facts after ${fault}, and the end of it`).toEqual(base)
    if (!isReached) {
      expect(error, 'without a fault it is done').toBeNull()
      return counts
    }
    counts[error === null ? 'done' : 'failed'] += 1
  }
}

describe('a fault at each statement, commit, answer of a commit, step on the host and call of the DNS driver', () => {
  test.each(operations.map((operation) => [operation.name, operation] as const))(
    '%s: done whole, or nothing of it (lessons A3; defects-manager B1, B2, B3, B9)',
    async (_, operation) => {
      const cloud = await cloudWithGuests(operation)
      for (const place of PLACES) {
        const { failed, done } = await failEach(cloud, operation, place)
        if (place === 'statement') expect(failed).toBeGreaterThan(0)
        // What gives back never fails for the sake of a host or of DNS; what takes never passes over a failure.
        if (operation.releases && (place.startsWith('host') || place === 'DNS')) expect(failed, place).toBe(0)
        if (!operation.releases && ['commit', 'answer of a commit', 'DNS'].includes(place)) expect(done, place).toBe(0)
      }
    },
  )
})
