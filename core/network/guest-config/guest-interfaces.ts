/**
 * NetworkInfo -> what a guest sets on its interfaces, whatever the form of its configuration. Pure. All values are
 * parsed anew, so nothing that a file's syntax would take for its own gets into one.
 */
import { addressAt, type Cidr, isAddress, parseAddress, parseCidr } from '../../model/address.ts'
import { parseMac } from '../../model/mac.ts'
import type { NetworkInfo, SubnetModel, VifModel } from '../../model/network-info.ts'

/** Addresses of one family on one interface. */
export interface GuestSubnet {
  readonly version: 4 | 6
  readonly block: Cidr
  /** From a DHCP server; the addresses are those that it will give. */
  readonly dhcp: boolean
  readonly addresses: readonly string[]
  /** Where the default route leads; null where another interface has it. */
  readonly gateway: string | null
  readonly routes: readonly { readonly to: Cidr; readonly via: string }[]
}

export interface GuestInterface {
  readonly name: string
  readonly mac: string
  readonly subnets: readonly GuestSubnet[]
  readonly nameServers: readonly string[]
}

/** In the order of the interfaces: eth0, eth1 and so on. @throws {InvalidInput} of the kind of the first bad value */
export function guestInterfaces(info: NetworkInfo): readonly GuestInterface[] {
  // Two default routes of one family would make it a matter of luck which one is used: the first interface has it.
  const routed = new Set<number>()
  return info.map((vif, index) => ({
    name: `eth${index}`,
    mac: parseMac(vif.address),
    subnets: vif.network.subnets.filter(hasAddresses).map((subnet) => {
      const first = subnet.gateway.address !== null && !routed.has(subnet.version)
      if (first) routed.add(subnet.version)
      return guestSubnet(subnet, first)
    }),
    nameServers: nameServersOf(vif),
  }))
}

type AddressedSubnet = SubnetModel & { readonly cidr: string; readonly version: 4 | 6 }

function hasAddresses(subnet: SubnetModel): subnet is AddressedSubnet {
  return subnet.cidr !== null && subnet.version !== null && subnet.ips.length > 0
}

function guestSubnet(subnet: AddressedSubnet, hasDefaultRoute: boolean): GuestSubnet {
  const { cidr, version, ips, gateway, routes, meta } = subnet
  return {
    version,
    block: parseCidr(cidr),
    dhcp: version === 4 && typeof meta.dhcp_server === 'string',
    addresses: ips.flatMap(({ address }) => (address === null ? [] : [parseAddress(address)])),
    gateway: hasDefaultRoute ? parseAddress(gateway.address!) : null,
    routes: routes.flatMap((route) =>
      route.gateway.address === null ? [] : [{ to: parseCidr(route.cidr), via: parseAddress(route.gateway.address) }],
    ),
  }
}

function nameServersOf({ network }: VifModel): readonly string[] {
  const all = network.subnets.flatMap(({ dns }) => dns.flatMap(({ address }) => address ?? []))
  return [...new Set(all.filter(isAddress).map(parseAddress))]
}

/** The last address of an IPv4 block. */
export function broadcastOf(block: Cidr): string {
  return addressAt(block, -1)
}
