/** Gateway, servers, pool and reserved addresses of one block. Pure. Source: the pointer rule of nova create_networks. */
import type { NewNetwork } from '../../contracts/database.ts'
import type { CreateNetworksRequest } from '../../contracts/network-operations.ts'
import { AddressOutOfRange, InvalidInput } from '../../errors/input.ts'
import { addressAt, type Cidr, contains, fromInteger, netmaskOf, parseCidr, toInteger } from '../../model/address.ts'
import { address } from './values.ts'

/** Addresses that a network of this manager has for a VPN; null: none. */
export interface VpnAddresses {
  /** How many are kept at the top, for the clients of its VPN server. */
  readonly clients: number
}

type AddressColumns = Pick<
  NewNetwork,
  | 'cidr'
  | 'netmask'
  | 'broadcast'
  | 'gateway'
  | 'dhcp_server'
  | 'dhcp_start'
  | 'vpn_private_address'
  | 'enable_dhcp'
  | 'range'
  | 'reserved'
>

/**
 * Only what is really special is reserved, wherever the pool begins and ends (defects-manager D9).
 * @throws {InvalidAddress} @throws {AddressOutOfRange} @throws {InvalidInput}
 */
export function addressesV4(block: Cidr, request: CreateNetworksRequest, vpn: VpnAddresses | null): AddressColumns {
  const inside = (what: string, text: string): string => {
    const canonical = address(what, text)
    if (!contains(block, canonical)) throw new AddressOutOfRange({ address: canonical, cidr: block.text })
    return canonical
  }
  const [network, broadcast] = [addressAt(block, 0), addressAt(block, -1)]
  const [first, last] = poolOf(block, request, inside)
  let pointer = toInteger(first) > block.first ? toInteger(first) : block.first + 1n
  const gateway = request.gateway === undefined ? fromInteger(pointer++, 4) : inside('gateway', request.gateway)
  const dhcpServer = request.dhcp_server === undefined ? gateway : inside('dhcp_server', request.dhcp_server)
  const next = (): string => {
    while ([gateway, dhcpServer].includes(fromInteger(pointer, 4))) pointer++
    return fromInteger(pointer++, 4)
  }
  const vpnServer = vpn === null ? null : inside('VPN server', next())
  const dhcpStart = next()
  const special = { gateway, dhcp_server: dhcpServer, 'VPN server': vpnServer }
  for (const [what, value] of Object.entries(special)) {
    if (value === network || value === broadcast)
      throw new InvalidInput({ what, value, want: 'neither the network nor the broadcast address' })
  }
  const clients = vpnClients(block, vpn?.clients ?? 0)
  const reserved = [network, broadcast, gateway, dhcpServer, ...(vpnServer === null ? [] : [vpnServer]), ...clients]
  refuseEmptyPool(first, last, [...new Set(reserved)])
  return {
    cidr: block.text,
    netmask: netmaskOf(block),
    broadcast,
    gateway,
    dhcp_server: dhcpServer,
    dhcp_start: dhcpStart,
    vpn_private_address: vpnServer,
    enable_dhcp: true,
    range: { first, last },
    reserved: [...new Set(reserved)],
  }
}

/** A network without IPv4: guests make their addresses themselves (defects-manager D7). */
export const WITHOUT_V4: AddressColumns & Pick<NewNetwork, 'vpn_public_address' | 'vpn_public_port'> = {
  cidr: null,
  netmask: null,
  broadcast: null,
  gateway: null,
  dhcp_server: null,
  dhcp_start: null,
  vpn_public_address: null,
  vpn_public_port: null,
  vpn_private_address: null,
  enable_dhcp: false,
  range: null,
  reserved: [],
}

/** @param block null: none. @throws {InvalidAddress} @throws {AddressOutOfRange} */
export function addressesV6(
  block: Cidr | null,
  request: CreateNetworksRequest,
): Pick<NewNetwork, 'cidr_v6' | 'netmask_v6' | 'gateway_v6'> {
  if (block === null) return { cidr_v6: null, netmask_v6: null, gateway_v6: null }
  const gateway = request.gateway_v6 === undefined ? addressAt(block, 1) : address('gateway_v6', request.gateway_v6, 6)
  if (!contains(block, gateway)) throw new AddressOutOfRange({ address: gateway, cidr: block.text })
  if (gateway === addressAt(block, 0)) {
    // Source: RFC 4291 2.6.1, the Subnet-Router anycast address (defects-linux-net E18).
    throw new InvalidInput({ what: 'gateway_v6', value: gateway, want: 'not the first address, which is all routers' })
  }
  return { cidr_v6: block.text, netmask_v6: netmaskOf(block), gateway_v6: gateway }
}

/** The addresses before the last one. @throws {InvalidInput} */
function vpnClients(block: Cidr, count: number): readonly string[] {
  if (BigInt(count) > block.last - block.first - 1n) {
    throw new InvalidInput({ what: 'cnt_vpn_clients', value: count, want: `fewer addresses than ${block.text} has` })
  }
  return Array.from({ length: count }, (_, index) => addressAt(block, -2 - index))
}

/** A network that has no address for a guest is a mistake that would show when the first guest asks. */
function refuseEmptyPool(first: string, last: string, reserved: readonly string[]): void {
  const [from, to] = [toInteger(first), toInteger(last)]
  const taken = reserved.map(toInteger).filter((value) => value >= from && value <= to)
  if (to - from + 1n > BigInt(taken.length)) return
  const want = 'at least one address besides those of the network, its gateway, its servers, its VPN and its broadcast'
  throw new InvalidInput({ what: 'range', value: `${first}-${last}`, want })
}

/** First and last address of the pool: the block, or the part of it that the request allows. */
function poolOf(
  block: Cidr,
  request: CreateNetworksRequest,
  inside: (what: string, text: string) => string,
): readonly [string, string] {
  const part = request.fixed_cidr === undefined ? block : parseCidr(request.fixed_cidr)
  if (part.version !== 4 || part.first < block.first || part.last > block.last) {
    throw new AddressOutOfRange({ address: part.text, cidr: block.text })
  }
  const first =
    request.allowed_start === undefined ? fromInteger(part.first, 4) : inside('allowed_start', request.allowed_start)
  const last =
    request.allowed_end === undefined ? fromInteger(part.last, 4) : inside('allowed_end', request.allowed_end)
  if (toInteger(first) > toInteger(last))
    throw new InvalidInput({ what: 'range', value: `${first}-${last}`, want: 'the first address before the last' })
  return [first, last]
}
