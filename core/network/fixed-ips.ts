/** One address for one interface: taken and let go, within a transaction of the caller's. */
import type { NetworkStore } from '../contracts/database.ts'
import type { FixedIpRequest } from '../contracts/network-manager.ts'
import { FixedIpNotAllocated } from '../errors/address.ts'
import { parseAddress } from '../model/address.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { FixedIpDetail, FixedIpRow, FloatingIpDetail, NetworkRow } from '../model/rows.ts'
import { type ChangedOwners, changeRows } from './changed-owners.ts'
import { noteDns, noteLetGo } from './dns.ts'
import { disassociateEvent, poolEvent } from './floating-events.ts'
import type { NetworkManager } from './network-manager.ts'
import { floatingOwner, leasesOwner, networkOwner, vifOwner } from './owners.ts'
import { checkFixedIpQuota } from './quotas.ts'

/** What a transaction takes for an instance. */
export interface Takings {
  readonly changes: ChangedOwners
  readonly fixedIps: FixedIpRow[]
  /** The addresses that the instance's host has in multi_host networks, as far as they were looked up. */
  readonly hostAddresses: { readonly network_id: number; readonly address: string }[]
}

/**
 * Takes an address for an interface, and what its host needs to serve it. @param network as it is now
 * @returns null in a network without IPv4 @throws {FixedIpLimitExceeded} and what the claim of an address throws
 */
export async function takeAddress(
  manager: NetworkManager,
  store: NetworkStore,
  network: NetworkRow,
  request: FixedIpRequest,
  { changes, fixedIps, hostAddresses }: Takings,
): Promise<FixedIpRow | null> {
  const host = manager.configuringHost(network, request.instance_host)
  const owners = [networkOwner(network.id), vifOwner(request.virtual_interface_id)]
  if (host !== null && network.multi_host && network.cidr !== null) {
    const [known] = await store.fixedIps.ofHosts({ networkId: network.id, host })
    hostAddresses.push(known ?? (await store.fixedIps.claimForHost(network.id, host)))
    // With its first guest a host begins to serve the network: its DHCP server reads the leases of before.
    if (known === undefined) owners.push(leasesOwner(network.id))
  }
  if (network.cidr !== null) await checkFixedIpQuota(store, manager.services.flags.quota_fixed_ips, request.project_id)
  const row = await claim(store, network, request)
  changes.add(host, ...owners)
  if (row !== null) {
    fixedIps.push(row)
    changes.addNames(await noteDns(manager, store, 'fixed', [row.address]))
    const { instance_uuid, project_id, mac } = request
    const subject = { address: row.address, instance_uuid, project_id, network_uuid: network.uuid, host }
    changes.emit({ type: 'network.fixed_ip.allocate', ...subject, payload: { mac } })
  }
  return row
}

async function claim(store: NetworkStore, network: NetworkRow, request: FixedIpRequest): Promise<FixedIpRow | null> {
  const { network_id: networkId, instance_uuid: instanceUuid, virtual_interface_id: virtualInterfaceId } = request
  const wanted = { networkId, instanceUuid, virtualInterfaceId }
  // A guest makes its IPv6 address itself (defects-manager D7).
  if (network.cidr === null && request.address === undefined) return null
  if (request.vpn && network.vpn_private_address !== null) {
    return store.fixedIps.claimReserved(network.vpn_private_address, wanted)
  }
  return request.address === undefined
    ? store.fixedIps.claimFromPool(wanted)
    : store.fixedIps.claimAddress(parseAddress(request.address), wanted)
}

/**
 * Ends the use of addresses by their instances, with the floating IPs that lead there: those that came with the instance
 * are free then. One that another instance uses by now is that one's. The host then takes away its entry and ends its
 * lease, in this order (defects-manager H3).
 * @returns those that were let go
 */
export async function letGo(
  manager: NetworkManager,
  store: NetworkStore,
  rows: readonly FixedIpDetail[],
  changes: ChangedOwners,
): Promise<readonly FixedIpDetail[]> {
  if (rows.length === 0) return []
  const networks = await store.networks.list([...new Set(rows.map((row) => row.network_id))])
  const gone: FixedIpDetail[] = []
  // In one order for all, so that two at once do not wait for each other.
  for (const row of rows.toSorted((a, b) => a.id - b.id)) {
    if (row.instance_uuid === null) continue
    const now = await store.fixedIps.deallocate(row.id, row.instance_uuid)
    // Another call was faster, and has said so.
    if (now === null) continue
    gone.push(row)
    const network = networks.find(({ id }) => id === row.network_id)!
    const host = manager.configuringHost(network, row.instance_host)
    for (const server of [host, network.multi_host ? now.lease_host : null]) {
      changes.add(server, leasesOwner(row.network_id))
    }
    const { address, mac, instance_uuid, project_id } = row
    const subject = { address, instance_uuid, project_id, network_uuid: network.uuid, host }
    changes.emit({ type: 'network.fixed_ip.deallocate', ...subject, payload: { mac, leased: now.leased } })
    if (row.virtual_interface_id !== null) changes.add(host, vifOwner(row.virtual_interface_id))
  }
  for (const led of await store.floatingIps.list({ fixedIpIds: gone.map((row) => row.id) })) {
    // The address is nobody's now: whom it led to is known from before.
    const floating = { ...led, instance_uuid: gone.find((row) => row.id === led.fixed_ip_id)?.instance_uuid ?? null }
    if (!(await letFloatingGo(store, floating, changes)) || !floating.auto_assigned) continue
    await releaseFloating(manager, store, floating, changes)
  }
  changes.addNames(await noteLetGo(manager, store, gone))
  return gone
}

/** Lets a floating IP lead nowhere, unless it leads elsewhere than it did. @returns whether it does */
export async function letFloatingGo(
  store: NetworkStore,
  floating: FloatingIpDetail,
  changes: ChangedOwners,
): Promise<boolean> {
  const { address, fixed_ip_id: leadsTo, project_id: projectId, host } = floating
  const condition = { leadsTo, ...(projectId === null ? {} : { projectId }) }
  const done = await store.floatingIps.disassociate(address, condition)
  if (done) {
    changes.add(host, floatingOwner(address))
    changes.emit(disassociateEvent(floating))
  }
  return done
}

/** Gives a floating IP that leads nowhere back to its pool; its names go with it. @returns whether it was the project's */
export async function releaseFloating(
  manager: NetworkManager,
  store: NetworkStore,
  floating: FloatingIpDetail,
  changes: ChangedOwners,
): Promise<boolean> {
  const { address, project_id: projectId } = floating
  if (projectId === null || !(await store.floatingIps.release(address, projectId))) return false
  changes.emit(poolEvent('network.floating_ip.deallocate', floating))
  changes.addNames(await noteDns(manager, store, 'floating', [address]))
  return true
}

/**
 * @param instanceUuid only while this instance uses it
 * @throws {FixedIpNotFoundForAddress} @throws {FixedIpNotAllocated}
 */
export function deallocateFixedIp(
  manager: NetworkManager,
  context: RequestContext,
  text: string,
  instanceUuid?: string,
): Promise<void> {
  const address = parseAddress(text)
  return changeRows(manager, context, async (store, changes) => {
    const row = await store.fixedIps.byAddress(address)
    const isUsed = row.allocated && (instanceUuid ?? row.instance_uuid) === row.instance_uuid
    const gone = isUsed ? await letGo(manager, store, [row], changes) : []
    if (gone.length === 0) throw new FixedIpNotAllocated({ address })
  })
}
