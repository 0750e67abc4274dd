/** The names of owners of host resources. */
export const HOST_OWNER = 'host'
/** In place of names: everything of the host. */
export const ALL_OWNERS = '*'
/** A network's devices, gateway, rules and DHCP server. */
export const networkOwner = (networkId: number) => `network:${networkId}`
/** What a restarted DHCP server must know of a network's leases. */
export const leasesOwner = (networkId: number) => `leases:${networkId}`
/** One interface's DHCP entry. */
export const vifOwner = (vifId: number) => `vif:${vifId}`
/** One interface's port on the bridge. */
export const portOwner = (vifId: number) => `port:${vifId}`
export const floatingOwner = (address: string) => `floating:${address}`

/** Owners by kind; `all` is every owner that the store has facts for. */
export interface OwnerScope {
  readonly networkIds: readonly number[]
  readonly leaseNetworkIds: readonly number[]
  readonly vifIds: readonly number[]
  readonly portVifIds: readonly number[]
  readonly floatingAddresses: readonly string[]
}

/** The interfaces whose ports are among the owners. */
export const portVifIds = (owners: readonly string[]) => scopeOf(owners).portVifIds

/** Sorts owner names into kinds. */
export function scopeOf(owners: Iterable<string>): OwnerScope {
  const byKind: Record<string, string[]> = {}
  for (const owner of owners) {
    const colon = owner.indexOf(':')
    const kind = colon < 0 ? owner : owner.slice(0, colon)
    byKind[kind] ??= []
    byKind[kind].push(owner.slice(colon + 1))
  }
  const numbers = (kind: string) => (byKind[kind] ?? []).map(Number)
  return {
    networkIds: numbers('network'),
    leaseNetworkIds: numbers('leases'),
    vifIds: numbers('vif'),
    portVifIds: numbers('port'),
    floatingAddresses: byKind.floating ?? [],
  }
}
