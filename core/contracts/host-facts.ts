/**
 * Where a host learns what it is to look like, and tells what happened on it. A host with a store reads there; one
 * without asks a controller over the bus. All of it is plain JSON, as it crosses the bus.
 */
import type { FixedIpDetail, FloatingIpDetail, NetworkRow, ServiceReport, VirtualInterfaceRow } from '../model/rows.ts'
import type { AttachRequest } from './network-operations.ts'

/** What a kind of manager does on its hosts. */
export interface Topology {
  /** Makes the network's devices, gateway, NAT and metadata; false leaves the host to its operator. */
  readonly managesHost: boolean
  /** Serves DHCP. */
  readonly dhcp: boolean
}

/** One consistent picture of the facts that decide what a host looks like. */
export interface HostView {
  readonly host: string
  readonly topology: Topology
  /** Networks of which something is on the host. */
  readonly networks: readonly NetworkRow[]
  /** The addresses that the host has in multi_host networks. */
  readonly hostAddresses: readonly { readonly network_id: number; readonly address: string }[]
  /** Those of the networks that are to be planned. */
  readonly plannedNetworkIds: readonly number[]
  /** Those whose leases are to be planned; the host serves them. */
  readonly leasePlannedNetworkIds: readonly number[]
  /** Allocated addresses with their interfaces, of guests whose DHCP server is on the host. */
  readonly guests: readonly FixedIpDetail[]
  /** Leased addresses, also deallocated ones. */
  readonly leases: readonly FixedIpDetail[]
  /** Interfaces that are plugged in on the host. */
  readonly ports: readonly VirtualInterfaceRow[]
  /** Addresses of those interfaces that get them without DHCP. */
  readonly injected: readonly FixedIpDetail[]
  /** Floating IPs that the host carries. */
  readonly floatingIps: readonly FloatingIpDetail[]
}

/** Changes of the facts of one host after a position. */
export interface HostChanges {
  /** In order; the position of each, and the owner whose facts changed (`*`: all). */
  readonly changes: readonly { readonly id: number; readonly owner: string }[]
  /** There are others after them. */
  readonly more: boolean
  /** No transaction that may yet add a change up to this position is open any more. */
  readonly settled: number
  /** Some that came after the asked position are forgotten: everything has to be read again. */
  readonly forgotten: boolean
}

/** What the report of a lease, or of its end, did. */
export interface LeaseOutcome {
  /** It was the report of who holds the address now. */
  readonly matched: boolean
  /** Null: the address is of no network. */
  readonly network: NetworkRow | null
}

/** An interface as it is plugged in now. */
export interface Plugged {
  readonly vif: VirtualInterfaceRow
  /** It was plugged into the same before. */
  readonly repeated: boolean
}

export interface HostFacts {
  /** @param owners whose facts; null: all of the host */
  view(owners: readonly string[] | null): Promise<HostView>
  /** @param position null: no changes, only where they are settled now */
  changesAfter(position: number | null): Promise<HostChanges>
  recordLease(address: string, mac: string): Promise<LeaseOutcome>
  recordRelease(address: string, mac: string): Promise<LeaseOutcome>
  /**
   * Stores what an interface is plugged into.
   * @throws {InstanceNotFound} @throws {VirtualInterfaceAttached} @throws {AttachmentTargetInUse} @throws {NotOnThisHost}
   */
  plug(request: AttachRequest): Promise<Plugged>
  unplug(vifId: number): Promise<void>
  /** @returns the interfaces that were plugged in, as they were. @throws {InstanceNotFound} @throws {NotOnThisHost} */
  unplugInstance(instanceUuid: string): Promise<readonly VirtualInterfaceRow[]>
  /** Exactly these of the interfaces on the host have nothing to be plugged into: their guests have vanished. */
  reportMissing(vifIds: readonly number[]): Promise<void>
  /** Heartbeat. */
  report(row: ServiceReport): Promise<void>
}
