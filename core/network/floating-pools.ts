/** Floating IPs as rows: made, deleted, given to projects. */
import type { NetworkStore } from '../contracts/database.ts'
import type { FloatingIpExpectation } from '../contracts/network-manager.ts'
import type { FloatingIpRange } from '../contracts/network-operations.ts'
import {
  CannotDisassociateAutoAssignedFloatingIP,
  FloatingIpAssociated,
  FloatingIpNotAllocated,
  FloatingIpPoolNotFound,
} from '../errors/address.ts'
import { InvalidInput } from '../errors/input.ts'
import { Forbidden } from '../errors/service.ts'
import { parseAddress } from '../model/address.ts'
import { parseDevice, parsePool, parseProject } from '../model/names.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { FloatingIpDetail } from '../model/rows.ts'
import { changeRows } from './changed-owners.ts'
import { type Emit, recorded } from './event-log.ts'
import { releaseFloating } from './fixed-ips.ts'
import { poolEvent } from './floating-events.ts'
import { floatingRange, refuseFixedAddresses } from './floating-range.ts'
import type { NetworkManager } from './network-manager.ts'
import { checkFloatingIpQuota } from './quotas.ts'

/** All or none. @throws {CidrConflict} a fixed range has them @throws {FloatingIpExists} @throws {InvalidInput} */
export async function createFloatingIps(
  { services: { database, flags } }: NetworkManager,
  request: FloatingIpRange,
): Promise<{ readonly pool: string; readonly addresses: number }> {
  const range = request.range ?? flags.floating_range
  if (range === null) {
    const want = 'an address or a network, or set the flag floating_range'
    throw new InvalidInput({ what: 'range', value: null, want })
  }
  const pool = parsePool(request.pool ?? flags.default_floating_pool)
  const device = request.interface === undefined ? null : parseDevice('interface', request.interface)
  const addresses = floatingRange(range)
  await database.transaction(async (store) => {
    refuseFixedAddresses(range, await store.networks.list())
    await store.floatingIps.create(addresses.map((address) => ({ address, pool, interface: device })))
  })
  return { pool, addresses: addresses.length }
}

/** All or none. @throws {FloatingIpNotFoundForAddress} @throws {FloatingIpInUse} (defects-manager C10) */
export async function deleteFloatingIps(
  manager: NetworkManager,
  range: string,
): Promise<{ readonly addresses: number }> {
  const addresses = floatingRange(range)
  await manager.services.database.transaction((store) => store.floatingIps.remove(addresses))
  return { addresses: addresses.length }
}

/** @returns the address. @throws {FloatingIpPoolNotFound} @throws {NoMoreFloatingIps} @throws {FloatingIpLimitExceeded} @throws {Forbidden} */
export async function allocateFloatingIp(
  manager: NetworkManager,
  context: RequestContext,
  request: { readonly project_id: string; readonly pool?: string; readonly auto_assigned?: boolean },
): Promise<string> {
  const { flags } = manager.services
  const project = parseProject(request.project_id)
  const pool = parsePool(request.pool ?? flags.default_floating_pool)
  manager.checkOwner(context, `project ${project}`, project)
  const isAutomatic = request.auto_assigned ?? false
  const row = await recorded(manager.services, (store, emit) =>
    takeFromPool(manager, store, emit, pool, project, isAutomatic),
  )
  return row.address
}

/** @throws {FloatingIpPoolNotFound} @throws {NoMoreFloatingIps} @throws {FloatingIpLimitExceeded} */
export async function takeFromPool(
  manager: NetworkManager,
  store: NetworkStore,
  emit: Emit,
  pool: string,
  project: string,
  isAutomatic: boolean,
): Promise<FloatingIpDetail> {
  const pools = await store.floatingIps.pools()
  if (!pools.includes(pool)) throw new FloatingIpPoolNotFound({ pool, pools })
  // One that is assigned by itself does not count, as in nova: the project did not ask for it.
  if (!isAutomatic) await checkFloatingIpQuota(store, manager.services.flags.quota_floating_ips, project)
  const row = await store.floatingIps.allocate(pool, project, isAutomatic)
  emit(poolEvent('network.floating_ip.allocate', row))
  return row
}

/** Check and change in one transaction. @throws what `changeOwn` does, and {FloatingIpAssociated} */
export async function deallocateFloatingIp(
  manager: NetworkManager,
  context: RequestContext,
  text: string,
  expectation: FloatingIpExpectation = {},
): Promise<void> {
  const address = parseAddress(text)
  await changeRows(manager, context, async (store, changes) => {
    await changeOwn(manager, context, store, address, expectation, async (floating) => {
      if (floating.fixed_ip_id !== null) throw new FloatingIpAssociated({ address })
      return releaseFloating(manager, store, floating, changes)
    })
  })
}

/** A floating IP that a project has. */
export type AllocatedFloatingIp = FloatingIpDetail & { readonly project_id: string }

/**
 * Looks, checks, and changes what was checked; looks again when it was changed by another meanwhile.
 * @param change answers false when the floating IP is not any more as it was given
 * @returns the floating IP as it was before the change, and what the change answered
 * @throws {FloatingIpNotFoundForAddress} @throws {FloatingIpNotAllocated} @throws {Forbidden} it is another project's
 * @throws {CannotDisassociateAutoAssignedFloatingIP}
 */
export async function changeOwn<T>(
  manager: NetworkManager,
  context: RequestContext,
  store: NetworkStore,
  address: string,
  { projectId, affectAutoAssigned = false }: FloatingIpExpectation,
  change: (before: AllocatedFloatingIp) => Promise<T | false>,
): Promise<{ readonly before: AllocatedFloatingIp; readonly done: T }> {
  while (true) {
    const before = await store.floatingIps.byAddress(address)
    if (!isAllocated(before)) throw new FloatingIpNotAllocated({ address })
    const what = `floating IP ${address}`
    manager.checkOwner(context, what, before.project_id)
    if (projectId !== undefined && before.project_id !== projectId) throw new Forbidden({ what, project_id: projectId })
    if (before.auto_assigned && !affectAutoAssigned) throw new CannotDisassociateAutoAssignedFloatingIP({ address })
    const done = await change(before)
    if (done !== false) return { before, done }
  }
}

function isAllocated(floating: FloatingIpDetail): floating is AllocatedFloatingIp {
  return floating.project_id !== null
}
