/**
 * The addresses of an instance, taken and let go. One transaction takes all of them, then the hosts are told; when one
 * cannot be configured, what was taken is let go again. Source: nova allocate_for_instance, deallocate_for_instance.
 */
import type { NetworkStore } from '../contracts/database.ts'
import type { FixedIpRequest } from '../contracts/network-manager.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { FixedIpRow, InstanceDetail, NetworkRow } from '../model/rows.ts'
import { ChangedOwners, changeRows } from './changed-owners.ts'
import type { Compensation } from './compensation.ts'
import { noteDns } from './dns.ts'
import { recorded } from './event-log.ts'
import { letGo, type Takings, takeAddress } from './fixed-ips.ts'
import type { NetworkManager } from './network-manager.ts'
import { type AllocationWish, fixedIpRequest, type Nics, nicsFor } from './nics.ts'
import { networkOwner, portOwner, vifOwner } from './owners.ts'
import { detachEvent } from './ports.ts'

/** @param undo gets how to let go what this call took; another of the same instance may have been faster */
export function allocateInstance(
  manager: NetworkManager,
  context: RequestContext,
  wish: AllocationWish,
  undo: Compensation,
): Promise<NetworkInfo> {
  return allocate(manager, context, undo, (store, changes) => nicsFor(manager, store, wish, changes))
}

/** @param choose makes the interfaces, in the transaction that then takes an address for each */
export async function allocate(
  manager: NetworkManager,
  context: RequestContext,
  undo: Compensation,
  choose: (store: NetworkStore, changes: ChangedOwners) => Promise<Nics>,
): Promise<NetworkInfo> {
  const taken = await recorded(manager.services, async (store, emit) => {
    const takings: Takings = { changes: new ChangedOwners(emit), fixedIps: [], hostAddresses: [] }
    const nics = await choose(store, takings.changes)
    const info = await takeAddresses(manager, store, nics, takings)
    await takings.changes.record(store)
    return { ...takings, info, uuid: nics.instance.uuid, made: nics.made.map((vif) => vif.id) }
  })
  if (taken.made.length > 0 || taken.fixedIps.length > 0) {
    undo.push('take back interfaces and addresses', () => takeBack(manager, context, taken))
  }
  await taken.changes.converge(manager, context)
  return taken.info
}

async function takeAddresses(
  manager: NetworkManager,
  store: NetworkStore,
  { instance, nics, made }: Nics,
  takings: Takings,
): Promise<NetworkInfo> {
  const vifs = [...instance.virtual_interfaces, ...made.map((vif) => ({ ...vif, fixed_ips: [] }))]
  const networks = await networksOf(store, vifs, nics)
  const taken: FixedIpRow[] = []
  // Pools in one order for all, so that two that want several do not wait for each other.
  for (const nic of nics.toSorted((a, b) => a.network.id - b.network.id)) {
    const row = await takeAddress(manager, store, networks.get(nic.network.id)!, fixedIpRequest(nic), takings)
    if (row !== null) taken.push(row)
    // A guest without DHCP is given its addresses where it is plugged in.
    if (nic.network.injected && nic.vif.target !== null) takings.changes.add(nic.instanceHost, portOwner(nic.vif.id))
  }
  const detail: InstanceDetail = {
    ...instance,
    virtual_interfaces: vifs.map((vif) => {
      const addresses = taken.filter((row) => row.virtual_interface_id === vif.id)
      const fresh = addresses.map(({ address }) => ({ address, floating_ips: [] }))
      return { ...vif, fixed_ips: [...vif.fixed_ips, ...fresh] }
    }),
  }
  const { hostAddresses } = takings
  const isKnown = ({ id, multi_host }: NetworkRow) => !multi_host || hostAddresses.some((row) => row.network_id === id)
  const servers = [...networks.values()].every(isKnown) ? hostAddresses : await store.fixedIps.ofHosts(instance)
  return manager.buildNetworkInfoModel(detail, [...networks.values()], servers)
}

/**
 * The networks of the interfaces. Their hosts are settled from the moment that interfaces refer to them: on a store with
 * several writers one may have been moved until then, and what was read before is old.
 */
async function networksOf(
  store: NetworkStore,
  vifs: InstanceDetail['virtual_interfaces'],
  nics: Nics['nics'],
): Promise<ReadonlyMap<number, NetworkRow>> {
  const known = new Map(nics.map(({ network }) => [network.id, network]))
  const ids = [...new Set(vifs.map((vif) => vif.network_id))]
  if (ids.every((id) => known.get(id)?.multi_host)) return known
  return new Map((await store.networks.list(ids)).map((network) => [network.id, network]))
}

/** What another call has given an address meanwhile, or asked for again, is that call's. */
async function takeBack(
  manager: NetworkManager,
  context: RequestContext,
  {
    uuid,
    made,
    fixedIps,
  }: { readonly uuid: string; readonly made: readonly number[]; readonly fixedIps: readonly FixedIpRow[] },
): Promise<void> {
  await changeRows(manager, context, async (store, changes) => {
    await store.instances.lock(uuid)
    const rows = await store.fixedIps.list({ addresses: fixedIps.map((row) => row.address), allocated: true })
    const ours = rows.filter(({ id, virtual_interface_id: vif }) =>
      fixedIps.some((row) => row.id === id && row.virtual_interface_id === vif),
    )
    await letGo(manager, store, ours, changes)
    const held = await store.fixedIps.list({ virtualInterfaceIds: made })
    await store.virtualInterfaces.remove(made.filter((id) => !held.some((row) => row.virtual_interface_id === id)))
    const left = await store.virtualInterfaces.list({ instanceUuid: uuid })
    if (made.length > 0 && left.length === 0) await store.instances.remove(uuid)
  })
}

/**
 * All that the instance has, in one transaction: what an allocation or an association at the same time gave it goes too.
 * @returns the addresses that it had @throws {InstanceNotFound} @throws {Forbidden} it is another project's
 */
export function deallocateInstance(
  manager: NetworkManager,
  context: RequestContext,
  uuid: string,
): Promise<readonly string[]> {
  return changeRows(manager, context, async (store, changes) => {
    await store.instances.lock(uuid)
    const { host, project_id, virtual_interfaces: vifs } = await store.instances.byUuid(uuid)
    manager.checkOwner(context, `instance ${uuid}`, project_id)
    const ids = vifs.map((vif) => vif.id)
    const rows = await store.fixedIps.list({ virtualInterfaceIds: ids, allocated: true })
    await letGo(manager, store, rows, changes)
    const plugged = vifs.filter((vif) => vif.target !== null)
    // With its last guest a network may be gone from this host.
    changes.add(host, ...plugged.flatMap((vif) => [portOwner(vif.id), networkOwner(vif.network_id)]))
    await store.virtualInterfaces.remove(ids)
    await store.instances.remove(uuid)
    for (const vif of plugged) changes.emit(detachEvent(vif, host, project_id))
    return vifs.flatMap((vif) => vif.fixed_ips.map((fixed) => fixed.address))
  })
}

/** One address for an interface that is there; one that has an address keeps it. @returns it; null in a network without IPv4 */
export async function allocateFixedIp(
  manager: NetworkManager,
  context: RequestContext,
  request: FixedIpRequest,
  undo: Compensation,
): Promise<string | null> {
  const { virtual_interface_id: vifId, network_id: networkId, instance_uuid: uuid } = request
  const { row, isNew, changes } = await recorded(manager.services, async (store, emit) => {
    const takings: Takings = { changes: new ChangedOwners(emit), fixedIps: [], hostAddresses: [] }
    const { changes } = takings
    // Of several that ask for the same interface the others wait here, and find what the first one took.
    await store.instances.lock(uuid)
    const [known] = await store.fixedIps.list({ virtualInterfaceIds: [vifId], allocated: true })
    const network = await manager.networkWithHost(store, await store.networks.byId(networkId), changes)
    const row = known ?? (await takeAddress(manager, store, network, request, takings))
    if (known !== undefined) changes.addNames(await noteDns(manager, store, 'fixed', [known.address]))
    changes.add(manager.configuringHost(network, request.instance_host), networkOwner(networkId), vifOwner(vifId))
    await changes.record(store)
    return { row, isNew: known === undefined, changes }
  })
  if (isNew && row !== null) {
    undo.push(`deallocate ${row.address}`, () => takeBack(manager, context, { uuid, made: [], fixedIps: [row] }))
  }
  await changes.converge(manager, context)
  return row?.address ?? null
}
