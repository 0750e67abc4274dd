/** DHCP leases as the store has them. */
import type { DatabaseDriver } from '../contracts/database.ts'
import type { Lease } from '../contracts/network-operations.ts'
import { ChangedOwners } from './changed-owners.ts'
import { recorded } from './event-log.ts'
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

/** Frees addresses whose lease was never given back, also those of hosts that are gone. Source: _disassociate_stale_fixed_ips. */
export async function freeStaleAddresses(manager: NetworkManager): Promise<void> {
  const { clock, flags, logger } = manager.services
  const before = new Date(clock.nowMs() - flags.fixed_ip_disassociate_timeout * 1000).toISOString()
  const freed = await recorded(manager.services, async (store, emit) => {
    const networks = await store.networks.list()
    if (networks.length === 0) return 0
    const freed = await store.fixedIps.freeStale(
      networks.map((network) => network.id),
      before,
    )
    if (freed.length === 0) return 0
    const changes = new ChangedOwners(emit)
    for (const { id, host } of networks) changes.add(host, leasesOwner(id))
    for (const { network_id, lease_host } of freed) changes.add(lease_host, leasesOwner(network_id))
    await changes.record(store)
    for (const { address, instance_uuid, network_id, lease_mac: mac } of freed) {
      const network_uuid = networks.find(({ id }) => id === network_id)?.uuid ?? null
      emit({ type: 'network.fixed_ip.timeout', address, instance_uuid, network_uuid, payload: { mac } })
    }
    return freed.length
  })
  if (freed > 0) logger.info('freed addresses whose lease was never given back', { addresses: freed })
}
