/** What is asked about instances, their interfaces and addresses. A tenant sees its own. */
import type { NetworkStore } from '../contracts/database.ts'
import type { InstanceSummary } from '../contracts/network-operations.ts'
import { InstanceNotFound } from '../errors/address.ts'
import { parseMac } from '../model/mac.ts'
import { parseUuid } from '../model/names.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import { mayActFor, type RequestContext } from '../model/request-context.ts'
import type { InstanceDetail, VirtualInterfaceDetail } from '../model/rows.ts'
import type { NetworkManager } from './network-manager.ts'
import { instanceSummary } from './summaries.ts'

/** @throws {InstanceNotFound} @throws {Forbidden} */
export async function readInstance(
  manager: NetworkManager,
  context: RequestContext,
  text: string,
): Promise<InstanceDetail> {
  const uuid = parseUuid(text)
  const instance = await manager.services.database.read((store) => store.instances.byUuid(uuid))
  manager.checkOwner(context, `instance ${uuid}`, instance.project_id)
  return instance
}

/** Three statements at most (defects-manager G1). @throws {InstanceNotFound} @throws {Forbidden} */
export async function getInstanceNwInfo(
  manager: NetworkManager,
  context: RequestContext,
  text: string,
): Promise<NetworkInfo> {
  const uuid = parseUuid(text)
  return manager.services.database.read((store) => nwInfoIn(manager, context, store, uuid))
}

/** The same within a transaction. */
export async function nwInfoIn(
  manager: NetworkManager,
  context: RequestContext,
  store: NetworkStore,
  uuid: string,
): Promise<NetworkInfo> {
  const instance = await store.instances.byUuid(uuid)
  manager.checkOwner(context, `instance ${uuid}`, instance.project_id)
  const networks = await store.networks.list([...new Set(instance.virtual_interfaces.map((vif) => vif.network_id))])
  const multiHost = networks.some((network) => network.multi_host)
  return manager.buildNetworkInfoModel(instance, networks, multiHost ? await store.fixedIps.ofHosts(instance) : [])
}

/** All to operators, their own to tenants; in order of creation. */
export async function listInstances(
  manager: NetworkManager,
  context: RequestContext,
): Promise<readonly InstanceSummary[]> {
  const filter = context.is_admin || context.project_id === null ? {} : { projectId: context.project_id }
  return (await manager.services.database.read((store) => store.instances.list(filter))).map(instanceSummary)
}

/** In order of creation. @throws {InstanceNotFound} @throws {Forbidden} */
export async function getVifsByInstance(
  manager: NetworkManager,
  context: RequestContext,
  text: string,
): Promise<readonly VirtualInterfaceDetail[]> {
  return (await readInstance(manager, context, text)).virtual_interfaces.map(vifOf)
}

/** Null for an address that no interface has, and to tenants for other projects' (defects-manager E3). */
export async function getVifByMacAddress(
  manager: NetworkManager,
  context: RequestContext,
  text: string,
): Promise<VirtualInterfaceDetail | null> {
  const mac = parseMac(text)
  try {
    const instance = await manager.services.database.read(async (store) => {
      const vif = await store.virtualInterfaces.byMac(mac)
      return vif && store.instances.byUuid(vif.instance_uuid)
    })
    if (instance === null || !mayActFor(context, instance.project_id)) return null
    const vif = instance.virtual_interfaces.find(({ address }) => address === mac)
    return vif === undefined ? null : vifOf(vif)
  } catch (error) {
    if (error instanceof InstanceNotFound) return null
    throw error
  }
}

function vifOf({ fixed_ips: _, ...vif }: InstanceDetail['virtual_interfaces'][number]): VirtualInterfaceDetail {
  return vif
}
