/** The floating IP that comes with an instance. It goes with the fixed IP that it leads to: see `letGo`. */
import type { FloatingIpExpectation } from '../contracts/network-manager.ts'
import { parseProject, parseUuid } from '../model/names.ts'
import { elevated, type RequestContext } from '../model/request-context.ts'
import { changeRows } from './changed-owners.ts'
import type { Compensation } from './compensation.ts'
import { recorded } from './event-log.ts'
import { letFloatingGo, releaseFloating } from './fixed-ips.ts'
import { type Association, carry, leadTo } from './floating-association.ts'
import { takeFromPool } from './floating-pools.ts'
import type { NetworkManager } from './network-manager.ts'

/** For one that comes and goes with its instance. */
const WITH_INSTANCE: FloatingIpExpectation = { affectAutoAssigned: true }

/**
 * Leads one of the default pool to a fixed IP that none leads to. Taken and led there in one transaction: one that was
 * taken and leads nowhere would be found by nobody.
 * @param undo gets how to give it back
 * @throws {NoMoreFloatingIps}, and what an association throws
 */
export async function autoAssign(
  manager: NetworkManager,
  context: RequestContext,
  request: { readonly instance_uuid: string; readonly project_id: string; readonly fixedAddress: string },
  undo: Compensation,
): Promise<void> {
  const { flags } = manager.services
  const { fixedAddress: fixed } = request
  const uuid = parseUuid(request.instance_uuid)
  const project = parseProject(request.project_id)
  const association = await recorded(manager.services, async (store, emit) => {
    // Of several that ask for the same instance the others wait here, and find what the first one took.
    await store.instances.lock(uuid)
    const { id } = await store.fixedIps.byAddress(fixed)
    if ((await store.floatingIps.list({ fixedIpIds: [id] })).length > 0) return null
    const { address } = await takeFromPool(manager, store, emit, flags.default_floating_pool, project, true)
    return leadTo(manager, elevated(context), store, emit, address, fixed, WITH_INSTANCE)
  })
  if (association === null) return
  undo.push(`release ${association.before.address}`, () => giveBack(manager, context, association))
  await carry(manager, context, association)
}

/** Unless somebody has led it elsewhere since. */
async function giveBack(
  manager: NetworkManager,
  context: RequestContext,
  { before: { address, project_id: projectId }, fixedIpId }: Association,
): Promise<void> {
  await changeRows(manager, context, async (store, changes) => {
    const ours = { ...(await store.floatingIps.byAddress(address)), project_id: projectId, fixed_ip_id: fixedIpId }
    if (await letFloatingGo(store, ours, changes)) await releaseFloating(manager, store, ours, changes)
  })
}
