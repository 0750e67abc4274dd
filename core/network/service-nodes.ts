/** What a process serves, in the seed's terms, and whether it lives. Pure. */
import type { HostSummary } from '../contracts/network-operations.ts'
import type { ServiceRow } from '../model/rows.ts'

/** A node of the seed's picture, and the slots whose plugins make a process one: all others than `noop`. */
export const SERVICE_NODES = {
  /** NAT of floating IPs and the firewall. */
  RoutingNode: ['l3_lib', 'firewall_driver'],
  /** DHCP. */
  AddressingNode: ['dhcp_driver'],
  /** Devices that guests are plugged into. */
  BridgingNode: ['network_driver'],
} as const

/** Forwards VPNs: a RoutingNode where networks have VPN servers. */
const TUNNELING = 'TunnelingNode'
const MANAGERS_WITH_VPN = ['vlan']

/** Writes the facts: it has a store. */
export const CONTROLLER = 'NetworkController'

/** @param plugins names of the selected plugins by slot @param controls whether the process has a store */
export function nodesOf(plugins: Readonly<Record<string, string>>, controls: boolean): readonly string[] {
  const served = Object.entries(SERVICE_NODES)
    .filter(([, slots]) => slots.every((slot) => (plugins[slot] ?? 'noop') !== 'noop'))
    .flatMap(([node]) => (node === 'RoutingNode' && forwardsVpns(plugins) ? [node, TUNNELING] : [node]))
  return controls ? [CONTROLLER, ...served] : served
}

function forwardsVpns({ network_manager = '' }: Readonly<Record<string, string>>): boolean {
  return MANAGERS_WITH_VPN.includes(network_manager)
}

/** True for what can be the gateway or the DHCP server of a network. */
export function servesNetworks(nodes: readonly string[]): boolean {
  return nodes.includes('RoutingNode') || nodes.includes('AddressingNode')
}

/** @param downSeconds without a heartbeat for so long a service counts as down */
export function stateOf(row: ServiceRow, nowMs: number, downSeconds: number): HostSummary {
  const { host, version, started_at, reported_at, busy_since } = row
  const down = reported_at < new Date(nowMs - downSeconds * 1000).toISOString()
  const state = down ? 'down' : busy_since === null ? 'up' : 'busy'
  const since = { up: started_at, busy: busy_since ?? started_at, down: reported_at }[state]
  const nodes = row.nodes === '' ? [] : row.nodes.split(',')
  return { host, state, since, nodes, version, started_at, reported_at }
}
