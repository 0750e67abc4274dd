/** One address for one interface: the row first, then the host that serves its network. */
import type { NetworkStore } from '../contracts/database.ts'
import type { FixedIpRequest } from '../contracts/network-manager.ts'
import { FixedIpNotAllocated } from '../errors/address.ts'
import { parseAddress } from '../model/address.ts'
import type { RequestContext } from '../model/request-context.ts'
import { runToTheEnd } from '../model/request-scope.ts'
import type { FixedIpDetail, FixedIpRow } from '../model/rows.ts'
import type { Compensation } from './compensation.ts'
import { type Emit, recorded } from './event-log.ts'
import type { NetworkManager } from './network-manager.ts'
import { floatingOwner, leasesOwner, networkOwner, portOwner, vifOwner } from './owners.ts'
import { detachEvent } from './ports.ts'
import { checkFixedIpQuota, lockForQuota } from './quotas.ts'

/**
 * Source: nova allocate_fixed_ip.
 * @throws {FixedIpLimitExceeded} and what the claim of an address throws
 * @param undo gets how to let it go again, when this call took it: another of the same instance may have been faster
 * @returns the address; when its host cannot be configured it is free again
 */
export async function allocateFixedIp(
  manager: NetworkManager,
  context: RequestContext,
  request: FixedIpRequest,
  undo?: Compensation,
): Promise<string> {
  const { network_id: networkId, virtual_interface_id: vifId, instance_uuid, project_id, mac } = request
  const quota = manager.services.flags.quota_fixed_ips
  // The lease file too: with its first guest a host may begin to serve a multi_host network.
  const owners = [networkOwner(networkId), leasesOwner(networkId), vifOwner(vifId)]
  const { row, host, isNew } = await recorded(manager.services, async (store, emit) => {
    // Of several that ask for the same interface the others wait here, and find what the first one took.
    if (!(await lockForQuota(store, quota, project_id))) await store.virtualInterfaces.lock(vifId)
    const [known] = await store.fixedIps.list({ virtualInterfaceIds: [vifId], allocated: true })
    if (known === undefined) await checkFixedIpQuota(store, quota, project_id)
    const row = known ?? (await claim(store, request))
    const network = await store.networks.byId(networkId)
    const host = manager.configuringHost(network, request.instance_host)
    if (host !== null && network.multi_host) await store.fixedIps.claimForHost(networkId, host)
    if (host !== null) await store.hostChanges.record(host, owners)
    if (known === undefined) {
      const subject = { address: row.address, instance_uuid, project_id, network_uuid: network.uuid, host }
      emit({ type: 'network.fixed_ip.allocate', ...subject, payload: { mac } })
    }
    return { row, host, isNew: known === undefined }
  })
  try {
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

/** Lets an address go that its host could not be configured for, unless another has it by now. */
function release(
  manager: NetworkManager,
  context: RequestContext,
  { address, virtual_interface_id: vifId }: FixedIpRow,
  host: string | null,
  owners: readonly string[],
): Promise<void> {
  return change(manager, context, async (step) => {
    const now = await step.store.fixedIps.byAddress(address)
    if (now.allocated && now.virtual_interface_id === vifId) await letGo(manager, step, now)
    step.changed(host, ...owners)
  })
}

/** Its host then takes away its entry and ends its lease, in this order (defects-manager H3). @throws {FixedIpNotAllocated} */
export function deallocateFixedIp(manager: NetworkManager, context: RequestContext, address: string): Promise<void> {
  return change(manager, context, async (step) => letGo(manager, step, await step.store.fixedIps.byAddress(address)))
}

/**
 * All that the instance has, in one transaction: what an allocation or an association at the same time gave it goes too.
 * @returns the addresses that it had @throws {InstanceNotFound}
 */
export function deallocateInstance(
  manager: NetworkManager,
  context: RequestContext,
  uuid: string,
): Promise<readonly string[]> {
  return change(manager, context, async (step) => {
    const { store, changed, emit } = step
    // What is being given to it now is waited for, and seen.
    await store.instances.lock(uuid)
    const { host, project_id, virtual_interfaces: vifs } = await store.instances.byUuid(uuid)
    const addresses = vifs.flatMap((vif) => vif.fixed_ips.map((fixed) => fixed.address))
    for (const address of addresses) await letGo(manager, step, await store.fixedIps.byAddress(address))
    const plugged = vifs.filter((vif) => vif.target !== null)
    // With its last guest a network may be gone from this host.
    changed(host, ...plugged.flatMap((vif) => [portOwner(vif.id), networkOwner(vif.network_id)]))
    await store.virtualInterfaces.remove(vifs.map((vif) => vif.id))
    await store.instances.remove(uuid)
    for (const vif of plugged) emit(detachEvent(vif, host, project_id))
    return addresses
  })
}

/** What is at hand while things are let go. */
interface Step {
  readonly store: NetworkStore
  readonly emit: Emit
  /** Tells that facts of these owners changed, which are on this host; null: on none. */
  changed(host: string | null, ...owners: readonly string[]): void
}

async function letGo(manager: NetworkManager, { store, emit, changed }: Step, before: FixedIpDetail): Promise<void> {
  const { address, mac, instance_uuid, project_id } = before
  if (!before.allocated) throw new FixedIpNotAllocated({ address })
  const now = await store.fixedIps.deallocate(before.id)
  const network = await store.networks.byId(before.network_id)
  const host = manager.configuringHost(network, before.instance_host)
  changed(host, leasesOwner(before.network_id))
  if (before.virtual_interface_id !== null) changed(host, vifOwner(before.virtual_interface_id))
  const subject = { instance_uuid, project_id, network_uuid: network.uuid }
  for (const floating of await store.floatingIps.list({ fixedIpIds: [before.id] })) {
    const { address: floatingAddress, project_id, host } = floating
    if (!(await store.floatingIps.disassociate(floatingAddress, before.id))) continue
    changed(host, floatingOwner(floatingAddress))
    const its = { ...subject, address: floatingAddress, project_id, host }
    emit({ type: 'network.floating_ip.disassociate', ...its, payload: { fixed_address: address } })
  }
  // Null: another call was faster, and has said so.
  if (now !== null) {
    const payload = { mac, leased: now.leased }
    emit({ type: 'network.fixed_ip.deallocate', address, ...subject, host, payload })
  }
}

/** A transaction that lets things go, and then the hosts, which may be away. */
async function change<T>(
  manager: NetworkManager,
  context: RequestContext,
  work: (step: Step) => Promise<T>,
): Promise<T> {
  const { result, changes } = await recorded(manager.services, async (store, emit) => {
    const changes = new Map<string, readonly string[]>()
    const changed: Step['changed'] = (host, ...owners) => {
      if (host !== null && owners.length > 0) changes.set(host, [...(changes.get(host) ?? []), ...owners])
    }
    const result = await work({ store, emit, changed })
    for (const [host, owners] of changes) await store.hostChanges.record(host, owners)
    return { result, changes }
  })
  for (const [host, owners] of changes) await manager.convergeOrLog(context, host, owners)
  return result
}
