/**
 * An instance moves to another host, and what it has in multi_host networks moves with it: its entry in DHCP, and its
 * floating IPs. The rows say at each moment which host has what, so a host that dies in between is right when it is
 * back (defects-manager C9). Source: nova/network/floating_ips.py migrate_instance_start, migrate_instance_finish.
 */
import type { NetworkStore } from '../contracts/database.ts'
import type { MigrationRequest } from '../contracts/network-operations.ts'
import { parseHost, parseUuid } from '../model/names.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { InstanceDetail, NetworkRow } from '../model/rows.ts'
import { type ChangedOwners, recordedChange } from './changed-owners.ts'
import { letHostGo } from './floating-association.ts'
import { checkTarget } from './network-hosts.ts'
import type { NetworkManager } from './network-manager.ts'
import { floatingOwner, leasesOwner, networkOwner, portOwner, vifOwner } from './owners.ts'
import { unplugVif } from './ports.ts'

/** The host that it leaves lets its floating IPs go; nobody carries them until `migrateInstanceFinish`. @throws {InstanceNotFound} */
export async function migrateInstanceStart(
  manager: NetworkManager,
  context: RequestContext,
  request: MigrationRequest,
): Promise<void> {
  const { uuid, source, dest } = parsed(request)
  if (source === dest) return
  const { result: host, changes } = await recordedChange(manager, async (store, changes) => {
    await store.instances.lock(uuid)
    const { host } = await store.instances.byUuid(uuid)
    const from = source ?? host
    changes.add(from, ...(await store.floatingIps.moveInstance(uuid, from, null)).map(floatingOwner))
    return from
  })
  await letHostGo(manager, context, host, changes.of(host))
}

/**
 * The instance is on its new host: what was plugged in on the old one is not any more. Asked again, it makes sure.
 * @throws {InstanceNotFound}, and where the new host has something to do {HostNotFound} and {ServiceUnavailable}, before
 *   anything is changed; {HostChangeFailed} when it could not do it: the rows are as the instance is, and it tries again
 */
export async function migrateInstanceFinish(
  manager: NetworkManager,
  context: RequestContext,
  request: MigrationRequest,
): Promise<void> {
  const { uuid, dest } = parsed(request)
  const { result: from, changes } = await recordedChange(manager, (store, changes) =>
    moveRows(manager, store, uuid, dest, changes),
  )
  if (from !== dest) await letHostGo(manager, context, from, changes.of(from))
  await manager.converge(context, changes.of(dest).length > 0 ? dest : null, changes.of(dest))
}

/** @returns the host that it was on */
async function moveRows(
  manager: NetworkManager,
  store: NetworkStore,
  uuid: string,
  dest: string,
  changes: ChangedOwners,
): Promise<string> {
  await store.instances.lock(uuid)
  const instance = await store.instances.byUuid(uuid)
  const { host: from, virtual_interfaces: vifs } = instance
  const networks = await store.networks.list([...new Set(vifs.map((vif) => vif.network_id))])
  const multiHost = networks.filter((network) => network.multi_host && manager.topology.managesHost)
  if (multiHost.length > 0) checkTarget(manager, await store.services.list(), dest)
  if (from !== dest) {
    await store.instances.setHost(uuid, dest)
    for (const { id, target, network_id } of vifs) {
      if (target === null) continue
      await unplugVif(store, from, id)
      changes.add(from, portOwner(id), networkOwner(network_id))
    }
  }
  for (const network of multiHost) await moveWithin(store, network, instance, dest, changes)
  for (const host of new Set([null, from])) {
    const moved = (await store.floatingIps.moveInstance(uuid, host, dest)).map(floatingOwner)
    changes.add(host, ...moved)
    changes.add(dest, ...moved)
  }
  return from
}

async function moveWithin(
  store: NetworkStore,
  { id }: NetworkRow,
  { host: from, virtual_interfaces: vifs }: InstanceDetail,
  dest: string,
  changes: ChangedOwners,
): Promise<void> {
  await store.fixedIps.claimForHost(id, dest)
  const guests = vifs.filter((vif) => vif.network_id === id).map((vif) => vifOwner(vif.id))
  for (const host of new Set([from, dest])) changes.add(host, networkOwner(id), leasesOwner(id), ...guests)
}

function parsed({ instance_uuid, source, dest }: MigrationRequest) {
  return {
    uuid: parseUuid(instance_uuid),
    source: source === undefined ? null : parseHost(source),
    dest: parseHost(dest),
  }
}
