/** One address for one interface: the row first, then the host that serves its network. */
import type { NetworkStore } from '../contracts/database.ts'
import type { FixedIpRequest } from '../contracts/network-manager.ts'
import { FixedIpNotAllocated } from '../errors/address.ts'
import { parseAddress } from '../model/address.ts'
import type { RequestContext } from '../model/request-context.ts'
import { runToTheEnd } from '../model/request-scope.ts'
import type { FixedIpRow } from '../model/rows.ts'
import type { Compensation } from './compensation.ts'
import { type DnsSubject, noteDns, noteLetGo, settleDns, settleDnsOrLog } from './dns.ts'
import type { NetworkManager } from './network-manager.ts'
import { floatingOwner, leasesOwner, networkOwner, portOwner, vifOwner } from './owners.ts'

/**
 * Source: nova allocate_fixed_ip.
 * @param undo gets how to let it go again, when this call took it: another of the same instance may have been faster
 * @returns the address; when its host cannot be configured it is free again
 */
export async function allocateFixedIp(
  manager: NetworkManager,
  context: RequestContext,
  request: FixedIpRequest,
  undo?: Compensation,
): Promise<string> {
  const { database } = manager.services
  const { network_id: networkId, virtual_interface_id: vifId } = request
  // The lease file too: with its first guest a host may begin to serve a multi_host network.
  const owners = [networkOwner(networkId), leasesOwner(networkId), vifOwner(vifId)]
  const { row, host, isNew } = await database.transaction(async (store) => {
    // Of several that ask for the same interface the others wait here, and find what the first one took.
    await store.virtualInterfaces.lock(vifId)
    const [known] = await store.fixedIps.list({ virtualInterfaceIds: [vifId], allocated: true })
    const row = known ?? (await claim(store, request))
    const network = await store.networks.byId(networkId)
    const host = manager.configuringHost(network, request.instance_host)
    if (host !== null && network.multi_host) await store.fixedIps.claimForHost(networkId, host)
    if (host !== null) await store.hostChanges.record(host, owners)
    await noteDns(manager, store, 'fixed', [row.address])
    return { row, host, isNew: known === undefined }
  })
  try {
    await settleDns(manager, 'fixed', row.address)
    await manager.converge(context, host, owners)
  } catch (error) {
    if (isNew) await runToTheEnd(() => release(manager, context, row, host, owners))
    throw error
  }
  if (isNew) undo?.push(`deallocate ${row.address}`, () => deallocateFixedIp(manager, context, row.address))
  return row.address
}

function claim(store: NetworkStore, request: FixedIpRequest): Promise<FixedIpRow> {
  const { network_id: networkId, instance_uuid: instanceUuid, virtual_interface_id: virtualInterfaceId } = request
  const wanted = { networkId, instanceUuid, virtualInterfaceId }
  return request.address === undefined
    ? store.fixedIps.claimFromPool(wanted)
    : store.fixedIps.claimAddress(parseAddress(request.address), wanted)
}

async function release(
  manager: NetworkManager,
  context: RequestContext,
  row: FixedIpRow,
  host: string | null,
  owners: readonly string[],
): Promise<void> {
  const named = await manager.services.database.transaction(async (store) => {
    await store.fixedIps.deallocate(row.id)
    if (host !== null) await store.hostChanges.record(host, owners)
    return noteLetGo(manager, store, row)
  })
  await manager.convergeOrLog(context, host, owners)
  await settleDnsOrLog(manager, named)
}

/** Its host then takes away its entry and ends its lease, in this order (defects-manager H3). @throws {FixedIpNotAllocated} */
export async function deallocateFixedIp(
  manager: NetworkManager,
  context: RequestContext,
  address: string,
): Promise<void> {
  const named = await change(manager, context, (store, changed) => letGo(manager, store, address, changed))
  await settleDnsOrLog(manager, named)
}

/**
 * All that the instance has, in one transaction: what an allocation or an association at the same time gave it goes too.
 * @returns the addresses that it had @throws {InstanceNotFound}
 */
export async function deallocateInstance(
  manager: NetworkManager,
  context: RequestContext,
  uuid: string,
): Promise<readonly string[]> {
  const { addresses, named } = await change(manager, context, async (store, changed) => {
    await lockInstance(store, uuid)
    const { host, virtual_interfaces: vifs } = await store.instances.byUuid(uuid)
    const addresses = vifs.flatMap((vif) => vif.fixed_ips.map((fixed) => fixed.address))
    const named: DnsSubject[] = []
    for (const address of addresses) named.push(...(await letGo(manager, store, address, changed)))
    const plugged = vifs.filter((vif) => vif.target !== null)
    // With its last guest a network may be gone from this host.
    changed(host, ...plugged.flatMap((vif) => [portOwner(vif.id), networkOwner(vif.network_id)]))
    await store.virtualInterfaces.remove(vifs.map((vif) => vif.id))
    await store.instances.remove(uuid)
    return { addresses, named }
  })
  await settleDnsOrLog(manager, named)
  return addresses
}

/**
 * Makes all others wait that give the instance interfaces or addresses: what it has then is all that it has. An address
 * that was taken between the look and the removal of its interface would be nobody's, and never free again.
 */
export async function lockInstance(store: NetworkStore, uuid: string): Promise<void> {
  await store.instances.lock(uuid)
  for (const vif of await store.virtualInterfaces.list({ instanceUuid: uuid }))
    await store.virtualInterfaces.lock(vif.id)
}

/** Tells that facts of these owners changed, which are on this host; null: on none. */
type Changed = (host: string | null, ...owners: readonly string[]) => void

/** With the floating IPs that lead to it. @returns the addresses whose names in DNS change with it */
async function letGo(
  manager: NetworkManager,
  store: NetworkStore,
  address: string,
  changed: Changed,
): Promise<readonly DnsSubject[]> {
  const before = await store.fixedIps.byAddress(address)
  if (!before.allocated) throw new FixedIpNotAllocated({ address })
  await store.fixedIps.deallocate(before.id)
  const host = manager.configuringHost(await store.networks.byId(before.network_id), before.instance_host)
  changed(host, leasesOwner(before.network_id))
  if (before.virtual_interface_id !== null) changed(host, vifOwner(before.virtual_interface_id))
  const floating = await letFloatingGo(manager, store, before.id, changed)
  return [...(await noteLetGo(manager, store, before)), ...floating]
}

/** The floating IPs that lead to a fixed IP lead nowhere; those that came with the instance go with it, in the same transaction. */
async function letFloatingGo(
  manager: NetworkManager,
  store: NetworkStore,
  fixedIpId: number,
  changed: Changed,
): Promise<readonly DnsSubject[]> {
  const named: DnsSubject[] = []
  for (const { address, host, auto_assigned } of await store.floatingIps.list({ fixedIpIds: [fixedIpId] })) {
    await store.floatingIps.disassociate(address)
    changed(host, floatingOwner(address))
    if (!auto_assigned) continue
    await store.floatingIps.release(address)
    named.push(...(await noteDns(manager, store, 'floating', [address])))
  }
  return named
}

/** Undoes an automatic association of a fixed IP that is there still. */
export async function takeFloatingBack(
  manager: NetworkManager,
  context: RequestContext,
  fixedAddress: string,
): Promise<void> {
  const named = await change(manager, context, async (store, changed) => {
    const { id } = await store.fixedIps.byAddress(fixedAddress)
    return letFloatingGo(manager, store, id, changed)
  })
  await settleDnsOrLog(manager, named)
}

/** A transaction that lets things go, and then the hosts, which may be away. */
async function change<T>(
  manager: NetworkManager,
  context: RequestContext,
  work: (store: NetworkStore, changed: Changed) => Promise<T>,
): Promise<T> {
  const { result, changes } = await manager.services.database.transaction(async (store) => {
    const changes = new Map<string, readonly string[]>()
    const result = await work(store, (host, ...owners) => {
      if (host !== null && owners.length > 0) changes.set(host, [...(changes.get(host) ?? []), ...owners])
    })
    for (const [host, owners] of changes) await store.hostChanges.record(host, owners)
    return { result, changes }
  })
  for (const [host, owners] of changes) await manager.convergeOrLog(context, host, owners)
  return result
}
