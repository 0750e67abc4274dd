/** Requests and answers of the manager's operations, as they cross the bus: JSON, keys as the original's arguments. */
import type { FixedIpDetail, FloatingIpDetail, NetworkRow } from '../model/rows.ts'

/** Source: nova/network/manager.py create_networks; what is omitted gets the flags' defaults. */
export interface CreateNetworksRequest {
  readonly label?: string
  readonly cidr?: string
  readonly cidr_v6?: string
  readonly num_networks?: number
  readonly network_size?: number
  readonly multi_host?: boolean
  readonly gateway?: string
  readonly gateway_v6?: string
  readonly bridge?: string
  readonly bridge_interface?: string
  readonly dns1?: string
  readonly dns2?: string
  readonly fixed_cidr?: string
  readonly allowed_start?: string
  readonly allowed_end?: string
  readonly vlan?: number
  readonly vlan_start?: number
  readonly vpn_start?: number
  readonly project_id?: string
  readonly uuid?: string
  readonly mtu?: number
  readonly dhcp_server?: string
}

/** What is to be changed of a network; null disassociates it. Source: nova-manage network modify. */
export interface NetworkChanges {
  readonly host?: string | null
  readonly project_id?: string | null
}

/** Source: nova-manage vpn change. */
export interface ChangeVpnRequest {
  readonly project_id: string
  /** Null: the `vpn_ip` of the host that serves the network. */
  readonly address: string | null
  /** Of the first network of the project; the next ones get the ports after it. */
  readonly port: number
}

export interface RequestedNetwork {
  readonly uuid: string
  readonly address?: string
}

/** Source: nova/network/manager.py allocate_for_instance. */
export interface AllocateRequest {
  readonly instance_uuid: string
  readonly project_id: string
  /** The host that the instance runs on; default: the host that answers. */
  readonly host?: string
  readonly hostname?: string
  readonly rxtx_factor?: number
  /** In the order in which the guest gets its interfaces; default: all networks that the project may use. */
  readonly requested_networks?: readonly RequestedNetwork[]
  /** MAC addresses to use, in order. */
  readonly macs?: readonly string[]
  readonly vpn?: boolean
}

export interface AttachRequest {
  readonly instance_uuid: string
  /** Which interface, from 0. */
  readonly vif?: number
  readonly target: { readonly kind: 'netns' | 'tap'; readonly name: string }
}

/** What `attach` did. `guest_device` is null for a tap: the guest names it. */
export interface Attachment {
  readonly instance_uuid: string
  readonly mac: string
  readonly device: string
  readonly guest_device: string | null
  readonly target: string
}

export interface Lease {
  readonly address: string
  readonly mac: string
  readonly hostname: string | null
  readonly instance_uuid: string | null
  readonly network: string
  /** False for one whose address is deallocated and waits for the lease to end. */
  readonly allocated: boolean
}

export interface NetworkSummary extends NetworkRow {
  readonly addresses: { readonly used: number; readonly held: number; readonly reserved: number; readonly free: number }
}

/**
 * What an address of a network is, each exactly one: the network's own, `used` by an instance, `held` until the lease of
 * a former one ends, `reserved` by an operator, or `free` (lessons A9).
 */
export type FixedIpState = 'network' | 'gateway' | 'broadcast' | 'used' | 'held' | 'reserved' | 'free'

/** Who holds an address; since when it is so is `updated_at`, null for one that nobody has held yet. */
export interface FixedIpSummary
  extends Omit<FixedIpDetail, 'id' | 'network_id' | 'virtual_interface_id' | 'default_route'> {
  /** Null for an address that nobody has held yet. */
  readonly id: number | null
  readonly state: FixedIpState
  /** The label of its network. */
  readonly network: string
  readonly network_uuid: string
}

/** Addresses of a network that are free, from one to another. */
export interface FreeRange {
  readonly network: string
  readonly network_uuid: string
  readonly first: string
  readonly last: string
  /** How many they are. */
  readonly addresses: number
}

/** What an instance has, short enough for a line of a table. */
export interface InstanceSummary {
  readonly uuid: string
  readonly hostname: string
  readonly project_id: string
  readonly host: string
  readonly virtual_interfaces: readonly {
    readonly mac: string
    readonly network: string
    readonly fixed_ips: readonly string[]
    readonly floating_ips: readonly string[]
    readonly attached_to: string | null
    /** Since when that is not on its host; null: it is, or nothing is known to the contrary. */
    readonly missing_since: string | null
  }[]
}

/** What addresses instances are looked for by; `ip`, `ip6` and `name` are regular expressions that match from the beginning on. */
export interface IpFilter {
  /** IPv4, fixed or floating. */
  readonly ip?: string
  readonly ip6?: string
  /** Exactly this fixed IP. */
  readonly fixed_ip?: string
  /** The hostname of the instance. */
  readonly name?: string
}

export interface InstanceAddress {
  readonly instance_uuid: string
  readonly ip: string
}

/** Floating IPs to be made; what is omitted are the flags floating_range and default_floating_pool. */
export interface FloatingIpRange {
  /** One address, or a block without its network and broadcast address. */
  readonly range?: string
  readonly pool?: string
  /** The device that carries them. */
  readonly interface?: string
}

/** An instance moves from one host to another. */
export interface MigrationRequest {
  readonly instance_uuid: string
  /** Default: the host that it is recorded on. */
  readonly source?: string
  readonly dest: string
}

export type FloatingIpSummary = Omit<FloatingIpDetail, 'network_id'>

/** Which events, all conditions given must hold; a tenant gets those of its project. */
export interface EventsRequest {
  /** After which event, 0: from the oldest on, null: none, only where they are settled now. See `FeedReader`. */
  readonly position: number | null
  /** A kind, or the beginning of some up to a dot: `network.floating_ip`. */
  readonly type?: string
  readonly project_id?: string
  readonly instance_uuid?: string
  readonly address?: string
  /** Not before this time (ISO 8601). */
  readonly since?: string
}

export interface HostSummary {
  readonly host: string
  /** `busy`: it lives, but its work keeps it from answering; `down`: no heartbeat for `service_down_time`. */
  readonly state: 'up' | 'busy' | 'down'
  /** When it began to be so. */
  readonly since: string
  /** What it serves: RoutingNode, AddressingNode, BridgingNode, NetworkController. */
  readonly nodes: readonly string[]
  readonly version: string
  readonly started_at: string
  readonly reported_at: string
}

/** One difference between what a host should look like and what it looks like. */
export interface PlanEntry {
  readonly verb: 'add' | 'change' | 'remove'
  readonly owner: string
  readonly kind: string
  /** For people, one line. */
  readonly text: string
}

export interface PlanReport {
  readonly host: string
  readonly entries: readonly PlanEntry[]
  /** What cannot be done now and why, such as a guest whose namespace is not there. */
  readonly waiting: readonly { readonly owner: string; readonly text: string }[]
}

/** What `reconcile` did: what was to be done, and what of it failed. */
export interface ReconcileReport extends PlanReport {
  readonly failures: readonly { readonly owner: string; readonly message: string }[]
}
