/**
 * A request -> the networks to make. Pure. Source: nova/network/manager.py create_networks, with the outcomes of
 * defects-manager D: no silent nothing, no overlap, exact integers.
 */
import type { NewNetwork } from '../contracts/database.ts'
import type { CreateNetworksRequest } from '../contracts/network-operations.ts'
import { AddressOutOfRange, InvalidAddress, InvalidInput, InvalidIntValue } from '../errors/input.ts'
import { BridgeInUse, CidrConflict, NetworkNotCreated, NetworkRangeTooSmall } from '../errors/network.ts'
import { NotSupported } from '../errors/service.ts'
import {
  type Cidr,
  cidrOf,
  contains,
  fromInteger,
  isAddress,
  netmaskOf,
  overlaps,
  parseCidr,
  sizeOf,
  toInteger,
} from '../model/address.ts'
import { parseDevice, parseLabel, parseProject, parseUuid } from '../model/names.ts'
import type { NetworkRow } from '../model/rows.ts'

/** The smallest network: network, gateway, one guest, broadcast. */
const MIN_SIZE = 4

/** What flags and the kind of manager say where the request is silent. */
export interface CreationDefaults {
  readonly fixed_range: string | null
  readonly num_networks: number
  readonly network_size: number
  readonly multi_host: boolean
  readonly flat_network_dns: string | null
  /** Default bridge and bridge interface of this kind of manager. */
  readonly bridge: string | null
  readonly bridge_interface: string | null
  /** The flag named when the bridge is missing; null: no bridge is needed. */
  readonly bridgeFlag: string | null
  /** Guests get their addresses without DHCP. */
  readonly injected?: boolean
  /** Each network needs a bridge of its own, because a DHCP server listens on it. */
  readonly ownBridge: boolean
}

/** @throws {NetworkNotCreated} @throws {InvalidCidr} @throws {NetworkRangeTooSmall} @throws {CidrConflict} @throws {BridgeInUse} @throws {InvalidInput} */
export function planNetworks(
  request: CreateNetworksRequest,
  defaults: CreationDefaults,
  existing: readonly NetworkRow[],
  newUuid: () => string,
): readonly NewNetwork[] {
  if (request.cidr_v6 !== undefined) throw new NotSupported({ what: 'IPv6 range for a network', by: 'this manager' })
  if (!request.label) throw new NetworkNotCreated({ required: 'label' })
  const label = parseLabel(request.label)
  const text = request.cidr ?? defaults.fixed_range
  if (text === null) throw new NetworkNotCreated({ required: 'fixed_range_v4', flag: 'fixed_range' })
  const range = parseCidr(text)
  if (range.version !== 4)
    throw new InvalidInput({ what: 'range', value: text, want: 'an IPv4 network, like 10.0.0.0/24' })

  const count = wholeNumber('num_networks', request.num_networks ?? defaults.num_networks)
  const blocks = carve(range, count, sizeFor(request, range, count, defaults.network_size), existing)
  const bridge = bridgeOf(request, defaults, count, existing)
  const uuid = request.uuid === undefined ? null : parseUuid(request.uuid)
  if (uuid !== null && count > 1)
    throw new InvalidInput({ what: 'uuid', value: uuid, want: 'one network, not several' })
  return blocks.map((block, index) => ({
    ...addressColumns(block, request),
    uuid: uuid ?? newUuid(),
    label: count === 1 ? label : `${label}_${index}`,
    injected: defaults.injected ?? false,
    cidr_v6: null,
    netmask_v6: null,
    gateway_v6: null,
    bridge,
    bridge_interface: device('bridge_interface', request.bridge_interface ?? defaults.bridge_interface),
    multi_host: request.multi_host ?? defaults.multi_host,
    dns1: optionalAddress('dns1', request.dns1 ?? defaults.flat_network_dns),
    dns2: optionalAddress('dns2', request.dns2 ?? null),
    vlan: null,
    vpn_public_address: null,
    vpn_public_port: null,
    vpn_private_address: null,
    rxtx_base: null,
    project_id: request.project_id === undefined ? null : parseProject(request.project_id),
    priority: null,
    host: null,
    mtu: request.mtu === undefined ? null : wholeNumber('mtu', request.mtu, 68, 65535),
    enable_dhcp: true,
    share_address: false,
  }))
}

/** The prefix length of the smallest block with at least `size` addresses; exact for every size (defects-manager D11). */
export function prefixForSize(size: number): number {
  return 32 - (size <= 1 ? 0 : (size - 1).toString(2).length)
}

/** The first `count` blocks of the range that overlap no network. Does not depend on the order of networks (D1, D2). */
export function carve(range: Cidr, count: number, size: number, existing: readonly NetworkRow[]): readonly Cidr[] {
  const prefix = prefixForSize(size)
  const step = 1n << BigInt(32 - prefix)
  const room = Number(sizeOf(range) / step)
  if (room < count)
    throw new NetworkRangeTooSmall({ cidr: range.text, num_networks: count, network_size: Number(step), room })
  const used = existing
    .filter((network) => network.cidr !== null)
    .map((network) => ({ label: network.label, block: parseCidr(network.cidr!) }))
    .filter(({ block }) => overlaps(block, range))
  const blocks: Cidr[] = []
  let conflict: (typeof used)[number] | null = null
  for (let first = range.first; blocks.length < count && first + step - 1n <= range.last; ) {
    const block = cidrOf(first, prefix, 4)
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

/** Gateway, DHCP server and range of one block. Source: the pointer rule of create_networks in Queens. */
function addressColumns(block: Cidr, request: CreateNetworksRequest) {
  const inside = (what: string, text: string): string => {
    const canonical = address(what, text)
    if (!contains(block, canonical)) throw new AddressOutOfRange({ address: canonical, cidr: block.text })
    return canonical
  }
  const broadcast = fromInteger(block.last, 4)
  const [first, last] = poolOf(block, request, inside)
  let pointer = toInteger(first) > block.first ? toInteger(first) : block.first + 1n
  const gateway = request.gateway === undefined ? fromInteger(pointer++, 4) : inside('gateway', request.gateway)
  const dhcpServer = request.dhcp_server === undefined ? gateway : inside('dhcp_server', request.dhcp_server)
  while ([gateway, dhcpServer].includes(fromInteger(pointer, 4))) pointer++
  const special = [fromInteger(block.first, 4), broadcast, gateway, dhcpServer]
  for (const [what, value] of [
    ['gateway', gateway],
    ['dhcp_server', dhcpServer],
  ] as const) {
    if (value === special[0] || value === broadcast)
      throw new InvalidInput({ what, value, want: 'neither the network nor the broadcast address' })
  }
  const reserved = [...new Set(special)]
  refuseEmptyPool(first, last, reserved)
  return {
    cidr: block.text,
    netmask: netmaskOf(block),
    broadcast,
    gateway,
    dhcp_server: dhcpServer,
    dhcp_start: fromInteger(pointer, 4),
    range: { first, last },
    reserved,
  }
}

/** A network that has no address for a guest is a mistake that would show when the first guest asks. */
function refuseEmptyPool(first: string, last: string, reserved: readonly string[]): void {
  const [from, to] = [toInteger(first), toInteger(last)]
  const taken = reserved.map(toInteger).filter((value) => value >= from && value <= to)
  if (to - from + 1n > BigInt(taken.length)) return
  const want = 'at least one address besides those of the network, its gateway, its DHCP server and its broadcast'
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

function bridgeOf(
  request: CreateNetworksRequest,
  defaults: CreationDefaults,
  count: number,
  existing: readonly NetworkRow[],
): string | null {
  const bridge = device('bridge', request.bridge ?? defaults.bridge)
  if (bridge === null && defaults.bridgeFlag !== null)
    throw new NetworkNotCreated({ required: 'bridge', flag: defaults.bridgeFlag })
  if (bridge === null || !defaults.ownBridge) return bridge
  const other = existing.find((network) => network.bridge === bridge)
  if (other) throw new BridgeInUse({ bridge, network: other.label })
  if (count > 1)
    throw new InvalidInput({
      what: 'num_networks',
      value: count,
      want: `1, because each network needs a bridge of its own and ${bridge} is one`,
    })
  return bridge
}

function device(what: string, name: string | null): string | null {
  return name === null ? null : parseDevice(what, name)
}

function address(what: string, text: string): string {
  if (!isAddress(text) || text.includes(':')) throw new InvalidAddress({ what, address: text })
  return text
}

function optionalAddress(what: string, text: string | null): string | null {
  return text === null ? null : address(what, text)
}

function wholeNumber(key: string, value: number, min = 1, max = 2 ** 32): number {
  if (!Number.isInteger(value)) throw new InvalidIntValue({ key, value })
  if (value < min || value > max) throw new InvalidInput({ what: key, value, want: `${min} to ${max}` })
  return value
}
