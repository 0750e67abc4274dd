/** Networks as rows: made, shown, deleted. Which host serves one is in `network-hosts.ts`. */
import type { CreateNetworksRequest, NetworkSummary } from '../contracts/network-operations.ts'
import { NetworkHasProject, NetworkNotFoundForProject } from '../errors/network.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { NetworkRow } from '../model/rows.ts'
import { planNetworks } from './network-creation.ts'
import type { NetworkManager } from './network-manager.ts'
import { leasesOwner, networkOwner } from './owners.ts'

/** All or none. @throws what `planNetworks` does */
export async function createNetworks(
  manager: NetworkManager,
  request: CreateNetworksRequest,
): Promise<readonly NetworkRow[]> {
  const { database, random } = manager.services
  return database.transaction(async (store) => {
    // So that two requests at once get ranges and numbers one after the other (defects-manager B9, D12).
    await store.networks.lock()
    const planned = planNetworks(request, manager.creationDefaults(), await store.networks.list(), () => random.uuid())
    const made: NetworkRow[] = []
    for (const network of planned) made.push(await store.networks.create(network))
    return made
  })
}

/** @throws {NetworkNotFoundForUUID} @throws {NetworkHasProject} @throws {NetworkInUse} */
export async function deleteNetwork(manager: NetworkManager, context: RequestContext, uuid: string): Promise<void> {
  const { network, hosts } = await manager.services.database.transaction(async (store) => {
    const network = await store.networks.byUuid(uuid)
    const { label, project_id } = network
    if (project_id !== null) throw new NetworkHasProject({ network: label, project_id })
    const hosts = (await store.fixedIps.ofHosts({ networkId: network.id })).map((row) => row.host!)
    if (network.host !== null) hosts.push(network.host)
    await store.networks.remove(network.id)
    for (const host of hosts) await store.hostChanges.record(host, ownersOf(network))
    return { network, hosts }
  })
  await Promise.all(hosts.map((host) => manager.convergeOrLog(context, host, ownersOf(network))))
}

/** @throws {NetworkNotFoundForUUID} @throws {NetworkNotFoundForProject} */
export async function getNetwork(
  manager: NetworkManager,
  context: RequestContext,
  uuid: string,
): Promise<NetworkSummary> {
  return manager.services.database.read(async (store) => {
    const network = await store.networks.byUuid(uuid)
    checkVisible(manager, context, network)
    return { ...network, addresses: await store.networks.usage(network.id) }
  })
}

/** Those that the caller may see, in order of creation. */
export async function getAllNetworks(
  manager: NetworkManager,
  context: RequestContext,
): Promise<readonly NetworkSummary[]> {
  return manager.services.database.read(async (store) => {
    const networks = (await store.networks.list()).filter(
      (network) => context.is_admin || manager.mayUse(network, context.project_id),
    )
    const usages = await store.networks.usages(networks.map((network) => network.id))
    return networks.map((network) => ({ ...network, addresses: usages.get(network.id)! }))
  })
}

function checkVisible(manager: NetworkManager, context: RequestContext, network: NetworkRow): void {
  if (context.is_admin || manager.mayUse(network, context.project_id)) return
  throw new NetworkNotFoundForProject({ uuid: network.uuid, project: context.project_id ?? '' })
}

function ownersOf(network: NetworkRow): readonly string[] {
  return [networkOwner(network.id), leasesOwner(network.id)]
}
