/**
 * A request -> the networks to make. Pure. Source: nova/network/manager.py create_networks, with the outcomes of
 * defects-manager D: no silent nothing, no overlap, exact integers.
 */
import type { NewNetwork } from '../contracts/database.ts'
import type { CreateNetworksRequest } from '../contracts/network-operations.ts'
import { InvalidInput } from '../errors/input.ts'
import { NetworkNotCreated } from '../errors/network.ts'
import type { Cidr } from '../model/address.ts'
import { parseLabel, parseProject, parseUuid } from '../model/names.ts'
import type { NetworkRow } from '../model/rows.ts'
import { addressesV4, addressesV6, WITHOUT_V4 } from './creation/addresses.ts'
import { carveV4, carveV6 } from './creation/carving.ts'
import { optionalAddress, wholeNumber } from './creation/values.ts'
import { type BridgeDefaults, refuseVlan, type VlanDefaults, withBridge, withVlans } from './creation/vlan.ts'

export { carve, prefixForSize } from './creation/carving.ts'
export type { BridgeDefaults, VlanDefaults } from './creation/vlan.ts'

/** The smallest MTU of IPv4, and of IPv6: with less the kernel gives a device none. Source: RFC 791, RFC 8200 5. */
const MIN_MTU = 68
const MIN_MTU_V6 = 1280

/** What flags and the kind of manager say where the request is silent. */
export interface CreationDefaults extends BridgeDefaults {
  readonly fixed_range: string | null
  readonly num_networks: number
  readonly network_size: number
  readonly multi_host: boolean
  readonly flat_network_dns: string | null
  /** Each network gets a VLAN: said by the manager, whatever its flag is called (defects-manager D6). */
  readonly vlan?: VlanDefaults
  /** Guests get their addresses without DHCP. */
  readonly injected?: boolean
}

/**
 * @throws {NetworkNotCreated} @throws {InvalidCidr} @throws {NetworkRangeTooSmall} @throws {CidrConflict} @throws {BridgeInUse}
 * @throws {DuplicateVlan} @throws {NoMoreVlans} @throws {NotSupported} @throws {InvalidInput}
 */
export function planNetworks(
  request: CreateNetworksRequest,
  defaults: CreationDefaults,
  existing: readonly NetworkRow[],
  newUuid: () => string,
): readonly NewNetwork[] {
  const { vlan } = defaults
  if (vlan === undefined) refuseVlan(request)
  if (!request.label) throw new NetworkNotCreated({ required: 'label' })
  const label = parseLabel(request.label)
  const count = wholeNumber('num_networks', request.num_networks ?? defaults.num_networks)
  const { blocks, blocksV6 } = blocksOf(request, defaults, count, existing)
  const uuid = request.uuid === undefined ? null : parseUuid(request.uuid)
  if (uuid !== null && count > 1)
    throw new InvalidInput({ what: 'uuid', value: uuid, want: 'one network, not several' })
  const devices =
    vlan === undefined
      ? withBridge(request, defaults, count, existing)
      : withVlans(request, { ...defaults, vlan }, count, existing)
  const vpn = vlan === undefined ? null : { clients: vlan.cnt_vpn_clients }
  return devices.map((columns, index) => ({
    ...columns,
    ...(blocks === null ? WITHOUT_V4 : addressesV4(blocks[index]!, request, vpn)),
    ...addressesV6(blocksV6 === null ? null : blocksV6[index]!, request),
    uuid: uuid ?? newUuid(),
    label: count === 1 ? label : `${label}_${index}`,
    injected: defaults.injected ?? false,
    multi_host: request.multi_host ?? defaults.multi_host,
    dns1: optionalAddress('dns1', request.dns1 ?? defaults.flat_network_dns),
    dns2: optionalAddress('dns2', request.dns2 ?? null),
    rxtx_base: null,
    project_id: request.project_id === undefined ? null : parseProject(request.project_id),
    priority: null,
    host: null,
    mtu:
      request.mtu === undefined
        ? null
        : wholeNumber('mtu', request.mtu, blocksV6 === null ? MIN_MTU : MIN_MTU_V6, 65535),
    share_address: false,
  }))
}

/** The blocks of each family, as many as there are networks; null where the request wants none of that family. */
function blocksOf(
  request: CreateNetworksRequest,
  { fixed_range, network_size }: CreationDefaults,
  count: number,
  existing: readonly NetworkRow[],
): { readonly blocks: readonly Cidr[] | null; readonly blocksV6: readonly Cidr[] | null } {
  const v6 = request.cidr_v6 ?? null
  const v4 = request.cidr ?? (v6 === null ? fixed_range : null)
  if (v4 === null && v6 === null) throw new NetworkNotCreated({ required: 'fixed_range_v4', flag: 'fixed_range' })
  if (v6 === null && request.gateway_v6 !== undefined) throw new NetworkNotCreated({ required: 'fixed_range_v6' })
  if (v4 === null) refuseAddresses(request)
  return {
    blocks: v4 === null ? null : carveV4(v4, count, request, network_size, existing),
    blocksV6: v6 === null ? null : carveV6(v6, count, existing),
  }
}

/** What a network without IPv4 has no use for is a mistake, not to be passed over. */
function refuseAddresses(request: CreateNetworksRequest): void {
  const about = ['network_size', 'gateway', 'dhcp_server', 'fixed_cidr', 'allowed_start', 'allowed_end'] as const
  if (about.some((key) => request[key] !== undefined)) throw new NetworkNotCreated({ required: 'fixed_range_v4' })
}
