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
import type { InstanceDetail, NetworkRow, VirtualInterfaceDetail, VirtualInterfaceRow } from '../model/rows.ts'
import type { ChangedOwners } from './changed-owners.ts'
import type { NetworkManager } from './network-manager.ts'

/** An interface that still needs an address. */
export interface Nic {
  readonly network: NetworkRow
  readonly vif: VirtualInterfaceRow
  /** The host that the instance runs on. */
  readonly instanceHost: string
  /** The address that was asked for. */
  readonly address: string | null
  /** The instance is the VPN server of its networks. */
  readonly vpn: boolean
}

/** The interfaces of an instance, in a transaction that is to take their addresses. */
export interface Nics {
  /** As it was before the interfaces that are `made`. */
  readonly instance: InstanceDetail
  /** Interfaces that get an address now. */
  readonly nics: readonly Nic[]
  readonly made: readonly VirtualInterfaceDetail[]
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
  readonly vpn: boolean
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
    vpn: request.vpn ?? false,
  }
}

/** The message that takes an address for an interface. */
export function fixedIpRequest({ network, vif, instanceHost, address, vpn }: Nic): FixedIpRequest {
  const request = {
    instance_uuid: vif.instance_uuid,
    instance_host: instanceHost,
    network_id: network.id,
    virtual_interface_id: vif.id,
    vpn,
  }
  return address === null ? request : { ...request, address }
}

/**
 * The instance's row and one interface for each network. What is there already stays, so a repeated request completes
 * what an interrupted one began.
 */
export async function nicsFor(
  manager: NetworkManager,
  store: NetworkStore,
  wish: AllocationWish,
  changes: ChangedOwners,
): Promise<Nics> {
  const wanted = await wantedNetworks(manager, store, wish, changes)
  if (wish.vpn) checkVpn(wanted)
  const { instance_uuid: uuid, project_id, host, hostname, rxtx_factor } = wish
  // Of several that ask for the same instance the others wait here, and find what the first one made.
  await store.instances.ensure({ uuid, project_id, host, hostname, rxtx_factor })
  const instance = await store.instances.byUuid(uuid)
  if (instance.project_id !== project_id) {
    throw new InstanceExists({ instance_uuid: uuid, project_id: instance.project_id })
  }
  return ensureVifs(manager, store, wish, wanted, instance)
}

async function wantedNetworks(
  manager: NetworkManager,
  store: NetworkStore,
  { requested_networks: requested, project_id: project }: AllocationWish,
  changes: ChangedOwners,
): Promise<readonly WantedNetwork[]> {
  const networks =
    requested.length === 0
      ? await manager.networksForProject(store, project)
      : await store.networks.byUuids(requested.map(({ uuid }) => uuid))
  if (networks.length === 0) throw new NoNetworksFound({})
  const wanted: WantedNetwork[] = []
  for (const [index, network] of networks.entries()) {
    // Networks that the topology chose are the project's.
    if (!manager.mayUse(network, project)) throw new NetworkNotFoundForProject({ uuid: network.uuid, project })
    wanted.push({
      network: await manager.networkWithHost(store, network, changes),
      address: requested[index]?.address ?? null,
    })
  }
  return wanted
}

/** The address of a VPN server is the network's. @throws {InvalidInput} */
function checkVpn(networks: readonly WantedNetwork[]): void {
  for (const { network, address } of networks) {
    if (network.vpn_private_address === null)
      throw new InvalidInput({ what: 'vpn', value: true, want: `no VPN server: network ${network.label} has no VLAN` })
    if (address !== null)
      throw new InvalidInput({ what: 'address', value: address, want: 'none: a VPN server has that of its network' })
  }
}

async function ensureVifs(
  manager: NetworkManager,
  store: NetworkStore,
  { macs, vpn }: AllocationWish,
  networks: readonly WantedNetwork[],
  instance: InstanceDetail,
): Promise<Nics> {
  const there = [...instance.virtual_interfaces]
  const nextMac = macs.length === 0 ? null : macs[Symbol.iterator]()
  const nics: Nic[] = []
  const made: VirtualInterfaceDetail[] = []
  for (const { network, address } of networks) {
    const position = there.findIndex((vif) => vif.network_id === network.id)
    const [existing] = position < 0 ? [] : there.splice(position, 1)
    if (existing && existing.fixed_ips.length > 0) continue
    const vif = existing ?? (await createVif(manager, store, instance.uuid, network, nextMac))
    if (!existing) made.push({ ...vif, network_uuid: network.uuid })
    nics.push({ network, vif, instanceHost: instance.host, address, vpn })
  }
  return { instance, nics, made }
}

/** @param macs MAC addresses to use, in order; null: random ones. Source: nova/network/manager.py _add_virtual_interface. */
export async function createVif(
  manager: NetworkManager,
  store: NetworkStore,
  instanceUuid: string,
  network: NetworkRow,
  macs: Iterator<string> | null,
): Promise<VirtualInterfaceRow> {
  const { random, flags } = manager.services
  const create = (address: string) =>
    store.virtualInterfaces.create({
      uuid: random.uuid(),
      address,
      network_id: network.id,
      instance_uuid: instanceUuid,
    })
  if (macs !== null) {
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
