/** All that may happen to a cloud, each with what must come of it by the model. */
import { macOf, uuidOf } from 'netloom/testing'
import { expect } from 'vitest'
import type { RequestedNetwork } from '../../core/contracts/index.ts'
import type { NetworkInfo } from '../../core/model/network-info.ts'
import type { Cloud } from './cloud.ts'
import { hostOf, type Model, type Nic, networkUuid, poolOf } from './random-model.ts'

export const FLOATING_IPS = [1, 2, 3, 4, 5, 6].map((index) => `203.0.113.${index}`)
/** A range that comes and goes. */
const RANGE = '203.0.113.16/30'
const RANGE_IPS = ['203.0.113.17', '203.0.113.18']
export const ALL_FLOATING_IPS = [...FLOATING_IPS, ...RANGE_IPS]

/** What a step is about. */
export interface Subject {
  readonly guest: number
  readonly network: number
  /** Which address of the network's pool. */
  readonly index: number
  readonly floating: string
}

export type Step = (cloud: Cloud, model: Model) => Promise<void>

/** What a call ended with: `done`, or the name of its error. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  )
}

function nicsOf(info: NetworkInfo): readonly Nic[] {
  return info.map((vif) => {
    const address = vif.network.subnets[0]!.ips[0]!.address!
    return { network: Number(address.split('.')[2]), address, mac: vif.address }
  })
}

/** Asks for addresses, in these networks or in all, and checks that the guest has what it had and one in each of `wanted`. */
async function allocate(
  cloud: Cloud,
  model: Model,
  guest: number,
  wish: {
    readonly requested?: readonly RequestedNetwork[]
    readonly wanted: readonly number[]
    readonly refusal?: string
  },
): Promise<void> {
  const before = model.guests.get(guest) ?? []
  const news = wish.wanted.filter((network) => !before.some((nic) => nic.network === network))
  let nics: readonly Nic[] = []
  const request = {
    instance_uuid: uuidOf(guest),
    project_id: 'demo',
    host: hostOf(guest),
    hostname: `guest${guest}`,
    ...(wish.requested === undefined ? {} : { requested_networks: wish.requested }),
  }
  const outcome = await outcomeOf(cloud.api.allocateForInstance(request).then((info) => (nics = nicsOf(info))))
  const full = news.some((network) => model.usage(network).free === 0)
  expect(outcome).toBe(wish.refusal ?? (full ? 'NoMoreFixedIps' : 'done'))
  if (outcome !== 'done') return
  expect(nics.slice(0, before.length), 'what it has stays').toEqual(before)
  expect(nics.slice(before.length).map((nic) => nic.network)).toEqual(news)
  for (const { address } of nics.slice(before.length))
    expect(model.isFree(address), `${address} has one owner`).toBe(true)
  model.give(guest, nics)
}

/** The machine that serves the network, or any. */
async function serverOf({ api, machine, named }: Cloud, cloud: Cloud, address: string) {
  const uuid = networkUuid(Number(address.split('.')[2]))
  const network = (await api.getAllNetworks()).find((row) => row.uuid === uuid)
  return network?.host ? named.call(cloud, network.host) : machine
}

export const steps: Readonly<Record<string, (subject: Subject) => Step>> = {
  'create network':
    ({ network }) =>
    async ({ api }, model) => {
      const outcome = await outcomeOf(
        api.createNetworks({
          label: `net${network}`,
          uuid: networkUuid(network),
          cidr: `10.0.${network}.0/24`,
          bridge: `br10${network}`,
          gateway: `10.0.${network}.1`,
          allowed_start: poolOf(network)[0]!,
          allowed_end: poolOf(network).at(-1)!,
        }),
      )
      expect(outcome).toBe(model.networks.includes(network) ? 'CidrConflict' : 'done')
      if (outcome === 'done') model.networks.push(network)
    },

  'delete network':
    ({ network }) =>
    async ({ api }, model) => {
      const { used, held } = model.usage(network)
      const outcome = await outcomeOf(api.deleteNetwork(networkUuid(network)))
      const refusal = used + held > 0 ? 'NetworkInUse' : 'done'
      expect(outcome).toBe(model.networks.includes(network) ? refusal : 'NetworkNotFoundForUUID')
      if (outcome !== 'done') return
      model.networks = model.networks.filter((other) => other !== network)
      for (const address of poolOf(network)) model.reserved.delete(address)
    },

  allocate:
    ({ guest }) =>
    (cloud, model) =>
      allocate(cloud, model, guest, {
        wanted: [...model.networks],
        ...(model.networks.length === 0 ? { refusal: 'NoNetworksFound' } : {}),
      }),

  'allocate in network':
    ({ guest, network }) =>
    (cloud, model) =>
      allocate(cloud, model, guest, {
        requested: [{ uuid: networkUuid(network) }],
        wanted: [network],
        ...(model.networks.includes(network) ? {} : { refusal: 'NetworkNotFoundForUUID' }),
      }),

  'allocate address':
    ({ guest, network, index }) =>
    async (cloud, model) => {
      const address = poolOf(network)[index]!
      const has = model.guests.get(guest)?.some((nic) => nic.network === network) === true
      const refusal = model.reserved.has(address) ? 'FixedIpReserved' : 'FixedIpAlreadyInUse'
      const taken = model.isFree(address) || has ? {} : { refusal }
      await allocate(cloud, model, guest, {
        requested: [{ uuid: networkUuid(network), address }],
        wanted: [network],
        ...(model.networks.includes(network) ? taken : { refusal: 'NetworkNotFoundForUUID' }),
      })
      if (model.networks.includes(network) && !has && !taken.refusal) expect(model.owner(address)).toBe(guest)
    },

  deallocate:
    ({ guest }) =>
    async ({ api }, model) => {
      expect(await api.deallocateForInstance(uuidOf(guest))).toEqual({ addresses: model.forget(guest) })
    },

  reserve:
    ({ network, index }) =>
    async ({ api }, model) => {
      const address = poolOf(network)[index]!
      const refusal = model.isHeld(address) ? 'FixedIpInUse' : 'done'
      expect(await outcomeOf(api.reserveFixedIps(address))).toBe(
        model.networks.includes(network) ? refusal : 'FixedIpNotFoundForAddress',
      )
      if (model.networks.includes(network) && refusal === 'done') model.reserved.add(address)
    },

  unreserve:
    ({ network }) =>
    async ({ api }, model) => {
      const pool = poolOf(network)
      const call = api.unreserveFixedIps(`${pool[0]!}-${pool.at(-1)!}`)
      const isThere = model.networks.includes(network)
      expect(await outcomeOf(call)).toBe(isThere ? 'done' : 'FixedIpNotFoundForAddress')
      if (!isThere) return
      const gone = pool.filter((address) => model.reserved.delete(address))
      expect(await call).toEqual({ addresses: gone.length })
    },

  migrate:
    ({ guest, index }) =>
    async ({ api }, model) => {
      const request = { instance_uuid: uuidOf(guest), dest: `host${1 + (index % 2)}` }
      const call = api.migrateInstanceStart(request).then(() => api.migrateInstanceFinish(request))
      expect(await outcomeOf(call)).toBe(model.guests.has(guest) ? 'done' : 'InstanceNotFound')
      if (!model.guests.has(guest) || request.dest === model.hostOf(guest)) return
      model.moved.set(guest, request.dest)
      model.plugged.delete(guest)
    },

  lease:
    ({ guest, index, network }) =>
    async (cloud, model) => {
      const nic = model.guests.get(guest)?.[index]
      const { address, mac } = nic ?? { address: poolOf(network)[index]!, mac: macOf(guest) }
      await (await serverOf(cloud, cloud, address)).lease(mac, address)
      if (nic) model.leases.set(address, { guest, mac })
    },

  release:
    ({ guest, index, network }) =>
    async (cloud, model) => {
      const [address, lease] = [...model.leases].find(([, { guest: holder }]) => holder === guest) ?? []
      const machine = await serverOf(cloud, cloud, address ?? poolOf(network)[index]!)
      await machine.release(lease?.mac ?? macOf(guest), address ?? poolOf(network)[index]!)
      if (address !== undefined) model.leases.delete(address)
    },

  attach:
    ({ guest }) =>
    async ({ api }, model) => {
      const target = { kind: 'tap', name: `vnet${guest}` } as const
      const outcome = await outcomeOf(api.attach(model.hostOf(guest), { instance_uuid: uuidOf(guest), target }))
      expect(outcome).toBe(model.guests.has(guest) ? 'done' : 'InstanceNotFound')
      if (outcome === 'done') model.plugged.add(guest)
    },

  detach:
    ({ guest }) =>
    async ({ api }, model) => {
      const outcome = await outcomeOf(api.detach(model.hostOf(guest), uuidOf(guest)))
      expect(outcome).toBe(model.guests.has(guest) ? 'done' : 'InstanceNotFound')
      model.plugged.delete(guest)
    },

  'create floating range':
    () =>
    async ({ api }, model) => {
      const outcome = await outcomeOf(api.createFloatingIps({ range: RANGE }))
      expect(outcome).toBe(model.floating.has(RANGE_IPS[0]!) ? 'FloatingIpExists' : 'done')
      if (outcome === 'done') for (const address of RANGE_IPS) model.floating.set(address, undefined)
    },

  'delete floating range':
    () =>
    async ({ api }, model) => {
      const outcome = await outcomeOf(api.deleteFloatingIps(RANGE))
      const inUse = RANGE_IPS.some((address) => model.floating.get(address) !== undefined)
      const refusal = inUse ? 'FloatingIpInUse' : 'done'
      expect(outcome).toBe(model.floating.has(RANGE_IPS[0]!) ? refusal : 'FloatingIpNotFoundForAddress')
      if (outcome === 'done') for (const address of RANGE_IPS) model.floating.delete(address)
    },

  'allocate floating':
    () =>
    async ({ api }, model) => {
      const free = [...model.floating].filter(([, to]) => to === undefined).map(([address]) => address)
      let address = ''
      const outcome = await outcomeOf(api.allocateFloatingIp({ project_id: 'demo' }).then((got) => (address = got)))
      expect(outcome).toBe(free.length === 0 ? 'NoMoreFloatingIps' : 'done')
      if (outcome !== 'done') return
      expect(free, 'one owner').toContain(address)
      model.floating.set(address, null)
    },

  'release floating':
    ({ floating }) =>
    async ({ api }, model) => {
      const outcome = await outcomeOf(api.deallocateFloatingIp(floating))
      expect(outcome).toBe(
        refusalOf(model, floating) ?? (model.floating.get(floating) ? 'FloatingIpAssociated' : 'done'),
      )
      if (outcome === 'done') model.floating.set(floating, undefined)
    },

  associate:
    ({ guest, network, index, floating }) =>
    async ({ api }, model) => {
      const address = model.guests.get(guest)?.[index]?.address ?? poolOf(network)[index]!
      const call = api.associateFloatingIp(floating, address)
      const outcome = await outcomeOf(call)
      const there = model.networks.includes(Number(address.split('.')[2]))
      const free = there ? 'FixedIpNotAllocated' : 'FixedIpNotFoundForAddress'
      expect(outcome).toBe(refusalOf(model, floating) ?? (model.owner(address) === undefined ? free : 'done'))
      if (outcome !== 'done') return
      const before = model.floating.get(floating)
      const led = before && before !== address ? uuidOf(model.owner(before)!) : null
      expect(await call, 'whom it led to before').toBe(led)
      model.floating.set(floating, address)
    },

  disassociate:
    ({ floating }) =>
    async ({ api }, model) => {
      const outcome = await outcomeOf(api.disassociateFloatingIp(floating))
      const refusal = refusalOf(model, floating)
      expect(outcome).toBe(refusal ?? (model.floating.get(floating) ? 'done' : 'FloatingIpNotAssociated'))
      if (outcome === 'done') model.floating.set(floating, null)
    },

  'time passes':
    () =>
    async ({ machines, machine }, model) => {
      machine.clock.advance(601)
      for (const each of machines) await each.beat()
      for (const each of machines) await each.pass(0)
      model.timeOut()
    },

  'restart of the host of':
    ({ guest }) =>
    async (cloud, model) => {
      await cloud.named(model.hostOf(guest)).stop()
      await cloud.named(model.hostOf(guest)).start()
    },
}

/** Why nothing can be done with a floating IP. */
function refusalOf(model: Model, floating: string): string | undefined {
  if (!model.floating.has(floating)) return 'FloatingIpNotFoundForAddress'
  return model.floating.get(floating) === undefined ? 'FloatingIpNotAllocated' : undefined
}
