/** What DHCP leases do to addresses. Source: nova/network/manager.py lease_fixed_ip, release_fixed_ip. */
import type { DatabaseDriver, NetworkStore } from '../contracts/database.ts'
import type { Lease } from '../contracts/network-operations.ts'
import { FixedIpNotFoundForAddress } from '../errors/address.ts'
import type { NetworkRow } from '../model/rows.ts'
import type { NetworkManager } from './network-manager.ts'
import { leasesOwner } from './owners.ts'

/** Addresses that guests hold, of a network or of all. @throws {NetworkNotFoundForUUID} */
export async function listLeases(database: DatabaseDriver, networkUuid: string | null): Promise<readonly Lease[]> {
  return database.read(async (store) => {
    const networks = networkUuid === null ? await store.networks.list() : [await store.networks.byUuid(networkUuid)]
    const labels = new Map(networks.map((network) => [network.id, network.label]))
    const rows = await store.fixedIps.list({ networkIds: [...labels.keys()], leased: true })
    return rows.map((row) => ({
      address: row.address,
      mac: row.lease_mac ?? '',
      hostname: row.hostname,
      instance_uuid: row.instance_uuid,
      network: labels.get(row.network_id) ?? '',
      allocated: row.allocated,
    }))
  })
}

/** A guest took its lease. */
export async function recordLease(manager: NetworkManager, address: string, mac: string): Promise<void> {
  const { database, logger, dhcp, interfaceDriver } = manager.services
  const { recorded, network } = await database.transaction(async (store) => ({
    recorded: await store.fixedIps.lease(address, mac),
    network: await networkOfAddress(store, address),
  }))
  if (network === null) return logger.warn('lease of an address of no network', { address, mac })
  if (recorded) return manager.reconcileOrLog([leasesOwner(network.id)])
  // The address was let go while the guest asked: nobody holds it, so the lease must not live either (defects-manager A4).
  logger.warn('a lease without an owner is ended', { address, mac })
  await manager.reconcileOrLog([], dhcp.release(interfaceDriver.getDev(network), address, mac))
}

/** A lease ended. A report that does not match who holds it now changes nothing (defects-manager A3). */
export async function recordRelease(manager: NetworkManager, address: string, mac: string): Promise<void> {
  const { database, logger } = manager.services
  const network = await database.transaction(async (store) =>
    (await store.fixedIps.release(address, mac)) ? networkOfAddress(store, address) : null,
  )
  if (network === null) return logger.info('release of a lease that nobody holds', { address, mac })
  await manager.reconcileOrLog([leasesOwner(network.id)])
}

/**
 * Ends leases that guests still hold on addresses that were let go: the service may have died between the two. The
 * server's report of the end then frees the address; until then nobody else gets it.
 */
export async function endLeasesOfReleasedAddresses(manager: NetworkManager): Promise<void> {
  const { database, dhcp, interfaceDriver, flags } = manager.services
  if (!flags.force_dhcp_release) return
  const releases = await database.read(async (store) => {
    const networks = (await store.networks.list()).filter((network) => network.host === manager.host)
    const devices = new Map(networks.map((network) => [network.id, interfaceDriver.getDev(network)]))
    const held = devices.size === 0 ? [] : await store.fixedIps.list({ networkIds: [...devices.keys()], leased: true })
    return held.flatMap(({ allocated, lease_mac, network_id, address }) =>
      allocated || lease_mac === null ? [] : dhcp.release(devices.get(network_id) ?? '', address, lease_mac),
    )
  })
  if (releases.length > 0) await manager.reconcileOrLog([], releases)
}

/** Frees addresses of this host's networks whose lease was never given back. Source: _disassociate_stale_fixed_ips. */
export async function freeStaleAddresses(manager: NetworkManager): Promise<void> {
  const { database, clock, flags, logger } = manager.services
  const before = new Date(clock.nowMs() - flags.fixed_ip_disassociate_timeout * 1000).toISOString()
  const { freed, served } = await database.transaction(async (store) => {
    const networks = (await store.networks.list()).filter((network) => network.host === manager.host)
    const served = networks.map((network) => network.id)
    return { freed: served.length === 0 ? 0 : await store.fixedIps.freeStale(served, before), served }
  })
  if (freed === 0) return
  logger.info('freed addresses whose lease was never given back', { addresses: freed })
  await manager.reconcileOrLog(served.map(leasesOwner))
}

async function networkOfAddress(store: NetworkStore, address: string): Promise<NetworkRow | null> {
  try {
    return await store.networks.byId((await store.fixedIps.byAddress(address)).network_id)
  } catch (error) {
    if (error instanceof FixedIpNotFoundForAddress) return null
    throw error
  }
}
