/** Addresses that an instance gets and gives back while it lives, and the hosts that serve it. */
import { FixedIpNotFoundForInstance, FixedIpNotFoundForSpecificInstance } from '../errors/address.ts'
import { NetworkNotFoundForProject } from '../errors/network.ts'
import { parseAddress } from '../model/address.ts'
import { parseHost, parseUuid } from '../model/names.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import type { RequestContext } from '../model/request-context.ts'
import { allocate } from './allocation.ts'
import { changeRows, recordedChange } from './changed-owners.ts'
import type { Compensation } from './compensation.ts'
import { letGo } from './fixed-ips.ts'
import { nwInfoIn } from './instance-reads.ts'
import type { NetworkManager } from './network-manager.ts'
import { createVif } from './nics.ts'
import { leasesOwner, networkOwner, portOwner, vifOwner } from './owners.ts'

/**
 * One more address from the network, on the interface that the instance has there; without one it gets one. DHCP gives
 * a guest the first address of each interface, the others are its own to set (defects-manager H6).
 * @throws {InstanceNotFound} @throws {NetworkNotFoundForUUID} @throws {NetworkNotFoundForProject} @throws {NoMoreFixedIps}
 */
export function addFixedIpToInstance(
  manager: NetworkManager,
  context: RequestContext,
  instanceUuid: string,
  networkUuid: string,
  undo: Compensation,
): Promise<NetworkInfo> {
  const uuid = parseUuid(instanceUuid)
  const wanted = parseUuid(networkUuid)
  return allocate(manager, context, undo, async (store, changes) => {
    await store.instances.lock(uuid)
    const instance = await store.instances.byUuid(uuid)
    const { host: instanceHost, project_id: project, virtual_interfaces: vifs } = instance
    manager.checkOwner(context, `instance ${uuid}`, project)
    const found = await store.networks.byUuid(wanted)
    if (!manager.mayUse(found, project)) throw new NetworkNotFoundForProject({ uuid: wanted, project })
    const network = await manager.networkWithHost(store, found, changes)
    const known = vifs.find((vif) => vif.network_id === network.id)
    const vif = known ?? (await createVif(manager, store, uuid, network, null))
    const made = known === undefined ? [{ ...vif, network_uuid: network.uuid }] : []
    return { instance, nics: [{ network, vif, instanceHost, projectId: project, address: null, vpn: false }], made }
  })
}

/**
 * The interface stays. @returns what the instance has then: read in the same transaction, so nothing fails once it is done
 * @throws {InstanceNotFound} @throws {FixedIpNotFoundForInstance} it has none
 * @throws {FixedIpNotFoundForSpecificInstance} it has others
 */
export async function removeFixedIpFromInstance(
  manager: NetworkManager,
  context: RequestContext,
  instanceUuid: string,
  text: string,
): Promise<NetworkInfo> {
  const uuid = parseUuid(instanceUuid)
  const address = parseAddress(text)
  // An event that waits may say that the guest took its lease: that has to be known before its address is let go.
  await manager.agent.drainLeaseEvents()
  return changeRows(manager, context, async (store, changes) => {
    await store.instances.lock(uuid)
    const { host, project_id, virtual_interfaces: vifs } = await store.instances.byUuid(uuid)
    manager.checkOwner(context, `instance ${uuid}`, project_id)
    const held = vifs.flatMap((vif) => vif.fixed_ips.map((fixed) => fixed.address))
    if (held.length === 0) throw new FixedIpNotFoundForInstance({ instance_uuid: uuid })
    const rows = held.includes(address) ? await store.fixedIps.list({ addresses: [address], allocated: true }) : []
    const gone = await letGo(
      manager,
      store,
      rows.filter((row) => row.instance_uuid === uuid),
      changes,
    )
    if (gone.length === 0) throw new FixedIpNotFoundForSpecificInstance({ instance_uuid: uuid, ip: address })
    const port = vifs.find((vif) => vif.fixed_ips.some((fixed) => fixed.address === address))
    if (port && port.target !== null) changes.add(host, portOwner(port.id))
    return nwInfoIn(manager, context, store, uuid)
  })
}

/**
 * Brings the hosts that serve an instance's networks in line with the rows, as if it ran on `host`: with `teardown` the
 * rows say already that it does not. What a multi_host network needs on a host that has no guest of it yet is made.
 * @throws {InstanceNotFound}, and without `teardown` {HostChangeFailed} and {ServiceUnavailable}
 */
export async function setupNetworksOnHost(
  manager: NetworkManager,
  context: RequestContext,
  instanceUuid: string,
  hostName: string,
  teardown: boolean,
): Promise<void> {
  const uuid = parseUuid(instanceUuid)
  const host = parseHost(hostName)
  const { changes } = await recordedChange(manager, async (store, changes) => {
    const { virtual_interfaces: vifs } = await store.instances.byUuid(uuid)
    const networks = await store.networks.list([...new Set(vifs.map((vif) => vif.network_id))])
    for (const network of networks) {
      const server = manager.configuringHost(network, host)
      if (server !== null && network.multi_host && !teardown) await store.fixedIps.claimForHost(network.id, server)
      const guests = vifs.filter((vif) => vif.network_id === network.id).map((vif) => vifOwner(vif.id))
      changes.add(server, networkOwner(network.id), leasesOwner(network.id), ...guests)
    }
  })
  await (teardown ? changes.convergeOrLog(manager, context) : changes.converge(manager, context))
}
