/**
 * The facts, one record type a table; keys are the columns, as deployers know them from nova. Timestamps are ISO 8601
 * text in UTC with milliseconds: it sorts, and every database keeps it as it is. `null` is "no value".
 */

export interface Timestamps {
  readonly created_at: string
  /** Set by every change; null on a row that was never changed since it was made. */
  readonly updated_at: string | null
}

export interface NetworkRow extends Timestamps {
  readonly id: number
  readonly uuid: string
  readonly label: string
  readonly injected: boolean
  readonly cidr: string | null
  readonly cidr_v6: string | null
  readonly netmask: string | null
  readonly netmask_v6: string | null
  readonly gateway: string | null
  readonly gateway_v6: string | null
  readonly broadcast: string | null
  readonly bridge: string | null
  readonly bridge_interface: string | null
  readonly multi_host: boolean
  readonly dns1: string | null
  readonly dns2: string | null
  readonly vlan: number | null
  readonly vpn_public_address: string | null
  readonly vpn_public_port: number | null
  readonly vpn_private_address: string | null
  /** The first address that DHCP may hand out. */
  readonly dhcp_start: string | null
  readonly rxtx_base: number | null
  /** The owner; null is shared. */
  readonly project_id: string | null
  readonly priority: number | null
  /** The network host; null until one takes the network, and with `multi_host`. */
  readonly host: string | null
  readonly mtu: number | null
  /** Null reads as `gateway`. */
  readonly dhcp_server: string | null
  readonly enable_dhcp: boolean
  readonly share_address: boolean
}

export interface InstanceRow extends Timestamps {
  readonly uuid: string
  readonly project_id: string
  /** The machine it runs on. */
  readonly host: string
  readonly hostname: string
  readonly rxtx_factor: number | null
}

/** Where a virtual interface is plugged in: an end of a veth pair in a network namespace, or a tap. */
export interface VifTarget {
  readonly kind: 'netns' | 'tap'
  /** The namespace's name, or the tap's. */
  readonly name: string
}

export interface VirtualInterfaceRow extends Timestamps {
  readonly id: number
  readonly uuid: string
  /** The MAC address, unique over all. */
  readonly address: string
  readonly network_id: number
  readonly instance_uuid: string
  /** What it is plugged into; the four are set together by attach and cleared by detach. */
  readonly target_kind: VifTarget['kind'] | null
  readonly target: string | null
  /** The device on the host. */
  readonly device: string | null
  /** The name of the guest's end inside its namespace. */
  readonly guest_device: string | null
  /** Since when its host has found nothing of that name to plug it into; null while it does. */
  readonly missing_since: string | null
}

export interface FixedIpRow extends Timestamps {
  readonly id: number
  readonly address: string
  readonly network_id: number
  readonly virtual_interface_id: number | null
  /** Associated when not null. */
  readonly instance_uuid: string | null
  /** In use by its instance. */
  readonly allocated: boolean
  /** A guest holds a DHCP lease on it. */
  readonly leased: boolean
  /** The MAC address that holds the lease: a late release by a former owner does not match (defects-manager A3). */
  readonly lease_mac: string | null
  /** The host whose DHCP server gave the lease: it is the one that can end it (defects-manager H1). */
  readonly lease_host: string | null
  /** Never handed out by the pool. */
  readonly reserved: boolean
  /** Set when it is the gateway of a multi_host host. */
  readonly host: string | null
}

export interface FloatingIpRow extends Timestamps {
  readonly id: number
  readonly address: string
  readonly fixed_ip_id: number | null
  /** Null is not allocated. */
  readonly project_id: string | null
  /** The host that carries the NAT rules. */
  readonly host: string | null
  readonly auto_assigned: boolean
  readonly pool: string
  readonly interface: string | null
}

/** A domain of DNS that netloom knows. */
export interface DnsDomainRow extends Timestamps {
  readonly domain: string
  /** `private`: names of instances, in one zone. `public`: names of floating IPs. */
  readonly scope: 'private' | 'public'
  /** Of a private one. */
  readonly availability_zone: string | null
  /** Of a public one: who may use it; null is everybody. */
  readonly project_id: string | null
}

/** "What DNS says of this address may have to change": it is there until that is done. */
export interface DnsChangeRow {
  readonly id: number
  readonly kind: 'fixed' | 'floating'
  readonly address: string
  readonly created_at: string
}

/** One running or former service. */
export interface ServiceRow {
  readonly host: string
  readonly version: string
  /** What it serves, in the seed's terms, separated by commas: see `SERVICE_NODES`. */
  readonly nodes: string
  readonly started_at: string
  /** The last heartbeat. */
  readonly reported_at: string
  /** Since when its work has kept it from answering; null while it answers. */
  readonly busy_since: string | null
}

/** A heartbeat: whoever writes the row puts the time, so that the clocks of hosts without a store do not matter. */
export type ServiceReport = Omit<ServiceRow, 'reported_at'>

/** "What this owner wants of this host has changed": hosts that missed a message read them (lessons G2). */
export interface HostChangeRow {
  /** Rises with every change. */
  readonly id: number
  readonly host: string
  /** See `network/owners.ts`; `*` is everything of the host. */
  readonly owner: string
  readonly created_at: string
}

/** A fixed IP with what DHCP, NAT and NetworkInfo need to know of it, from one read. */
export interface FixedIpDetail extends FixedIpRow {
  readonly mac: string | null
  readonly hostname: string | null
  readonly instance_host: string | null
  readonly project_id: string | null
  /** It is on the first interface of its instance, the one that was made first; false for one that no instance has. */
  readonly default_route: boolean
}

/** A floating IP with the fixed IP that it leads to, from one read. */
export interface FloatingIpDetail extends FloatingIpRow {
  readonly fixed_address: string | null
  readonly instance_uuid: string | null
  readonly network_id: number | null
}

/** An interface with the UUID of its network. */
export interface VirtualInterfaceDetail extends VirtualInterfaceRow {
  readonly network_uuid: string
}

/** An instance with its interfaces and addresses, from one read; interfaces in order of creation. */
export interface InstanceDetail extends InstanceRow {
  readonly virtual_interfaces: readonly (VirtualInterfaceDetail & {
    readonly fixed_ips: readonly { readonly address: string; readonly floating_ips: readonly string[] }[]
  })[]
}
