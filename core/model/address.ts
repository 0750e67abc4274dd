/**
 * Every IP address of netloom is parsed, printed and counted here. Text is canonical after parsing (IPv4 in four
 * decimal parts, IPv6 as RFC 5952), so equal addresses are equal strings. Arithmetic is on bigint: exact for both families.
 */
import ipaddr from 'ipaddr.js'
import { InvalidCidr, InvalidInput, InvalidIpAddressError } from '../errors/input.ts'

export type IpVersion = 4 | 6

/** A block of addresses; `text` is canonical, with the host bits cleared. */
export interface Cidr {
  readonly text: string
  readonly version: IpVersion
  readonly prefix: number
  readonly first: bigint
  readonly last: bigint
}

const BITS = { 4: 32, 6: 128 } as const

function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  // ipaddr.js reads 010.0.0.1 as octal and 10.1 as 10.0.0.1: only the four-part decimal form is taken for IPv4.
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return /(^|\.)0\d/.test(text) ? null : ipaddr.IPv4.parse(text)
  return text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : null
}

/** True for one IPv4 or IPv6 address in ordinary notation. */
export function isAddress(text: string): boolean {
  return parse(text) !== null
}

/** @returns the canonical text of an address. @throws {InvalidIpAddressError} */
export function parseAddress(text: string): string {
  const address = parse(text)
  if (address === null) throw new InvalidIpAddressError({ address: text })
  return address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString()
}

/** 4 or 6. @throws {InvalidIpAddressError} */
export function versionOf(address: string): IpVersion {
  const parsed = parse(address)
  if (parsed === null) throw new InvalidIpAddressError({ address })
  return parsed.kind() === 'ipv4' ? 4 : 6
}

/** The address as a number. @throws {InvalidIpAddressError} */
export function toInteger(address: string): bigint {
  const parsed = parse(address)
  if (parsed === null) throw new InvalidIpAddressError({ address })
  return parsed.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

/** The canonical text of a number; the reverse of `toInteger`. */
export function fromInteger(value: bigint, version: IpVersion): string {
  const bytes = Array.from({ length: BITS[version] / 8 }, (_, i) =>
    Number((value >> BigInt(BITS[version] - 8 * (i + 1))) & 0xffn),
  )
  const address = ipaddr.fromByteArray(bytes)
  return address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString()
}

/** The block from its first address and prefix length. */
export function cidrOf(first: bigint, prefix: number, version: IpVersion): Cidr {
  const size = 1n << BigInt(BITS[version] - prefix)
  return { text: `${fromInteger(first, version)}/${prefix}`, version, prefix, first, last: first + size - 1n }
}

/** Reads `ADDRESS/PREFIX`; host bits are cleared, as the original did. @throws {InvalidCidr} */
export function parseCidr(text: string): Cidr {
  const match = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text)
  const address = match && parse(match[1]!)
  if (!match || !address) throw new InvalidCidr({ cidr: text })
  const version = address.kind() === 'ipv4' ? 4 : 6
  const prefix = Number(match[2])
  if (prefix > BITS[version]) throw new InvalidCidr({ cidr: text, reason: `a prefix is at most ${BITS[version]}` })
  const shift = BigInt(BITS[version] - prefix)
  return cidrOf((toInteger(match[1]!) >> shift) << shift, prefix, version)
}

/**
 * The IPv4 addresses that `ADDRESS`, `FIRST-LAST` or `ADDRESS/PREFIX` stands for, all of a block.
 * @throws {InvalidIpAddressError} @throws {InvalidCidr} @throws {InvalidInput} for IPv6, or a range that runs backwards
 */
export function parseRange(text: string): { readonly first: string; readonly last: string } {
  const [from = '', to = from, ...more] = text.split('-')
  const block = text.includes('/') ? parseCidr(text) : null
  const [first, last] = block ? [addressAt(block, 0), addressAt(block, -1)] : [parseAddress(from), parseAddress(to)]
  const ordered =
    more.length === 0 && versionOf(first) === 4 && versionOf(last) === 4 && toInteger(first) <= toInteger(last)
  if (ordered) return { first, last }
  const want = 'IPv4 addresses, like 10.0.0.5, 10.0.0.5-10.0.0.9 or 10.0.0.0/28'
  throw new InvalidInput({ what: 'range', value: text, want })
}

/** The number of addresses of the block, network and broadcast address included. */
export function sizeOf(cidr: Cidr): bigint {
  return cidr.last - cidr.first + 1n
}

/** True when the address lies in the block; false for another family. */
export function contains(cidr: Cidr, address: string): boolean {
  if (versionOf(address) !== cidr.version) return false
  const value = toInteger(address)
  return value >= cidr.first && value <= cidr.last
}

/** True when the two blocks share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.version === b.version && a.first <= b.last && b.first <= a.last
}

/** The address at a position of the block; 0 is the network address, -1 the last one. @throws {RangeError} */
export function addressAt(cidr: Cidr, index: number): string {
  const value = index < 0 ? cidr.last + 1n + BigInt(index) : cidr.first + BigInt(index)
  if (value < cidr.first || value > cidr.last) throw new RangeError(`${cidr.text} has no address ${index}`)
  return fromInteger(value, cidr.version)
}

/** The dotted mask of an IPv4 block (`255.255.255.0`), or the full mask of an IPv6 block. */
export function netmaskOf(cidr: Cidr): string {
  const bits = BigInt(BITS[cidr.version])
  const host = (1n << (bits - BigInt(cidr.prefix))) - 1n
  return fromInteger(((1n << bits) - 1n) ^ host, cidr.version)
}
