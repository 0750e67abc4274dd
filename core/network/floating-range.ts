/** The addresses that a range of floating IPs stands for. Pure. Source: nova-manage floating create. */
import { InvalidInput } from '../errors/input.ts'
import { CidrConflict } from '../errors/network.ts'
import { type Cidr, fromInteger, overlaps, parseAddress, parseCidr, sizeOf, versionOf } from '../model/address.ts'
import type { NetworkRow } from '../model/rows.ts'

/** A pool is made of rows, so a mistyped prefix must not fill the store. */
const MAX_ADDRESSES = 65_536

/** One address, or the host addresses of a block (network and broadcast address left out). @throws {InvalidInput} @throws {InvalidCidr} */
export function floatingRange(text: string): readonly string[] {
  if (!text.includes('/')) {
    const address = parseAddress(text)
    if (versionOf(address) !== 4)
      throw new InvalidInput({ what: 'range', value: text, want: 'IPv4 addresses: NAT is for IPv4' })
    return [address]
  }
  const block = parseCidr(text)
  if (block.version !== 4)
    throw new InvalidInput({ what: 'range', value: text, want: 'IPv4 addresses: NAT is for IPv4' })
  if (block.prefix > 30)
    throw new InvalidInput({
      what: 'range',
      value: text,
      want: 'a block of at least 4 addresses, or one address without a prefix',
    })
  if (sizeOf(block) > BigInt(MAX_ADDRESSES))
    throw new InvalidInput({ what: 'range', value: text, want: `at most ${MAX_ADDRESSES} addresses at once` })
  return hostAddresses(block)
}

/** A public address cannot be a guest's private one too. @throws {CidrConflict} */
export function refuseFixedAddresses(text: string, networks: readonly NetworkRow[]): void {
  const range = parseCidr(text.includes('/') ? text : `${text}/32`)
  const other = networks.find((network) => network.cidr !== null && overlaps(parseCidr(network.cidr), range))
  if (other) throw new CidrConflict({ cidr: text, other: other.cidr!, label: other.label })
}

function hostAddresses(block: Cidr): readonly string[] {
  const count = Number(sizeOf(block)) - 2
  return Array.from({ length: count }, (_, i) => fromInteger(block.first + BigInt(i + 1), block.version))
}
