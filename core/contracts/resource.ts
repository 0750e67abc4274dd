/**
 * The vocabulary in which plugins say what a host should look like: plain data, no tool's syntax. An *owner* says
 * whose fact a resource is (`host`, `network:7`, `vif:12`, `floating:203.0.113.9`); what an owner contributes is
 * replaced whole, so saying it twice is saying it once.
 */

/** The end of a veth pair in a network namespace. What is set inside is not looked at again: it is the guest's. */
export interface GuestEnd {
  readonly name: string
  readonly netns: string
  readonly macAddress: string
  /** Addresses with their prefix lengths, for a guest that gets none by DHCP. */
  readonly addresses?: readonly string[]
  /** Where its default route leads. */
  readonly gateway?: string
}

export interface LinkResource {
  readonly kind: 'link'
  readonly name: string
  /** `existing` is never made nor deleted, only enslaved: it must be there. `internal` comes and goes with its `ovs-port`. */
  readonly type: 'bridge' | 'vlan' | 'veth' | 'tap' | 'internal' | 'existing'
  readonly macAddress?: string
  readonly mtu?: number
  /** Of a VLAN: the device that carries it, and its id, 1 to 4094. Neither can be changed: with another it is another link. */
  readonly parent?: string
  readonly vlanId?: number
  /** Of a bridge: its ports are apart by VLAN, and a new one is on none. One of others that is so is taken as it is. */
  readonly vlanFiltering?: boolean
  /** The bridge it is a port of. */
  readonly master?: string
  /** A bridge port that sends frames back where they came from: a guest reaches its own floating IP (nova linux_net). */
  readonly hairpin?: boolean
  /** The guest's end of a veth pair. */
  readonly peer?: GuestEnd
  /** Never deleted, even when netloom made it and nobody wants it any more. */
  readonly keep?: boolean
  /** Only seen, never wanted: it is not up, and its other attributes are not told. */
  readonly down?: boolean
}

export interface AddressResource {
  readonly kind: 'address'
  readonly device: string
  /** Address and prefix length, such as `10.0.0.1/24`. */
  readonly cidr: string
  readonly broadcast?: string
  readonly scope?: 'link'
  /** Tell the neighbours (gratuitous ARP) when it is bound; nobody waits for it. */
  readonly announceCount?: number
}

export interface SysctlResource {
  readonly kind: 'sysctl'
  /** Dotted, such as `net.ipv4.ip_forward`. Never set back: others may have come to rely on it. */
  readonly key: string
  readonly value: string
  /** The kernel module that brings it, loaded where it is missing; passed over on a kernel that has neither. */
  readonly module?: string
  /** It makes the host a router of IPv6: devices of others that took router advertisements go on doing so (lessons F1). */
  readonly keepsAdvertisedRoutes?: boolean
}

export interface FileResource {
  readonly kind: 'file'
  readonly path: string
  readonly content: string
  readonly mode: number
  /** The daemon that must read again when the file changed or went. */
  readonly reloads?: string
  /** One that others made is left as it is. */
  readonly keepsOthers?: boolean
  /** The daemon sees a new file by itself: no reload when it is added. */
  readonly addedIsSeen?: boolean
}

export interface DaemonResource {
  readonly kind: 'daemon'
  readonly name: string
  /** Exactly what runs; another vector than the running one means a restart (defects-linux-net D3, D15). */
  readonly argv: readonly [string, ...string[]]
  readonly environment: Readonly<Record<string, string>>
  readonly pidFile: string
}

/** A port of a bridge, or with `self` the bridge itself, is on a VLAN. Only of a bridge with `vlanFiltering`. */
export interface PortVlanResource {
  readonly kind: 'port-vlan'
  readonly device: string
  /** 1 to 4094. */
  readonly vlanId: number
  /** Its frames come and go without a tag: of one VLAN at most. */
  readonly untagged?: boolean
  readonly self?: boolean
}

/** A port of an Open vSwitch bridge, which is the operator's and must be there. Outlives a boot of the machine. */
export interface OvsPortResource {
  readonly kind: 'ovs-port'
  /** Its name, which is its device's too. */
  readonly name: string
  readonly bridge: string
  /** The switch makes the device, a link of type `internal`, and takes it away with the port. */
  readonly internal?: boolean
  /** Its VLAN, 1 to 4094; without one it is a trunk of all. */
  readonly tag?: number
  /** Of an internal port: without it the switch gives it the least of the bridge. */
  readonly mtu?: number
  /** Others than these may be there as well. */
  readonly externalIds: Readonly<Record<string, string>>
}

/** A rule of an Open vSwitch bridge for frames. It ends with the switch's process. */
export interface OvsFlowResource {
  readonly kind: 'ovs-flow'
  readonly bridge: string
  /** 0 to 65535; the highest that matches counts. */
  readonly priority: number
  /** Fields as in ovs-fields(7), such as `udp` and `tp_dst=67`, in any order. */
  readonly match: readonly string[]
  readonly actions: 'drop' | 'normal'
}

/** An address of a device. `words` and `label` are the host driver's own: nobody else reads them. */
export interface CarriedAddress {
  readonly cidr: string
  readonly words: string
  /** What follows the name of the device in its label. */
  readonly label?: string
}

/** A route that leads out of a device. `words` and `hops` are the host driver's own. */
export interface CarriedRoute {
  readonly destination: string
  readonly words: string
  /** Of a route with several next hops: what comes before and after the name of the device. */
  readonly hops?: readonly { readonly before: string; readonly after: string }[]
}

/** What a device carries that netloom did not give it; neither what the kernel makes of it by itself nor link-local IPv6. */
export interface Carried {
  readonly addresses: readonly CarriedAddress[]
  readonly routes: readonly CarriedRoute[]
  /** Why it cannot be moved. */
  readonly obstacle?: string
}

/**
 * What an operator's device carries belongs on the bridge that it is a port of, and back on the device when that is no
 * longer so. Source: nova linux_net.LinuxBridgeInterfaceDriver.ensure_bridge.
 */
export interface HandoverResource {
  readonly kind: 'handover'
  readonly device: string
  readonly bridge: string
  /** An address that must answer when all was moved, or all goes back. */
  readonly peer?: string
  /** Only seen: the device's MAC address, which the bridge was made with. */
  readonly macAddress?: string
  /** In a step only: what is moved. */
  readonly carried?: Carried
}

export type HostResource =
  | LinkResource
  | AddressResource
  | SysctlResource
  | FileResource
  | DaemonResource
  | PortVlanResource
  | OvsPortResource
  | OvsFlowResource
  | HandoverResource

/** What the packet filter must do; the firewall driver renders it. `device: null` is any device. */
export type PacketIntent =
  | {
      readonly kind: 'one-to-one-nat'
      readonly publicAddress: string
      readonly fixedAddress: string
      readonly device: string | null
    }
  /** `destination`: only what goes there. */
  | {
      readonly kind: 'source-nat'
      readonly cidr: string
      readonly to: string
      readonly device: string | null
      readonly destination?: string
    }
  /** Traffic from `cidr` that keeps its source: `undnatted` only when no floating IP was translated on the way. */
  | {
      readonly kind: 'nat-exemption'
      readonly cidr: string
      readonly destination: string
      readonly undnatted?: boolean
    }
  | {
      readonly kind: 'port-forward'
      readonly address: string
      readonly protocol: 'tcp' | 'udp'
      readonly port: number
      readonly to: string
      readonly toPort: number
      readonly local?: boolean
    }
  | {
      readonly kind: 'accept'
      readonly path: 'input' | 'forward'
      readonly device?: string
      readonly destination?: string
      readonly protocol: 'tcp' | 'udp'
      readonly port: number
    }
  /** What the host hears on the device of these types of ICMPv6; nothing where IPv6 is not served. Source: RFC 4861. */
  | { readonly kind: 'accept-icmpv6'; readonly device: string; readonly types: readonly number[] }
  /**
   * `peers`: with them and within the device alone, all else is dropped; absent: with any. Only of `accept`. `within`: from
   * port to port of a bridge, which the packet filter sees only with br_netfilter; of all else nothing is said.
   */
  | {
      readonly kind: 'forwarding'
      readonly device: string
      readonly verdict: 'accept' | 'drop' | 'within'
      readonly peers?: readonly string[]
    }
  | { readonly kind: 'checksum-fill'; readonly device: string }

export type Resource = HostResource | PacketIntent

/** All that one owner wants of the host. */
export interface Contribution {
  readonly owner: string
  readonly resources: readonly Resource[]
}

export type StepVerb = 'add' | 'change' | 'remove'

/** One difference between what is wanted and what is there. */
export interface Step {
  readonly verb: StepVerb
  readonly owner: string
  /** What is wanted; for `remove` what is there. */
  readonly resource: HostResource
}

/** A resource that is on the host. `ours`: netloom made it, so netloom may take it away. */
export interface ObservedResource {
  readonly resource: HostResource
  readonly ours: boolean
}

/** What a host looks like, as far as netloom cares; keys are `resourceKey`s. */
export interface HostState {
  readonly resources: ReadonlyMap<string, ObservedResource>
  /** Names of the network namespaces that are there: a guest's port waits for its namespace. */
  readonly namespaces: ReadonlySet<string>
  /** Keys of kernel settings that could not be made, as their module is not there. */
  readonly lacking?: ReadonlySet<string>
  /**
   * Open vSwitch bridges that are there, and whether the kernel passes frames or a process; null when it did not answer,
   * undefined when nothing of it was wanted and so it was not looked at.
   */
  readonly ovsBridges?: ReadonlyMap<string, 'system' | 'netdev'> | null
  /** By device: what it carries that is to be moved; null: nothing. Not there: not looked at. */
  readonly carried?: ReadonlyMap<string, Carried | null>
}

const INTENTS = [
  'one-to-one-nat',
  'source-nat',
  'nat-exemption',
  'port-forward',
  'accept',
  'accept-icmpv6',
  'forwarding',
  'checksum-fill',
]

/** True for what the firewall driver renders, false for what the host driver makes. */
export function isPacketIntent(resource: Resource): resource is PacketIntent {
  return INTENTS.includes(resource.kind)
}

/** The identity of a resource on its host: two with the same key are the same thing. */
export function resourceKey(resource: HostResource): string {
  switch (resource.kind) {
    case 'link':
      return `link ${resource.name}`
    case 'address':
      return `address ${resource.cidr} ${resource.device}`
    case 'sysctl':
      return `sysctl ${resource.key}`
    case 'file':
      return `file ${resource.path}`
    case 'daemon':
      return `daemon ${resource.pidFile}`
    case 'port-vlan':
      return `port-vlan ${resource.device} ${resource.vlanId}`
    case 'ovs-port':
      return `ovs-port ${resource.name}`
    case 'ovs-flow':
      return `ovs-flow ${resource.bridge} ${resource.priority} ${resource.match.toSorted().join(',')}`
    case 'handover':
      return `handover ${resource.device}`
  }
}
