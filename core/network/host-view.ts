/** One consistent read of the facts that decide what a host looks like. */
import type { NetworkStore } from '../contracts/database.ts'
import type { HostView, Topology } from '../contracts/host-facts.ts'
import type { NetworkRow } from '../model/rows.ts'
import type { OwnerScope } from './owners.ts'

/** The host that is gateway and DHCP server of a network for the guests of `instanceHost`; null: none yet. */
export function servingHost(network: NetworkRow, instanceHost: string | null): string | null {
  return network.multi_host ? instanceHost : network.host
}

/** The address of gateway or DHCP server that the host has in the network; null where it does not serve it. */
export function serverAddressOn(
  network: NetworkRow,
  { host, hostAddresses }: Pick<HostView, 'host' | 'hostAddresses'>,
): string | null {
  if (network.multi_host) return hostAddresses.find(({ network_id }) => network_id === network.id)?.address ?? null
  return network.host === host ? (network.dhcp_server ?? network.gateway) : null
}

/** @param scope what to read; null reads all that is on the host */
export async function readHostView(
  store: NetworkStore,
  host: string,
  topology: Topology,
  scope: OwnerScope | null,
): Promise<HostView> {
  const found = await store.networks.on(host)
  const networks = found.map(({ host_address: _, ...network }) => network)
  const hostAddresses = found.flatMap(({ id, host_address }) =>
    host_address === null ? [] : [{ network_id: id, address: host_address }],
  )
  const present = new Set(networks.map((network) => network.id))
  const served = new Set(
    networks
      .filter((network) => network.host === host || hostAddresses.some((row) => row.network_id === network.id))
      .map((network) => network.id),
  )
  const leaseNetworkIds = [...served].filter((id) => scope === null || scope.leaseNetworkIds.includes(id))
  const wantsGuests = served.size > 0 && (scope === null || scope.vifIds.length > 0)
  const guestFilter = scope ? { virtualInterfaceIds: scope.vifIds } : { networkIds: [...served] }
  const wantsPorts = present.size > 0 && (scope === null || scope.portVifIds.length > 0)
  const portFilter = scope ? { ids: scope.portVifIds } : {}
  const wantsFloating = scope === null || scope.floatingAddresses.length > 0
  const floatingFilter = scope ? { addresses: scope.floatingAddresses } : {}

  const guests = wantsGuests ? await store.fixedIps.list({ ...guestFilter, allocated: true, forHost: host }) : []
  const leases =
    leaseNetworkIds.length > 0
      ? await store.fixedIps.list({ networkIds: leaseNetworkIds, leased: true, forHost: host })
      : []
  const ports = wantsPorts ? await store.virtualInterfaces.list({ ...portFilter, pluggedOn: host }) : []
  const unserved = topology.dhcp
    ? []
    : ports.filter((vif) => networks.some(({ id, injected }) => injected && id === vif.network_id))
  const injected =
    unserved.length > 0
      ? await store.fixedIps.list({ virtualInterfaceIds: unserved.map((vif) => vif.id), allocated: true })
      : []
  const floatingIps = wantsFloating ? await store.floatingIps.list({ ...floatingFilter, host }) : []
  return {
    host,
    topology,
    networks,
    hostAddresses,
    plannedNetworkIds: [...present].filter((id) => scope === null || scope.networkIds.includes(id)),
    leasePlannedNetworkIds: leaseNetworkIds,
    guests: guests.filter((guest) => served.has(guest.network_id)),
    leases,
    ports,
    injected,
    floatingIps: floatingIps.filter((floating) => floating.fixed_address !== null),
  }
}
