/** One consistent read of the facts that decide what this host looks like. */
import type { NetworkStore } from '../contracts/database.ts'
import type { FixedIpDetail, FloatingIpDetail, NetworkRow, VirtualInterfaceRow } from '../model/rows.ts'
import type { OwnerScope } from './owners.ts'

export interface HostView {
  readonly host: string
  /** Networks that this host serves, by id. */
  readonly networks: ReadonlyMap<number, NetworkRow>
  /** Which of them to plan; the others are there for the facts below. */
  readonly plannedNetworkIds: readonly number[]
  readonly leasePlannedNetworkIds: readonly number[]
  /** Allocated addresses with their interfaces, of networks that this host serves. */
  readonly guests: readonly FixedIpDetail[]
  /** Leased addresses, also deallocated ones. */
  readonly leases: readonly FixedIpDetail[]
  /** Interfaces that are plugged in on this host. */
  readonly ports: readonly VirtualInterfaceRow[]
  /** Floating IPs that this host carries. */
  readonly floatingIps: readonly FloatingIpDetail[]
}

/** True when the network's gateway and DHCP server are on `host`. */
export function servesNetwork(network: NetworkRow, host: string): boolean {
  return network.host === host
}

/** @param scope what to read; null reads all that the host serves */
export async function readHostView(store: NetworkStore, host: string, scope: OwnerScope | null): Promise<HostView> {
  const all = await store.networks.list()
  const networks = new Map(
    all.filter((network) => servesNetwork(network, host)).map((network) => [network.id, network]),
  )
  const served = [...networks.keys()]
  const mine = (ids: readonly number[]) => ids.filter((id) => networks.has(id))
  const ofServed = <T extends { readonly network_id: number | null }>(rows: readonly T[]) =>
    rows.filter((row) => row.network_id !== null && networks.has(row.network_id))

  const leaseNetworkIds = scope ? mine(scope.leaseNetworkIds) : served
  const guestFilter = scope ? { virtualInterfaceIds: scope.vifIds } : { networkIds: served }
  const guests =
    scope?.vifIds.length === 0 || served.length === 0
      ? []
      : await store.fixedIps.list({ ...guestFilter, allocated: true })
  const leases =
    leaseNetworkIds.length === 0 ? [] : await store.fixedIps.list({ networkIds: leaseNetworkIds, leased: true })
  const portFilter = scope ? { ids: scope.portVifIds } : { networkIds: served }
  const vifs =
    scope?.portVifIds.length === 0 || served.length === 0 ? [] : await store.virtualInterfaces.list(portFilter)
  const floatingFilter = scope ? { host, addresses: scope.floatingAddresses } : { host }
  const floatingIps = scope?.floatingAddresses.length === 0 ? [] : await store.floatingIps.list(floatingFilter)

  return {
    host,
    networks,
    plannedNetworkIds: scope ? mine(scope.networkIds) : served,
    leasePlannedNetworkIds: leaseNetworkIds,
    guests: ofServed(guests),
    leases,
    ports: ofServed(vifs).filter((vif) => vif.target !== null),
    floatingIps: floatingIps.filter((floating) => floating.fixed_address !== null),
  }
}
