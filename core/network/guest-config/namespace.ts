/** What a guest in a network namespace is given directly, where no DHCP server gives it. Pure. */
import type { Resource } from '../../contracts/resource.ts'
import { parseAddress, parseCidr } from '../../model/address.ts'
import type { FixedIpRow, NetworkRow } from '../../model/rows.ts'

/** The first interface carries the default route and says where names are looked up. */
const FIRST = 'eth0'

/**
 * @param resources one guest's port, as its interface driver wants it; a port without an end in a namespace stays as it is
 * @param addresses the guest's, in the network
 */
export function withGuestSettings(
  resources: readonly Resource[],
  network: NetworkRow,
  addresses: readonly Pick<FixedIpRow, 'address'>[],
): readonly Resource[] {
  if (network.cidr === null) return resources
  const { prefix } = parseCidr(network.cidr)
  const cidrs = addresses.map(({ address }) => `${parseAddress(address)}/${prefix}`)
  return resources.flatMap((resource) => {
    if (resource.kind !== 'link' || resource.peer === undefined) return [resource]
    const { peer } = resource
    const isFirst = peer.name === FIRST
    const gateway = isFirst && network.gateway !== null ? { gateway: network.gateway } : {}
    return [
      { ...resource, peer: { ...peer, addresses: cidrs, ...gateway } },
      ...(isFirst ? resolvConf(peer.netns, network) : []),
    ]
  })
}

/** What `ip netns exec` shows as /etc/resolv.conf: ip-netns(8), resolv.conf(5). */
function resolvConf(netns: string, { dns1, dns2 }: NetworkRow): readonly Resource[] {
  const servers = [dns1, dns2].filter((server) => server !== null)
  if (servers.length === 0) return []
  const content = servers.map((server) => `nameserver ${parseAddress(server)}\n`).join('')
  return [{ kind: 'file', path: `/etc/netns/${netns}/resolv.conf`, content, mode: 0o644, keepsOthers: true }]
}
