/** The addresses of networks: who holds which, which are free, which are kept out of the pool. */
import type { AddressRange, NetworkStore } from '../contracts/database.ts'
import type { FixedIpListFilter } from '../contracts/network-manager.ts'
import type { FixedIpState, FixedIpSummary, FreeRange } from '../contracts/network-operations.ts'
import { FixedIpNotFound, FixedIpNotFoundForAddress } from '../errors/address.ts'
import { InvalidInput } from '../errors/input.ts'
import { addressAt, contains, parseAddress, parseCidr, parseRange, toInteger } from '../model/address.ts'
import { parseHost, parseUuid } from '../model/names.ts'
import { mayActFor, type RequestContext } from '../model/request-context.ts'
import type { FixedIpDetail, FixedIpRow, NetworkRow } from '../model/rows.ts'
import type { NetworkManager } from './network-manager.ts'

/** A tenant is shown what its own instances have. Source: nova get_fixed_ip. @throws {FixedIpNotFound} */
export async function getFixedIp(
  manager: NetworkManager,
  context: RequestContext,
  id: number,
): Promise<FixedIpSummary> {
  const { row, network } = await manager.services.database.read(async (store) => {
    const row = await store.fixedIps.byId(id)
    return { row, network: await store.networks.byId(row.network_id) }
  })
  if (!mayActFor(context, row.project_id)) throw new FixedIpNotFound({ id })
  return summaryOf(row, network)
}

/** Source: nova get_fixed_ip_by_address. @throws {FixedIpNotFoundForAddress} @throws {Forbidden} an instance of another project has it */
export async function getFixedIpByAddress(
  manager: NetworkManager,
  context: RequestContext,
  text: string,
): Promise<FixedIpSummary> {
  const address = parseAddress(text)
  const { row, network } = await manager.services.database.read(async (store) => {
    const row = await store.fixedIps.byAddress(address)
    return { row, network: await store.networks.byId(row.network_id) }
  })
  if (row.instance_uuid !== null) manager.checkOwner(context, `fixed IP ${address}`, row.project_id)
  return summaryOf(row, network)
}

/** @throws {NetworkNotFoundForUUID} */
export async function listFixedIps(
  manager: NetworkManager,
  filter: FixedIpListFilter,
): Promise<readonly FixedIpSummary[]> {
  const host = filter.host === undefined ? null : parseHost(filter.host)
  return manager.services.database.read(async (store) => {
    const networks = await networksOf(store, filter.network_uuid)
    const rows = await store.fixedIps.list({ networkIds: [...networks.keys()] })
    return rows
      .filter((row) => host === null || row.instance_host === host || row.host === host)
      .map((row) => summaryOf(row, networks.get(row.network_id)!))
  })
}

/** As few ranges as possible, however large the networks are. @throws {NetworkNotFoundForUUID} */
export async function listFreeFixedIps(
  manager: NetworkManager,
  networkUuid: string | null,
): Promise<readonly FreeRange[]> {
  return manager.services.database.read(async (store) => {
    const networks = await networksOf(store, networkUuid ?? undefined)
    const ranges = await store.pools.ranges('free', [...networks.keys()])
    return ranges.map(({ network_id, ...range }) => {
      const { label, uuid } = networks.get(network_id)!
      return { network: label, network_uuid: uuid, ...range }
    })
  })
}

/**
 * Source: nova-manage fixed reserve, for any range.
 * @throws {FixedIpInUse} nothing is reserved then @throws {FixedIpNotFoundForAddress} @throws {AddressOutOfRange}
 */
export async function reserveFixedIps(manager: NetworkManager, text: string): Promise<{ readonly addresses: number }> {
  const range = parseRange(text)
  await manager.services.database.transaction(async (store) => {
    const network = await networkWith(store, range)
    await store.pools.reserve(network.id, range)
  })
  return { addresses: sizeOf(range) }
}

/**
 * What is the network's own stays reserved, so that the range of a reservation can be given back as it is.
 * @throws {InvalidInput} all of the range is the network's own
 */
export async function unreserveFixedIps(
  manager: NetworkManager,
  text: string,
): Promise<{ readonly addresses: number }> {
  const range = parseRange(text)
  const addresses = await manager.services.database.transaction(async (store) => {
    const network = await networkWith(store, range)
    const own = ownAddresses(network)
    if (own.filter((address) => isInside(range, address)).length === sizeOf(range)) {
      const want = 'an address besides those of the network itself, its gateway, its servers and its broadcast'
      throw new InvalidInput({ what: 'range', value: text, want })
    }
    return store.pools.unreserve(network.id, range, own)
  })
  return { addresses }
}

/** What of a network's range can never be an instance's. */
function ownAddresses(network: NetworkRow): readonly string[] {
  const first = network.cidr === null ? null : addressAt(parseCidr(network.cidr), 0)
  const { broadcast, gateway, dhcp_server, vpn_private_address } = network
  const own = [first, broadcast, gateway, dhcp_server, vpn_private_address].filter((address) => address !== null)
  return [...new Set(own)]
}

function stateOf(row: FixedIpRow, { cidr, gateway, broadcast }: NetworkRow): FixedIpState {
  if (row.allocated) return 'used'
  if (row.instance_uuid !== null || row.leased) return 'held'
  if (row.address === gateway || row.host !== null) return 'gateway'
  if (row.address === broadcast) return 'broadcast'
  if (cidr !== null && row.address === addressAt(parseCidr(cidr), 0)) return 'network'
  return row.reserved ? 'reserved' : 'free'
}

function summaryOf(row: FixedIpDetail, network: NetworkRow): FixedIpSummary {
  const { id, network_id: _network, virtual_interface_id: _vif, default_route: _route, address, ...facts } = row
  return {
    id: id || null,
    address,
    state: stateOf(row, network),
    network: network.label,
    network_uuid: network.uuid,
    ...facts,
  }
}

/** By id: all, or the one of a UUID. @throws {NetworkNotFoundForUUID} */
async function networksOf(store: NetworkStore, uuid: string | undefined): Promise<ReadonlyMap<number, NetworkRow>> {
  const networks = uuid === undefined ? await store.networks.list() : [await store.networks.byUuid(parseUuid(uuid))]
  return new Map(networks.map((network) => [network.id, network]))
}

/** The network that the range begins in. @throws {FixedIpNotFoundForAddress} */
async function networkWith(store: NetworkStore, { first }: AddressRange): Promise<NetworkRow> {
  const networks = await store.networks.list()
  const network = networks.find(({ cidr }) => cidr !== null && contains(parseCidr(cidr), first))
  if (network === undefined) throw new FixedIpNotFoundForAddress({ address: first })
  return network
}

function sizeOf({ first, last }: AddressRange): number {
  return Number(toInteger(last) - toInteger(first)) + 1
}

function isInside({ first, last }: AddressRange, address: string): boolean {
  return toInteger(address) >= toInteger(first) && toInteger(address) <= toInteger(last)
}
