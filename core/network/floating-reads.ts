/** What is asked about floating IPs. A tenant sees its own. */
import type { FloatingIpSummary } from '../contracts/network-operations.ts'
import { FloatingIpNotFound } from '../errors/address.ts'
import { parseAddress } from '../model/address.ts'
import { parseProject } from '../model/names.ts'
import { mayActFor, type RequestContext } from '../model/request-context.ts'
import type { FloatingIpDetail } from '../model/rows.ts'
import type { NetworkManager } from './network-manager.ts'

/** All to operators, their own to tenants; in order of creation. */
export async function listFloatingIps(
  manager: NetworkManager,
  context: RequestContext,
): Promise<readonly FloatingIpSummary[]> {
  const filter = context.is_admin || context.project_id === null ? {} : { projectId: context.project_id }
  const rows = await manager.services.database.read((store) => store.floatingIps.list(filter))
  return rows.map(summary)
}

/** @throws {FloatingIpNotFound} also for another project's */
export async function getFloatingIp(
  manager: NetworkManager,
  context: RequestContext,
  id: number,
): Promise<FloatingIpSummary> {
  const floating = await manager.services.database.read((store) => store.floatingIps.byId(id))
  if (!mayActFor(context, floating.project_id)) throw new FloatingIpNotFound({ id })
  return summary(floating)
}

/** One that nobody has is shown to everybody. @throws {FloatingIpNotFoundForAddress} @throws {Forbidden} */
export async function getFloatingIpByAddress(
  manager: NetworkManager,
  context: RequestContext,
  text: string,
): Promise<FloatingIpSummary> {
  const address = parseAddress(text)
  const floating = await manager.services.database.read((store) => store.floatingIps.byAddress(address))
  if (floating.project_id !== null) manager.checkOwner(context, `floating IP ${address}`, floating.project_id)
  return summary(floating)
}

/** Less those that were given with an instance. @param project default: the caller's @throws {Forbidden} */
export async function getFloatingIpsByProject(
  manager: NetworkManager,
  context: RequestContext,
  project: string | null = context.project_id,
): Promise<readonly FloatingIpSummary[]> {
  if (project === null) return []
  const projectId = parseProject(project)
  manager.checkOwner(context, `project ${projectId}`, projectId)
  const rows = await manager.services.database.read((store) => store.floatingIps.list({ projectId }))
  return rows.filter((floating) => !floating.auto_assigned).map(summary)
}

/** @returns the addresses that lead to a fixed IP. @throws {FixedIpNotFoundForAddress} @throws {Forbidden} */
export function getFloatingIpsByFixedAddress(
  manager: NetworkManager,
  context: RequestContext,
  text: string,
): Promise<readonly string[]> {
  const address = parseAddress(text)
  return manager.services.database.read(async (store) => {
    const fixed = await store.fixedIps.byAddress(address)
    if (fixed.project_id !== null) manager.checkOwner(context, `fixed IP ${address}`, fixed.project_id)
    return (await store.floatingIps.list({ fixedIpIds: [fixed.id] })).map((floating) => floating.address)
  })
}

/** @returns the instance that the address leads to, null for none. Throws as `getFloatingIpByAddress` does */
export async function getInstanceIdByFloatingAddress(
  manager: NetworkManager,
  context: RequestContext,
  address: string,
): Promise<string | null> {
  return (await getFloatingIpByAddress(manager, context, address)).instance_uuid
}

function summary({ network_id: _, ...rest }: FloatingIpDetail): FloatingIpSummary {
  return rest
}
