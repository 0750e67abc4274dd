/** What plugins of a network host implement. All but `HostDriver.observe`, `read` and `run` is pure. */
import type { FixedIpDetail, NetworkRow, VifTarget, VirtualInterfaceRow } from '../model/rows.ts'
import type { Command } from './ports.ts'
import type { Contribution, DaemonResource, HostResource, HostState, Resource, Step } from './resource.ts'

/** `network_driver`: how a network reaches the wire. Source: nova linux_net.LinuxNetInterfaceDriver. */
export interface LinuxNetInterfaceDriver {
  /** The device that carries the network's gateway. Pure: only the name. */
  getDev(network: NetworkRow): string
  /**
   * The devices of the network on this host.
   * @param macAddress of the gateway device, stable for the network on this host
   * @param gateway false: serve DHCP but do not forward
   */
  plug(network: NetworkRow, macAddress: string, gateway: boolean): readonly Resource[]
  /**
   * Names of devices that go when the network leaves this host; only ones that `plug` makes. One that several networks
   * share is named by each of them, who want it alike, and goes with the last.
   */
  unplug(network: NetworkRow): readonly string[]
  /** One guest's port. */
  attach(
    network: NetworkRow,
    vif: VirtualInterfaceRow,
    target: VifTarget,
    guestDevice: string | null,
  ): readonly Resource[]
}

/** A floating IP that this host carries. */
export interface FloatingBinding {
  readonly publicAddress: string
  readonly fixedAddress: string
  /** The interface stored with the floating IP; null: the driver's own choice. */
  readonly interface: string | null
}

/** `l3_lib`: forwarding, NAT, metadata and floating IPs. Source: nova/network/l3.py. */
export interface L3Driver {
  /** What the host needs before any network. */
  initialize(): readonly Resource[]
  /** The network's gateway on `device`. `address`: the gateway or DHCP server address of this host, null: none. */
  initializeGateway(network: NetworkRow, device: string, address: string | null): readonly Resource[]
  addFloatingIp(binding: FloatingBinding): readonly Resource[]
  /** Leads the public port of a network's VPN server to it, on the host that is its gateway. Nothing for one without. */
  addVpn?(network: NetworkRow): readonly Resource[]
  /** Commands, run after the rules are gone, that end the flows of this pair and of no other (defects-linux-net F2, F3). */
  forgetConnections(binding: FloatingBinding): readonly Command[]
}

/** `dhcp_driver`. Source: nova linux_net update_dhcp, restart_dhcp, release_dhcp. */
export interface DhcpDriver {
  /** The server for a network: its daemon, files, firewall openings. */
  serve(network: NetworkRow, device: string, serverAddress: string): readonly Resource[]
  /** One guest's entry. */
  host(network: NetworkRow, device: string, fixedIp: FixedIpDetail): readonly Resource[]
  /** What the server reads at its start, so that it knows leases from before. */
  leaseFile(network: NetworkRow, device: string, leased: readonly FixedIpDetail[]): readonly Resource[]
  /** Ends a lease at once; the server then reports it as given back. */
  release(device: string, address: string, mac: string): readonly Command[]
}

/** `ra_driver`: tells guests by IPv6 router advertisements who they are. Source: nova linux_net.update_ra; RFC 4861. */
export interface RouterAdvertDriver {
  /**
   * What advertises the network's prefix on `device`, on a host that serves it: a daemon, files, firewall openings.
   * Nothing for a network without IPv6.
   * @param macAddress of the device: see `LinuxNetInterfaceDriver.plug`
   * @param forwards false: guests learn the prefix, but this host leads nowhere
   */
  serve(network: NetworkRow, device: string, macAddress: string, forwards: boolean): readonly Resource[]
}

/** One action on the host. `owners`: on whose behalf. Order between kinds is the reconciler's (`plan/order.ts`). */
export type Operation = { readonly owners: readonly string[] } & (
  | { readonly kind: 'batch'; readonly argv: readonly [string, ...string[]]; readonly lines: readonly BatchLine[] }
  /** All of the lines or none: after the first that fails, or when the check fails then, `undo` is run. */
  | {
      readonly kind: 'transaction'
      readonly argv: readonly [string, ...string[]]
      readonly lines: readonly string[]
      readonly undo: { readonly argv: readonly [string, ...string[]]; readonly lines: readonly BatchLine[] }
      /** Must end well before and after; `text` says what is wrong when it does not. */
      readonly check?: { readonly command: Command; readonly text: string }
    }
  | { readonly kind: 'command'; readonly command: Command; readonly background?: boolean }
  /** A change of the packet filter. `after`: what the firewall driver's reading commands would print from now on. */
  | {
      readonly kind: 'ruleset'
      readonly commands: readonly Command[]
      readonly reads: readonly Command[]
      readonly after: readonly string[]
    }
  /** What one program of an Open vSwitch does at once. */
  | {
      readonly kind: 'switch'
      readonly argv: readonly [string, ...string[]]
      readonly changes: readonly SwitchChange[]
      readonly timeoutMs: number
    }
  | { readonly kind: 'write-file'; readonly path: string; readonly content: string; readonly mode: number }
  | { readonly kind: 'remove-file'; readonly path: string }
  | {
      readonly kind: 'sysctl'
      readonly key: string
      readonly value: string
      readonly module?: string
      readonly keepsAdvertisedRoutes?: boolean
    }
  | { readonly kind: 'start-daemon'; readonly daemon: DaemonResource; readonly restart: boolean }
  | { readonly kind: 'reload-daemon'; readonly daemon: DaemonResource }
  | { readonly kind: 'stop-daemon'; readonly daemon: DaemonResource }
)

/** A line of a batch, such as `address add 10.0.0.1/24 dev br100` for `ip -force -batch -`. */
export interface BatchLine {
  readonly text: string
  readonly owner: string
  /** Parts of messages that mean "it is so already". */
  readonly harmless?: readonly string[]
}

/** The change of one thing of an Open vSwitch. */
export interface SwitchChange {
  readonly owner: string
  /** Its `resourceKey`. */
  readonly key: string
  /** More words for the program. */
  readonly words: readonly string[]
  /** A line for its standard input. */
  readonly line?: string
  /** When it fails the thing is not there, or is not of our making. */
  readonly creates: boolean
}

/** The order in which kinds of change reach the host. */
export type Phase = 'stop' | 'unbind' | 'rules' | 'bind' | 'settings' | 'files' | 'daemons' | 'actions' | 'announce'

export type PhasedOperation = Operation & { readonly phase: Phase }

/** An operation that failed, and on whose behalf it was. */
export interface OperationFailure {
  readonly owner: string
  readonly message: string
}

/** `host_driver`: the only way to look at a host and to change it. */
export interface HostDriver {
  /** Which of these programs the host lacks; keys are programs, values their Debian packages. */
  missingPrograms(programs: Readonly<Record<string, string>>): readonly string[]
  /** Why devices of this host can have no IPv6, in words that end a sentence; null when they can. Without it: they can. */
  whyNoIpv6?(): string | null
  /** Looks at links, addresses and namespaces, at what is wanted, and at what netloom made before. */
  observe(wanted: readonly HostResource[]): Promise<HostState>
  /** Standard output of each command, in order; '' for one that cannot run here. */
  read(commands: readonly Command[]): Promise<readonly string[]>
  /** Pure: the operations that make the steps true. */
  operations(steps: readonly Step[], state: HostState): readonly PhasedOperation[]
  /**
   * Remembers what is about to be made, then runs in the order given. What an owner still waits for after its first
   * failure is not run. Failures are returned, not thrown.
   */
  run(operations: readonly Operation[], steps: readonly Step[]): Promise<readonly OperationFailure[]>
}

/** `firewall_driver`: renders packet intents. Pure: the host driver reads and runs. */
export interface FirewallDriver {
  /** What to run to see the rules. */
  readonly reads: readonly Command[]
  /**
   * @param wanted the intents of all owners, in the order in which owners came
   * @param observed the output of `reads`, or the `after` of the last change
   * @returns no commands when nothing is to be done; `after`: what `reads` would print next
   */
  change(
    wanted: readonly Contribution[],
    observed: readonly string[],
  ): { readonly commands: readonly Command[]; readonly after: readonly string[] }
  /** The difference in words, a line each, for `netloom plan`. */
  describe(wanted: readonly Contribution[], observed: readonly string[]): readonly string[]
}
