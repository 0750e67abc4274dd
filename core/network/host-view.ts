/** One consistent read of the facts that decide what this host looks like. */
import type { NetworkStore } from '../contracts/database.ts'
import type { FixedIpDetail, FloatingIpDetail, NetworkRow, VirtualInterfaceRow } from '../model/rows.ts'
import type { OwnerScope } from './owners.ts'

export interface HostView {
  readonly host: string
  /** All networks, by id. */
  readonly networks: ReadonlyMap<number, NetworkRow>
  /** Networks that this host serves and that are to be planned. */
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
  const networks = new Map((await store.networks.list()).map((network) => [network.id, network]))
  const served = [...networks.values()].filter((network) => servesNetwork(network, host)).map((network) => network.id)
  const mine = (ids: readonly number[]) => ids.filter((id) => served.includes(id))

  const leaseNetworkIds = scope ? mine(scope.leaseNetworkIds) : served
  const wantsGuests = served.length > 0 && (scope === null || scope.vifIds.length > 0)
  const guestFilter = scope ? { virtualInterfaceIds: scope.vifIds } : { networkIds: served }
  const wantsPorts = scope === null || scope.portVifIds.length > 0
  const portFilter = scope ? { ids: scope.portVifIds } : {}
  const wantsFloating = scope === null || scope.floatingAddresses.length > 0
  const floatingFilter = scope ? { addresses: scope.floatingAddresses } : {}

  const guests = wantsGuests ? await store.fixedIps.list({ ...guestFilter, allocated: true }) : []
  const leases =
    leaseNetworkIds.length > 0 ? await store.fixedIps.list({ networkIds: leaseNetworkIds, leased: true }) : []
  const ports = wantsPorts ? await store.virtualInterfaces.list({ ...portFilter, pluggedOn: host }) : []
  const floatingIps = wantsFloating ? await store.floatingIps.list({ ...floatingFilter, host }) : []
  return {
    host,
    networks,
    plannedNetworkIds: scope ? mine(scope.networkIds) : served,
    leasePlannedNetworkIds: leaseNetworkIds,
    guests: guests.filter((guest) => served.includes(guest.network_id)),
    leases,
    ports,
    floatingIps: floatingIps.filter((floating) => floating.fixed_address !== null),
  }
}
