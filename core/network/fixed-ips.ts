/** One address for one interface: the row first, then the host that serves its network. */
import type { FixedIpRequest } from '../contracts/network-manager.ts'
import { FixedIpNotAllocated } from '../errors/address.ts'
import { parseAddress } from '../model/address.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { NetworkManager } from './network-manager.ts'
import { leasesOwner, networkOwner, vifOwner } from './owners.ts'

/** @returns the address; when its host cannot be configured it is free again. Source: nova allocate_fixed_ip */
export async function allocateFixedIp(
  manager: NetworkManager,
  context: RequestContext,
  request: FixedIpRequest,
): Promise<string> {
  const { database } = manager.services
  const { network_id: networkId, instance_uuid: instanceUuid, virtual_interface_id: virtualInterfaceId } = request
  // The lease file too: with its first guest a host may begin to serve a multi_host network.
  const owners = [networkOwner(networkId), leasesOwner(networkId), vifOwner(virtualInterfaceId)]
  const { row, host } = await database.transaction(async (store) => {
    const claim = { networkId, instanceUuid, virtualInterfaceId }
    const row =
      request.address === undefined
        ? await store.fixedIps.claimFromPool(claim)
        : await store.fixedIps.claimAddress(parseAddress(request.address), claim)
    const network = await store.networks.byId(networkId)
    const host = manager.configuringHost(network, request.instance_host)
    if (host !== null && network.multi_host) await store.fixedIps.claimForHost(networkId, host)
    if (host !== null) await store.hostChanges.record(host, owners)
    return { row, host }
  })
  try {
    await manager.converge(context, host, owners)
  } catch (error) {
    await database.transaction(async (store) => {
      await store.fixedIps.deallocate(row.id)
      if (host !== null) await store.hostChanges.record(host, owners)
    })
    await manager.convergeOrLog(context, host, owners)
    throw error
  }
  return row.address
}

/** Its host then takes away its entry and ends its lease, in this order (defects-manager H3). @throws {FixedIpNotAllocated} */
export async function deallocateFixedIp(
  manager: NetworkManager,
  context: RequestContext,
  address: string,
): Promise<void> {
  const { host, owners } = await manager.services.database.transaction(async (store) => {
    const before = await store.fixedIps.byAddress(address)
    if (!before.allocated) throw new FixedIpNotAllocated({ address })
    await store.fixedIps.deallocate(before.id)
    const host = manager.configuringHost(await store.networks.byId(before.network_id), before.instance_host)
    const vifId = before.virtual_interface_id
    const owners = [...(vifId === null ? [] : [vifOwner(vifId)]), leasesOwner(before.network_id)]
    if (host !== null) await store.hostChanges.record(host, owners)
    return { host, owners }
  })
  await manager.convergeOrLog(context, host, owners)
}
