/** The interfaces of an instance: which networks, which MAC addresses, one row each. */
import type { NetworkStore } from '../contracts/database.ts'
import type { FixedIpRequest } from '../contracts/network-manager.ts'
import type { AllocateRequest } from '../contracts/network-operations.ts'
import {
  InstanceExists,
  InvalidInput,
  NetworkNotFoundForProject,
  NoNetworksFound,
  VirtualInterfaceCreateException,
  VirtualInterfaceMacAddressException,
} from '../errors/index.ts'
import { parseAddress } from '../model/address.ts'
import { parseMac, vifMac } from '../model/mac.ts'
import { parseHost, parseHostname, parseProject, parseUuid } from '../model/names.ts'
import type { InstanceDetail, NetworkRow, VirtualInterfaceRow } from '../model/rows.ts'
import type { Compensation } from './compensation.ts'
import { lockInstance } from './fixed-ips.ts'
import type { NetworkManager } from './network-manager.ts'

/** An interface that still needs an address. */
export interface Nic {
  readonly network: NetworkRow
  readonly vif: VirtualInterfaceRow
  /** The host that the instance runs on. */
  readonly instanceHost: string
  /** The address that was asked for. */
  readonly address: string | null
}

/** An allocate request with every value checked. */
export interface AllocationWish {
  readonly instance_uuid: string
  readonly project_id: string
  readonly host: string
  readonly hostname: string
  readonly rxtx_factor: number | null
  readonly requested_networks: readonly { readonly uuid: string; readonly address: string | null }[]
  readonly macs: readonly string[]
}

interface WantedNetwork {
  readonly network: NetworkRow
  readonly address: string | null
}

/**
 * @param thisHost the host of an instance when the request names none; null: there is no default
 * @throws {InvalidInput} and its kind, for the first value that is malformed
 */
export function parseAllocateRequest(request: AllocateRequest, thisHost: string | null): AllocationWish {
  const host = request.host ?? thisHost
  if (host === null)
    throw new InvalidInput({
      what: 'host',
      value: null,
      want: 'the host of the instance (--host): a controller has no guests',
    })
  const uuid = parseUuid(request.instance_uuid)
  if (request.vpn)
    throw new InvalidInput({ what: 'vpn', value: true, want: 'a VLAN network, which this manager does not have' })
  return {
    instance_uuid: uuid,
    project_id: parseProject(request.project_id),
    host: parseHost(host),
    hostname: request.hostname === undefined ? `host-${uuid.slice(0, 8)}` : parseHostname(request.hostname),
    rxtx_factor: request.rxtx_factor ?? null,
    requested_networks: (request.requested_networks ?? []).map((wanted) => ({
      uuid: parseUuid(wanted.uuid),
      address: wanted.address === undefined ? null : parseAddress(wanted.address),
    })),
    macs: (request.macs ?? []).map(parseMac),
  }
}

/** The message that takes an address for an interface. */
export function fixedIpRequest({ network, vif, instanceHost, address }: Nic): FixedIpRequest {
  const request = {
    instance_uuid: vif.instance_uuid,
    instance_host: instanceHost,
    network_id: network.id,
    virtual_interface_id: vif.id,
  }
  return address === null ? request : { ...request, address }
}

/**
 * The instance's row and one interface for each network, in one transaction. What is there already stays, so a
 * repeated request completes what an interrupted one began.
 * @returns the interfaces that have no address yet
 */
export async function createNics(
  manager: NetworkManager,
  wish: AllocationWish,
  compensation: Compensation,
): Promise<readonly Nic[]> {
  const { database } = manager.services
  const { nics, made } = await database.transaction(async (store) => {
    const networks = await wantedNetworks(manager, store, wish)
    const { instance_uuid: uuid, project_id, host, hostname, rxtx_factor } = wish
    // Of several that ask for the same instance the others wait here, and find what the first one made.
    await store.instances.ensure({ uuid, project_id, host, hostname, rxtx_factor })
    const instance = await store.instances.byUuid(uuid)
    if (instance.project_id !== project_id) {
      throw new InstanceExists({ instance_uuid: uuid, project_id: instance.project_id })
    }
    return ensureVifs(manager, store, wish, networks, instance)
  })
  compensation.push('remove interfaces', () =>
    database.transaction(async (store) => {
      await lockInstance(store, wish.instance_uuid)
      // What another call has given an address meanwhile, or asked for again, is that call's.
      const held = await store.fixedIps.list({ virtualInterfaceIds: made.map((vif) => vif.id) })
      const idle = made.filter((vif) => !held.some((fixed) => fixed.virtual_interface_id === vif.id))
      await store.virtualInterfaces.remove(idle.map((vif) => vif.id))
      const left = await store.virtualInterfaces.list({ instanceUuid: wish.instance_uuid })
      if (left.length === 0) await store.instances.remove(wish.instance_uuid)
    }),
  )
  return nics
}

async function wantedNetworks(
  manager: NetworkManager,
  store: NetworkStore,
  wish: AllocationWish,
): Promise<readonly WantedNetwork[]> {
  if (wish.requested_networks.length === 0) {
    const networks = await manager.networksForProject(store, wish.project_id)
    if (networks.length === 0) throw new NoNetworksFound({})
    return networks.map((network) => ({ network, address: null }))
  }
  const wanted: WantedNetwork[] = []
  for (const { uuid, address } of wish.requested_networks) {
    const network = await store.networks.byUuid(uuid)
    if (network.project_id !== null && network.project_id !== wish.project_id) {
      throw new NetworkNotFoundForProject({ uuid, project: wish.project_id })
    }
    wanted.push({ network, address })
  }
  return wanted
}

async function ensureVifs(
  manager: NetworkManager,
  store: NetworkStore,
  wish: AllocationWish,
  networks: readonly WantedNetwork[],
  instance: InstanceDetail,
): Promise<{ readonly nics: readonly Nic[]; readonly made: readonly VirtualInterfaceRow[] }> {
  const there = [...instance.virtual_interfaces]
  const macs = wish.macs[Symbol.iterator]()
  const nics: Nic[] = []
  const made: VirtualInterfaceRow[] = []
  for (const { network, address } of networks) {
    const position = there.findIndex((vif) => vif.network_id === network.id)
    const [existing] = position < 0 ? [] : there.splice(position, 1)
    if (existing && existing.fixed_ips.length > 0) continue
    const vif = existing ?? (await createVif(manager, store, wish, network, macs))
    if (!existing) made.push(vif)
    nics.push({ network, vif, instanceHost: instance.host, address })
  }
  return { nics, made }
}

/** Source: nova/network/manager.py _add_virtual_interface. */
async function createVif(
  manager: NetworkManager,
  store: NetworkStore,
  wish: AllocationWish,
  network: NetworkRow,
  macs: Iterator<string>,
): Promise<VirtualInterfaceRow> {
  const { random, flags } = manager.services
  const create = (address: string) =>
    store.virtualInterfaces.create({
      uuid: random.uuid(),
      address,
      network_id: network.id,
      instance_uuid: wish.instance_uuid,
    })
  if (wish.macs.length > 0) {
    const { value: mac } = macs.next() as IteratorResult<string, undefined>
    if (mac === undefined)
      throw new VirtualInterfaceCreateException({ reason: 'fewer MAC addresses were given than there are networks' })
    const vif = await create(mac)
    if (vif === null) throw new VirtualInterfaceCreateException({ reason: `MAC address ${mac} is in use` })
    return vif
  }
  for (let attempt = 0; attempt < flags.create_unique_mac_address_attempts; attempt++) {
    const vif = await create(vifMac(random.bytes(3)))
    if (vif !== null) return vif
  }
  throw new VirtualInterfaceMacAddressException({ attempts: flags.create_unique_mac_address_attempts })
}
