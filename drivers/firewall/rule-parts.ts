/**
 * The parts that rules are made of, spelled as iptables-save does. Whatever a part is given is checked here once more:
 * what is no address, block, device or port never becomes text (defects-linux-net G3). `owner` is for the message.
 */
import { InvalidInput, isAddress, parseAddress, parseCidr, parseDevice } from 'netloom/contracts'

/** Puts parts together, in the order source, destination, devices, protocol, other matches, target; '' is left out. */
export function ruleText(...parts: readonly string[]): string {
  return parts.filter(Boolean).join(' ')
}

/** `-s`, from a checked address or block; '' for the block of all addresses. */
export function from(block: string): string {
  return match('-s', block)
}

/** `-d`, from a checked address or block; '' for the block of all addresses. */
export function to(block: string): string {
  return match('-d', block)
}

function match(option: string, block: string): string {
  if (block === '0.0.0.0/0') return ''
  return `${option} ${block.includes('/') ? block : `${block}/${block.includes(':') ? 128 : 32}`}`
}

/** `-i`. @throws {InvalidInput} */
export function comingBy(owner: string, device: unknown): string {
  return `-i ${deviceName(owner, device)}`
}

/** `-o`. @throws {InvalidInput} */
export function leavingBy(owner: string, device: unknown): string {
  return `-o ${deviceName(owner, device)}`
}

/** The protocol with its destination port. @throws {InvalidInput} */
export function destinationPort(owner: string, protocol: unknown, port: unknown): string {
  const name = protocolName(owner, protocol)
  return `-p ${name} -m ${name} --dport ${portNumber(owner, port)}`
}

/** @throws {InvalidInput} */
export function protocolName(owner: string, protocol: unknown): 'tcp' | 'udp' {
  if (protocol === 'tcp' || protocol === 'udp') return protocol
  throw invalid(owner, 'protocol', protocol, 'tcp or udp')
}

/** @param address checked */
export function sourceNat(address: string): string {
  return `-j SNAT --to-source ${address}`
}

/** @param place a checked address, or `ADDRESS:PORT` */
export function destinationNat(place: string): string {
  return `-j DNAT --to-destination ${place}`
}

/** @returns the canonical address. @throws {InvalidInput} */
export function ipv4Address(owner: string, value: unknown): string {
  return address(owner, value, (text) => !text.includes(':'), 'an IPv4 address')
}

/** @returns the canonical address, of either family. @throws {InvalidInput} */
export function anyAddress(owner: string, value: unknown): string {
  return address(owner, value, () => true, 'an IP address')
}

function address(owner: string, value: unknown, isWanted: (text: string) => boolean, want: string): string {
  if (typeof value !== 'string' || !isWanted(value) || !isAddress(value)) throw invalid(owner, 'address', value, want)
  return parseAddress(value)
}

/** @returns the canonical form of a block, or of one address. @throws {InvalidInput} */
export function ipv4Block(owner: string, value: unknown): string {
  if (typeof value !== 'string' || !value.includes('/')) return ipv4Address(owner, value)
  const cidr = parseCidr(value)
  if (cidr.version === 4) return cidr.text
  throw invalid(owner, 'network', value, 'an IPv4 network in CIDR form')
}

/** @throws {InvalidInput} */
export function portNumber(owner: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535) return value
  throw invalid(owner, 'port', value, 'a whole number from 1 to 65535')
}

/** The error for a value of an owner's that is not of its kind. */
export function invalid(owner: string, what: string, value: unknown, want: string): Error {
  return new InvalidInput({ what: `${what} of ${owner}`, value, want })
}

/** @throws {InvalidInput} */
export function deviceName(owner: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(owner, 'device', value, 'a device name')
  return parseDevice(`device of ${owner}`, value)
}
