/** Whom floating IPs lead to: checks and rows in one transaction, then the hosts; the former one lets go before the new one binds. */
import type { NetworkStore } from '../contracts/database.ts'
import type { FloatingIpExpectation } from '../contracts/network-manager.ts'
import {
  FixedIpNotAllocated,
  FloatingIpAssociateFailed,
  FloatingIpNotAssociated,
  HostChangeFailed,
  NetworkHostNotSet,
  NoFloatingIpInterface,
} from '../errors/index.ts'
import { parseAddress } from '../model/address.ts'
import type { RequestContext } from '../model/request-context.ts'
import { runToTheEnd } from '../model/request-scope.ts'
import type { FixedIpDetail, FloatingIpDetail } from '../model/rows.ts'
import { changeRows } from './changed-owners.ts'
import { type Emit, recorded } from './event-log.ts'
import { letFloatingGo } from './fixed-ips.ts'
import { disassociateEvent, ledEvents } from './floating-events.ts'
import { type AllocatedFloatingIp, changeOwn } from './floating-pools.ts'
import { isUp } from './network-hosts.ts'
import type { NetworkManager } from './network-manager.ts'
import { floatingOwner } from './owners.ts'

/** Where a floating IP leads from now on, and where it led. */
export interface Association {
  readonly before: AllocatedFloatingIp
  readonly fixedIpId: number
  readonly host: string
  readonly isNew: boolean
}

/**
 * Everything is checked before anything is undone (defects-manager C2). The row first, then the hosts (lessons D5); when
 * the new one cannot be changed the row is put back.
 * @returns the instance that it led to before; null when that was none, or the same
 * @throws what `changeOwn` does, {FixedIpNotFoundForAddress}, {FixedIpNotAllocated}, {NetworkHostNotSet},
 *   {NoFloatingIpInterface} and {FloatingIpAssociateFailed}
 */
export async function associateFloatingIp(
  manager: NetworkManager,
  context: RequestContext,
  floatingAddress: string,
  fixedAddress: string,
  expectation: FloatingIpExpectation = {},
): Promise<string | null> {
  const address = parseAddress(floatingAddress)
  const fixed = parseAddress(fixedAddress)
  const association = await recorded(manager.services, (store, emit) =>
    leadTo(manager, context, store, emit, address, fixed, expectation),
  )
  const { before, isNew } = association
  try {
    await carry(manager, context, association)
  } catch (error) {
    if (isNew) await runToTheEnd(() => leadBack(manager, context, association))
    throw error
  }
  return isNew ? before.instance_uuid : null
}

/** The hosts of an association: the former one lets go before the new one binds. @throws {FloatingIpAssociateFailed} and what `converge` does */
export async function carry(manager: NetworkManager, context: RequestContext, association: Association): Promise<void> {
  const { before, host } = association
  const owners = [floatingOwner(before.address)]
  try {
    if (before.host !== null && before.host !== host) await letHostGo(manager, context, before.host, owners)
    await manager.converge(context, host, owners)
    await checkLeadsTo(manager, association)
  } catch (error) {
    throw floatingError(manager, error, before)
  }
}

/** @throws what `changeOwn` does, and {FloatingIpNotAssociated} */
export async function disassociateFloatingIp(
  manager: NetworkManager,
  context: RequestContext,
  text: string,
  expectation: FloatingIpExpectation = {},
): Promise<void> {
  const address = parseAddress(text)
  await changeRows(manager, context, async (store, changes) => {
    await changeOwn(manager, context, store, address, expectation, async (floating) => {
      if (floating.fixed_ip_id === null) throw new FloatingIpNotAssociated({ address })
      return letFloatingGo(store, floating, changes)
    })
  })
}

/** The checks, and the row. @throws what `associateFloatingIp` does before it asks a host */
export async function leadTo(
  manager: NetworkManager,
  context: RequestContext,
  store: NetworkStore,
  emit: Emit,
  address: string,
  fixed: string,
  expectation: FloatingIpExpectation,
): Promise<Association> {
  const leads = (floating: FloatingIpDetail, { row, host }: Destination) =>
    floating.fixed_ip_id === row.id && floating.host === host
  const { before, done: to } = await changeOwn(manager, context, store, address, expectation, async (floating) => {
    const to = await destination(manager, context, store, fixed)
    if (leads(floating, to)) return to
    const { project_id: projectId, fixed_ip_id: leadsTo } = floating
    const condition = { projectId, leadsTo }
    return (await store.floatingIps.associate(address, to.row.id, to.host, condition)) && to
  })
  const { row, host } = to
  const isNew = !leads(before, to)
  if (isNew) {
    // On a store with several writers the fixed IP may have been let go until now; from now on it waits for us.
    const now = await store.fixedIps.byAddress(fixed)
    if (!now.allocated || now.instance_uuid !== row.instance_uuid) throw new FixedIpNotAllocated({ address: fixed })
    await recordFor(store, address, host, before.host)
    for (const event of ledEvents(before, row, to.networkUuid, host)) emit(event)
  }
  return { before, fixedIpId: row.id, host, isNew }
}

interface Destination {
  readonly row: FixedIpDetail
  readonly networkUuid: string
  readonly host: string
}

async function destination(
  manager: NetworkManager,
  context: RequestContext,
  store: NetworkStore,
  address: string,
): Promise<Destination> {
  const row = await store.fixedIps.byAddress(address)
  if (!row.allocated || row.instance_uuid === null) throw new FixedIpNotAllocated({ address })
  manager.checkOwner(context, `fixed IP ${address}`, row.project_id)
  const network = await store.networks.byId(row.network_id)
  const host = manager.configuringHost(network, row.instance_host)
  if (host === null) throw new NetworkHostNotSet({ network: network.label })
  return { row, networkUuid: network.uuid, host }
}

async function recordFor(store: NetworkStore, address: string, ...hosts: readonly (string | null)[]): Promise<void> {
  for (const host of new Set(hosts)) if (host !== null) await store.hostChanges.record(host, [floatingOwner(address)])
}

/** Of two calls at once one may undo what the other found done. @throws {FloatingIpAssociateFailed} */
async function checkLeadsTo(manager: NetworkManager, { before, fixedIpId, host }: Association): Promise<void> {
  const { address } = before
  const now = await manager.services.database.read((store) => store.floatingIps.byAddress(address))
  if (now.fixed_ip_id === fixedIpId && now.host === host) return
  throw new FloatingIpAssociateFailed({ address, reason: 'another call led it elsewhere, or let it go, meanwhile' })
}

/** Undoes `leadTo`, unless somebody has led the address elsewhere since: it leads nowhere when its former instance is gone. */
async function leadBack(
  manager: NetworkManager,
  context: RequestContext,
  { before, fixedIpId, host }: Association,
): Promise<void> {
  const { address, project_id: projectId } = before
  await changeRows(manager, context, async (store, changes) => {
    const { floatingIps } = store
    const led = await floatingIps.byAddress(address)
    let leadsTo = fixedIpId
    const to = await formerDestination(manager, store, before)
    if (to !== null && (await floatingIps.associate(address, to.row.id, to.host, { projectId, leadsTo }))) {
      leadsTo = to.row.id
    }
    // As in `leadTo`: it may have been let go until now.
    if (to === null || (await formerDestination(manager, store, before)) === null) {
      if (await floatingIps.disassociate(address, { projectId, leadsTo })) changes.emit(disassociateEvent(led))
    } else if (leadsTo === to.row.id) {
      for (const event of ledEvents(led, to.row, to.networkUuid, to.host)) changes.emit(event)
    }
    for (const each of [host, before.host, to?.host ?? null]) changes.add(each, floatingOwner(address))
  })
}

/** Where it led before, as long as the same instance has that address. */
async function formerDestination(
  manager: NetworkManager,
  store: NetworkStore,
  { fixed_address: address, instance_uuid: uuid }: AllocatedFloatingIp,
): Promise<Destination | null> {
  if (address === null) return null
  const row = await store.fixedIps.byAddress(address)
  if (!row.allocated || row.instance_uuid !== uuid) return null
  const network = await store.networks.byId(row.network_id)
  const host = manager.configuringHost(network, row.instance_host)
  return host === null ? null : { row, networkUuid: network.uuid, host }
}

/** A host that is up must let go before another binds; one that is down does it before it serves again. */
export async function letHostGo(
  manager: NetworkManager,
  context: RequestContext,
  host: string,
  owners: readonly string[],
): Promise<void> {
  if (host === manager.host || (await isUp(manager, host))) await manager.converge(context, host, owners)
  else manager.services.logger.warn('a host that is down had the address', { host, owners })
}

/** The one failure with a name of its own: the interface is not on this host. */
function floatingError(manager: NetworkManager, error: unknown, floating: FloatingIpDetail): unknown {
  if (!(error instanceof HostChangeFailed) || !error.message.includes('Cannot find device')) return error
  const device = floating.interface ?? manager.services.flags.public_interface ?? ''
  return new NoFloatingIpInterface({ interface: device, address: floating.address }, { cause: error })
}
