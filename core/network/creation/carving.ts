/** Blocks out of a range, around what is used. Pure. Source: nova create_networks, with defects-manager D1 to D4 and D11. */
import type { CreateNetworksRequest } from '../../contracts/network-operations.ts'
import { InvalidInput } from '../../errors/input.ts'
import { CidrConflict, NetworkRangeTooSmall } from '../../errors/network.ts'
import { type Cidr, cidrOf, overlaps, parseCidr, sizeOf } from '../../model/address.ts'
import type { NetworkRow } from '../../model/rows.ts'
import { wholeNumber } from './values.ts'

/** The smallest network: network, gateway, one guest, broadcast. */
const MIN_SIZE = 4

/** Every IPv6 network has this prefix length: guests make their addresses themselves, of 64 bits. Source: RFC 4862. */
const PREFIX_V6 = 64

const BITS = { 4: 32, 6: 128 } as const

/** The prefix length of the smallest block with at least `size` addresses; exact for every size (defects-manager D11). */
export function prefixForSize(size: number): number {
  return 32 - (size <= 1 ? 0 : (size - 1).toString(2).length)
}

/** The first `count` blocks of the range that overlap no network. Does not depend on the order of networks (D1, D2). */
export function carve(range: Cidr, count: number, size: number, existing: readonly NetworkRow[]): readonly Cidr[] {
  return carveBlocks(range, count, prefixForSize(size), existing)
}

/**
 * The blocks of the IPv4 networks that the request asks for.
 * @throws {InvalidCidr} @throws {InvalidInput} @throws {NetworkRangeTooSmall} @throws {CidrConflict}
 */
export function carveV4(
  text: string,
  count: number,
  request: CreateNetworksRequest,
  flagSize: number,
  existing: readonly NetworkRow[],
): readonly Cidr[] {
  const range = parseRange('range', text, 4)
  return carve(range, count, sizeFor(request, range, count, flagSize), existing)
}

/**
 * A /64 for each network.
 * @throws {InvalidCidr} @throws {InvalidInput} @throws {NetworkRangeTooSmall} also a range smaller than one (defects-manager D3)
 * @throws {CidrConflict}
 */
export function carveV6(text: string, count: number, existing: readonly NetworkRow[]): readonly Cidr[] {
  return carveBlocks(parseRange('IPv6 range', text, 6), count, PREFIX_V6, existing)
}

function parseRange(what: string, text: string, version: 4 | 6): Cidr {
  const range = parseCidr(text)
  if (range.version === version) return range
  const example = version === 4 ? '10.0.0.0/24' : 'fd00::/48'
  throw new InvalidInput({ what, value: text, want: `an IPv${version} network, like ${example}` })
}

function carveBlocks(range: Cidr, count: number, prefix: number, existing: readonly NetworkRow[]): readonly Cidr[] {
  const step = 1n << BigInt(BITS[range.version] - prefix)
  const room = Number(sizeOf(range) / step)
  if (room < count) {
    const network_size = range.version === 6 ? `2^${BITS[6] - prefix}` : Number(step)
    throw new NetworkRangeTooSmall({ cidr: range.text, num_networks: count, network_size, room })
  }
  const used = usedIn(range, existing)
  const blocks: Cidr[] = []
  let conflict: (typeof used)[number] | null = null
  for (let first = range.first; blocks.length < count && first + step - 1n <= range.last; ) {
    const block = cidrOf(first, prefix, range.version)
    const other = used.find((candidate) => overlaps(candidate.block, block))
    if (!other) blocks.push(block)
    conflict ??= other ?? null
    const next = other && other.block.last > block.last ? other.block.last + 1n : first + step
    first = range.first + ((next - range.first + step - 1n) / step) * step
  }
  if (blocks.length < count)
    throw new CidrConflict({ cidr: range.text, other: conflict!.block.text, label: conflict!.label })
  return blocks
}

function usedIn(range: Cidr, existing: readonly NetworkRow[]): readonly { label: string; block: Cidr }[] {
  return existing.flatMap(({ label, cidr, cidr_v6 }) =>
    [cidr, cidr_v6].flatMap((text) => {
      const block = text === null ? null : parseCidr(text)
      return block !== null && overlaps(block, range) ? [{ label, block }] : []
    }),
  )
}

/** Asked for, or the share of each network rounded down to a power of two, at most the flag's size (defects-manager D4). */
function sizeFor(request: CreateNetworksRequest, range: Cidr, count: number, flagSize: number): number {
  const size = request.network_size ?? Math.min(flagSize, largestPowerOfTwo(sizeOf(range) / BigInt(count)))
  wholeNumber('network_size', size)
  if (size < MIN_SIZE) {
    throw new NetworkRangeTooSmall({
      cidr: range.text,
      num_networks: count,
      network_size: MIN_SIZE,
      room: Number(sizeOf(range) / BigInt(MIN_SIZE)),
    })
  }
  return size
}

function largestPowerOfTwo(value: bigint): number {
  return value < 1n ? 0 : 2 ** (value.toString(2).length - 1)
}
