/** Which host serves which network, and which hosts are there. */
import type { NetworkStore } from '../contracts/database.ts'
import type { HostSummary } from '../contracts/network-operations.ts'
import { InvalidInput } from '../errors/input.ts'
import { NetworkHostNotSet } from '../errors/network.ts'
import { HostNotFound, ServiceUnavailable, TryLater } from '../errors/service.ts'
import type { EventDraft } from '../model/events.ts'
import { adminContext, type RequestContext } from '../model/request-context.ts'
import type { NetworkRow, ServiceRow } from '../model/rows.ts'
import { type ChangedOwners, changeRows, recordedChange } from './changed-owners.ts'
import type { ManagerCore } from './manager-core.ts'
import type { NetworkManager } from './network-manager.ts'
import { ALL_OWNERS, floatingOwner, leasesOwner, networkOwner, vifOwner } from './owners.ts'
import { servesNetworks, stateOf } from './service-nodes.ts'

export async function listHosts(manager: ManagerCore): Promise<readonly HostSummary[]> {
  const rows = await manager.services.database.read((store) => store.services.list())
  return rows.map((row) => summary(manager, row))
}

/** True when the host has sent a heartbeat lately. */
export async function isUp(manager: ManagerCore, host: string): Promise<boolean> {
  const hosts = await listHosts(manager)
  return hosts.some((found) => found.host === host && found.state !== 'down')
}

/**
 * Finds a host for a network that has none: this one when it serves networks, else the one that is up and serves the
 * fewest. Of several callers at once one wins. @returns the host that it has, whoever won (defects-manager A8)
 * @throws {NetworkHostNotSet} none that is up serves networks
 */
export function takeNetwork(manager: NetworkManager, context: RequestContext, id: number): Promise<string> {
  return changeRows(manager, context, async (store, changes) => {
    const network = await claimNetwork(manager, store, await store.networks.byId(id), changes)
    return network.host!
  })
}

/** The same within a transaction. @returns the network as it is now */
export async function claimNetwork(
  manager: NetworkManager,
  store: NetworkStore,
  network: NetworkRow,
  changes: ChangedOwners,
): Promise<NetworkRow> {
  if (network.host !== null) return network
  const wanted = await hostFor(manager, store)
  if (wanted === null) throw new NetworkHostNotSet({ network: network.label })
  if (!(await store.networks.moveHost(network.id, null, wanted))) return store.networks.byId(network.id)
  changes.add(wanted, ...(await ownersIn(store, network.id, wanted)))
  changes.emit(movedEvent(network, wanted))
  return { ...network, host: wanted }
}

/** The host that would take a network now; null: none that is up serves networks. */
export async function hostFor(manager: NetworkManager, store: NetworkStore): Promise<string | null> {
  if (servesNetworks(manager.services.nodes)) return manager.host
  return leastLoaded(manager, await store.services.list(), await store.networks.list())
}

/** What a network's new host has to do: it may have guests from the time of a former one. */
async function ownersIn(store: NetworkStore, id: number, host: string): Promise<readonly string[]> {
  const guests = await store.fixedIps.list({ networkIds: [id], allocated: true })
  const floating = await store.floatingIps.moveHost(id, null, host)
  return [
    networkOwner(id),
    leasesOwner(id),
    ...guests.flatMap(({ virtual_interface_id: vif }) => (vif === null ? [] : [vifOwner(vif)])),
    ...floating.map(floatingOwner),
  ]
}

/** Takes the networks that no host has. @returns whether there were any; of several hosts at once one gets each */
export async function takeFreeNetworks(manager: NetworkManager): Promise<ChangedOwners | null> {
  if (!manager.topology.managesHost || !servesNetworks(manager.services.nodes)) return null
  // A VLAN of no project yet has no guests: its host is found when it has.
  const isFree = ({ host, multi_host, vlan, project_id }: NetworkRow) =>
    host === null && !multi_host && (vlan === null || project_id !== null)
  const free = (await manager.services.database.read((store) => store.networks.list())).filter(isFree)
  if (free.length === 0) return null
  const { changes } = await recordedChange(manager, async (store, changes) => {
    for (const network of free) await claimNetwork(manager, store, network, changes)
  })
  return changes
}

/** Gives a network to a host, or with null to none. @throws {NetworkNotFoundForUUID} and what `giveNetwork` does */
export async function moveNetwork(
  manager: NetworkManager,
  context: RequestContext,
  uuid: string,
  to: string | null,
): Promise<void> {
  const { result: from } = await recordedChange(manager, async (store, changes) =>
    giveNetwork(manager, store, await store.networks.byUuid(uuid), to, changes),
  )
  await settleMove(manager, context, from, to)
}

/**
 * The same within a transaction; `settleMove` follows it. @returns the former host; null: none, or the same
 * @throws {InvalidInput} a multi_host network @throws {HostNotFound} @throws {ServiceUnavailable} the new host is down
 * @throws {TryLater} another caller moves it too
 */
export async function giveNetwork(
  manager: NetworkManager,
  store: NetworkStore,
  network: NetworkRow,
  to: string | null,
  changes: ChangedOwners,
): Promise<string | null> {
  if (network.multi_host) throw new InvalidInput({ what: 'host', value: to, want: 'a network that is not multi_host' })
  if (to !== null) checkTarget(manager, await store.services.list(), to)
  if (network.host === to) return null
  if (!(await store.networks.moveHost(network.id, network.host, to)))
    throw new TryLater({ reason: `network ${network.label} was given to another host meanwhile` })
  await store.floatingIps.moveHost(network.id, network.host, to)
  for (const host of [network.host, to]) changes.add(host, ALL_OWNERS)
  changes.emit(movedEvent(network, to))
  return network.host
}

/**
 * The former host lets go first; one that is down does so when it is back, before it serves: the row decides, not a
 * clock.
 */
export async function settleMove(
  manager: NetworkManager,
  context: RequestContext,
  from: string | null,
  to: string | null,
): Promise<void> {
  await manager.convergeOrLog(context, from, [ALL_OWNERS])
  await manager.converge(context, to, [ALL_OWNERS])
}

/** Takes the networks of hosts that have been down for `network_takeover_time`; with 0 an operator moves them. */
export async function takeOverNetworks(manager: NetworkManager): Promise<void> {
  const { flags, database, clock, logger, nodes } = manager.services
  if (flags.network_takeover_time === 0 || !servesNetworks(nodes)) return
  const limit = new Date(clock.nowMs() - flags.network_takeover_time * 1000).toISOString()
  const { networks, rows } = await database.read(async (store) => ({
    networks: await store.networks.list(),
    rows: await store.services.list(),
  }))
  const dead = rows.filter((row) => row.reported_at < limit && summary(manager, row).state === 'down')
  for (const network of networks) {
    const host = dead.find((row) => row.host === network.host)?.host
    if (host === undefined || network.multi_host || host === manager.host) continue
    logger.warn('a network is taken over from a host that is down', { network: network.label, from: host })
    await moveNetwork(manager, adminContext('takeover'), network.uuid, manager.host).catch((error: unknown) =>
      logger.error('a network was not taken over', { network: network.label, error }),
    )
  }
}

function movedEvent({ uuid, project_id, label, host: previous_host }: NetworkRow, host: string | null): EventDraft {
  return { type: 'network.network.modify', network_uuid: uuid, project_id, host, payload: { label, previous_host } }
}

/** @throws {HostNotFound} it serves no networks @throws {ServiceUnavailable} it is down */
export function checkTarget(manager: NetworkManager, rows: readonly ServiceRow[], host: string): void {
  const row = rows.find((candidate) => candidate.host === host)
  if (!row || !servesNetworks(row.nodes.split(','))) throw new HostNotFound({ host })
  if (summary(manager, row).state === 'down') throw new ServiceUnavailable({ host, where: 'the message bus' })
}

function leastLoaded(
  manager: NetworkManager,
  rows: readonly ServiceRow[],
  networks: readonly NetworkRow[],
): string | null {
  const load = (host: string) => networks.filter((network) => network.host === host).length
  const candidates = rows
    .filter((row) => servesNetworks(row.nodes.split(',')) && summary(manager, row).state !== 'down')
    .map((row) => row.host)
  return candidates.toSorted((a, b) => load(a) - load(b))[0] ?? null
}

function summary(manager: ManagerCore, row: ServiceRow): HostSummary {
  const { clock, flags } = manager.services
  return stateOf(row, clock.nowMs(), flags.service_down_time)
}
