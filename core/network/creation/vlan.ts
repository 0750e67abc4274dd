/** VLANs, VPN ports and bridges of the networks of a request. Pure. Source: nova create_networks, with defects-manager D5. */
import type { NewNetwork } from '../../contracts/database.ts'
import type { CreateNetworksRequest } from '../../contracts/network-operations.ts'
import { InvalidInput } from '../../errors/input.ts'
import { BridgeInUse, DuplicateVlan, NetworkNotCreated, NoMoreVlans, NoMoreVpnPorts } from '../../errors/network.ts'
import { NotSupported } from '../../errors/service.ts'
import type { NetworkRow } from '../../model/rows.ts'
import { device, wholeNumber } from './values.ts'

/** The highest VLAN id. Source: IEEE 802.1Q, which keeps 4095. */
const LAST_VLAN = 4094
const LAST_PORT = 65_535

/** How a manager numbers its networks. */
export interface VlanDefaults {
  readonly vlan_start: number
  readonly vpn_start: number
  /** Addresses kept for the clients of each network's VPN server. */
  readonly cnt_vpn_clients: number
  /** Public address of all VPN servers; null: that of the host which serves the network. */
  readonly vpn_ip: string | null
}

/** What a request says of bridges, and what the manager adds. */
export interface BridgeDefaults {
  readonly bridge: string | null
  /** The flag named when the bridge is missing; null: no bridge is needed. */
  readonly bridgeFlag: string | null
  /** Each network needs a bridge of its own, because a DHCP server listens on it. */
  readonly ownBridge: boolean
  readonly bridge_interface: string | null
}

type VlanColumns = Pick<NewNetwork, 'vlan' | 'bridge' | 'bridge_interface' | 'vpn_public_address' | 'vpn_public_port'>

/** @throws {NotSupported} for what only networks on VLANs have */
export function refuseVlan(request: CreateNetworksRequest): void {
  for (const what of ['vlan', 'vlan_start', 'vpn_start'] as const) {
    if (request[what] !== undefined) throw new NotSupported({ what: `networks with ${what}`, by: 'this manager' })
  }
}

/** One bridge, the request's or the flag's. @throws {NetworkNotCreated} @throws {BridgeInUse} @throws {InvalidInput} */
export function withBridge(
  request: CreateNetworksRequest,
  defaults: BridgeDefaults,
  count: number,
  existing: readonly NetworkRow[],
): readonly VlanColumns[] {
  const bridge = device('bridge', request.bridge ?? defaults.bridge)
  if (bridge === null && defaults.bridgeFlag !== null)
    throw new NetworkNotCreated({ required: 'bridge', flag: defaults.bridgeFlag })
  if (bridge !== null && defaults.ownBridge) refuseShared(bridge, count, existing)
  const columns = {
    vlan: null,
    bridge,
    bridge_interface: device('bridge_interface', request.bridge_interface ?? defaults.bridge_interface),
    vpn_public_address: null,
    vpn_public_port: null,
  }
  return Array.from({ length: count }, () => columns)
}

/**
 * A VLAN and a bridge for each network, and a port for its VPN: those asked for, or the lowest that are free.
 * @throws {NetworkNotCreated} @throws {DuplicateVlan} @throws {NoMoreVlans} @throws {NoMoreVpnPorts} @throws {BridgeInUse} @throws {InvalidInput}
 */
export function withVlans(
  request: CreateNetworksRequest,
  defaults: BridgeDefaults & { readonly vlan: VlanDefaults },
  count: number,
  existing: readonly NetworkRow[],
): readonly VlanColumns[] {
  const parent = device('bridge_interface', request.bridge_interface ?? defaults.bridge_interface)
  if (parent === null) throw new NetworkNotCreated({ required: 'bridge_interface', flag: 'vlan_interface' })
  const asked = device('bridge', request.bridge ?? null)
  if (asked !== null) refuseShared(asked, count, existing)
  const vlans = vlanIds(request, defaults.vlan, count, existing)
  const ports = vpnPorts(request, defaults.vlan, count, existing)
  return vlans.map((vlan, index) => {
    const bridge = asked ?? `br${vlan}`
    refuseShared(bridge, 1, existing)
    return {
      vlan,
      bridge,
      bridge_interface: parent,
      vpn_public_address: defaults.vlan.vpn_ip,
      vpn_public_port: ports[index]!,
    }
  })
}

function vlanIds(
  request: CreateNetworksRequest,
  defaults: VlanDefaults,
  count: number,
  existing: readonly NetworkRow[],
): readonly number[] {
  const used = new Set(existing.map(({ vlan }) => vlan))
  if (request.vlan !== undefined) {
    const vlan = wholeNumber('vlan', request.vlan, 1, LAST_VLAN)
    if (count > 1)
      throw new InvalidInput({ what: 'vlan', value: vlan, want: 'one network: give vlan_start for several' })
    if (used.has(vlan)) throw new DuplicateVlan({ vlan })
    return [vlan]
  }
  const first = wholeNumber('vlan_start', request.vlan_start ?? defaults.vlan_start, 1, LAST_VLAN)
  const free = lowestFree(first, LAST_VLAN, count, used)
  if (free.length < count) throw new NoMoreVlans({ first, last: LAST_VLAN, wanted: count, free: free.length })
  return free
}

function vpnPorts(
  request: CreateNetworksRequest,
  defaults: VlanDefaults,
  count: number,
  existing: readonly NetworkRow[],
): readonly number[] {
  const used = new Set(existing.map((network) => network.vpn_public_port))
  const first = wholeNumber('vpn_start', request.vpn_start ?? defaults.vpn_start, 1, LAST_PORT)
  const free = lowestFree(first, LAST_PORT, count, used)
  if (free.length < count) throw new NoMoreVpnPorts({ first, last: LAST_PORT, wanted: count, free: free.length })
  return free
}

/** The lowest numbers that are not used, at most `count`. */
function lowestFree(first: number, last: number, count: number, used: ReadonlySet<number | null>): readonly number[] {
  const free: number[] = []
  for (let number = first; number <= last && free.length < count; number++) if (!used.has(number)) free.push(number)
  return free
}

function refuseShared(bridge: string, count: number, existing: readonly NetworkRow[]): void {
  const other = existing.find((network) => network.bridge === bridge)
  if (other) throw new BridgeInUse({ bridge, network: other.label })
  if (count > 1)
    throw new InvalidInput({
      what: 'num_networks',
      value: count,
      want: `1, because each network needs a bridge of its own and ${bridge} is one`,
    })
}
