/** The IPv6 address that a guest makes of its network's prefix. Never stored: it follows from what is. Pure. */
import { createHash } from 'node:crypto'
import { InvalidCidr, InvalidIpAddressError } from '../errors/input.ts'
import { fromInteger, parseCidr, toInteger, versionOf } from './address.ts'
import { hex, parseMac } from './mac.ts'

/** `rfc2462`: from the MAC address. `account_identifier`: from the project and the end of the MAC address. */
export type Ipv6Backend = 'rfc2462' | 'account_identifier'

/** True for a prefix that guests make addresses of. Source: RFC 4862 5.5.3, RFC 2464 4. @throws {InvalidCidr} */
export function makesAddresses(prefix: string): boolean {
  const cidr = parseCidr(prefix)
  return cidr.version === 6 && cidr.prefix === 64
}

const INTERFACE_BITS = 64n
const INTERFACE_MASK = (1n << INTERFACE_BITS) - 1n

/** @param prefix of 64 bits, as `fd00::/64`. @throws {InvalidCidr} @throws {InvalidMacAddress} */
export function guestAddressV6(backend: Ipv6Backend, prefix: string, mac: string, project: string): string {
  return backend === 'rfc2462' ? eui64Address(prefix, mac) : accountAddress(prefix, mac, project)
}

/** Stateless autoconfiguration. Source: RFC 2462 5.3, RFC 4291 appendix A. @throws {InvalidCidr} @throws {InvalidMacAddress} */
export function eui64Address(prefix: string, mac: string): string {
  const [a, b, c, d, e, f] = bytesOf(mac)
  return join(prefix, [a! ^ 0x02, b!, c!, 0xff, 0xfe, d!, e!, f!])
}

/** The MAC address that an address was made of. @throws {InvalidIpAddressError} */
export function macOfEui64(address: string): string {
  const [a, b, c, , , d, e, f] = interfaceBytes(address)
  return hex([a! ^ 0x02, b!, c!, d!, e!, f!])
}

/**
 * 32 bits of SHA-1 of the project, ff, and the last three bytes of the MAC address. Source: nova/ipv6/account_identifier.py.
 * @throws {InvalidCidr} @throws {InvalidMacAddress}
 */
export function accountAddress(prefix: string, mac: string, project: string): string {
  const hash = createHash('sha1').update(project).digest().subarray(0, 4)
  return join(prefix, [...hash, 0xff, ...bytesOf(mac).slice(3)])
}

/** As far as it can be told: the first half of the address is not that of the MAC address. @throws {InvalidIpAddressError} */
export function macOfAccount(address: string): string {
  return hex([0x02, 0x16, 0x3e, ...interfaceBytes(address).slice(5)])
}

function join(prefix: string, interfaceId: readonly number[]): string {
  const cidr = parseCidr(prefix)
  if (cidr.version !== 6 || cidr.prefix > 64) throw new InvalidCidr({ cidr: prefix, reason: 'IPv6, at most /64' })
  const low = interfaceId.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return fromInteger((cidr.first & ~INTERFACE_MASK) | low, 6)
}

function interfaceBytes(address: string): readonly number[] {
  if (versionOf(address) !== 6) throw new InvalidIpAddressError({ address })
  const low = toInteger(address) & INTERFACE_MASK
  return Array.from({ length: 8 }, (_, index) => Number((low >> BigInt(8 * (7 - index))) & 0xffn))
}

function bytesOf(mac: string): readonly number[] {
  return parseMac(mac)
    .split(':')
    .map((byte) => Number.parseInt(byte, 16))
}
