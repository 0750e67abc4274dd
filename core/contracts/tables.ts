/** The tables of the fact store, each with the operations that are done on it within a transaction. */
import type { EventFilter, NetworkEvent, NewEvent } from '../model/events.ts'
import type {
  FixedIpDetail,
  FixedIpRow,
  FloatingIpDetail,
  HostChangeRow,
  InstanceDetail,
  InstanceRow,
  NetworkRow,
  ServiceRow,
  Timestamps,
  VifTarget,
  VirtualInterfaceRow,
} from '../model/rows.ts'

/** A network to be made; what is in the range and not reserved is its pool. */
export interface NewNetwork extends Omit<NetworkRow, 'id' | keyof Timestamps> {
  /** First and last address of the fixed range, null for a network without IPv4. */
  readonly range: { readonly first: string; readonly last: string } | null
  /** Addresses of the range that are never handed out: network, gateway, broadcast, servers. */
  readonly reserved: readonly string[]
}

export interface NetworkTable {
  /** All, or those of the ids that are there, in order of creation. */
  list(ids?: readonly number[]): Promise<readonly NetworkRow[]>
  /** @throws {NetworkNotFound} */
  byId(id: number): Promise<NetworkRow>
  /** @throws {NetworkNotFoundForUUID} */
  byUuid(uuid: string): Promise<NetworkRow>
  /** @throws {CidrConflict} the same range exists. @throws {DuplicateVlan} */
  create(network: NewNetwork): Promise<NetworkRow>
  /** Makes others that lock or create networks wait until the transaction ends: the first thing it does, or not at all. */
  lock(): Promise<void>
  /**
   * Gives a project a network that is nobody's. Of any number of callers at once for one project all get the same one, and
   * no two projects get one network (defects-manager A11).
   * @param choice `networkId`: this one; without it the oldest with a VLAN that no instance is in. `force`: also when the
   * project has networks; without it the first of those is the answer
   * @throws {NoMoreNetworks} @throws {NetworkHasProject} it is another project's
   */
  associate(projectId: string, choice?: { readonly networkId?: number; readonly force?: boolean }): Promise<NetworkRow>
  /** Takes it from its project. */
  disassociate(id: number): Promise<void>
  /** Where its VPN server is reached; an address of null is that of the network's host. */
  setVpn(id: number, address: string | null, port: number): Promise<void>
  /**
   * Gives a network from one host (null: from none) to another; of several at once one wins (defects-manager A8).
   * @returns whether it was this
   */
  moveHost(id: number, from: string | null, to: string | null): Promise<boolean>
  /** Those of the UUIDs, in their order; one that is asked for twice comes twice. @throws {NetworkNotFoundForUUID} */
  byUuids(uuids: readonly string[]): Promise<readonly NetworkRow[]>
  /**
   * Networks of which something is on the host: its gateway, an address of the host, or a guest that is plugged in; each
   * with the address that the host has there as one of the gateways of a multi_host network.
   */
  on(host: string): Promise<readonly (NetworkRow & { readonly host_address: string | null })[]>
  /** With all its addresses. @throws {NetworkInUse} when one is held (defects-manager B6) */
  remove(id: number): Promise<void>
  /** How its pool is used, counted from rows. */
  usage(id: number): Promise<PoolUsage>
  /** The same of all networks, or of those of the ids that are there; one statement. */
  usages(ids?: readonly number[]): Promise<ReadonlyMap<number, PoolUsage>>
}

/** Numbers of addresses: `used` allocated, `held` waiting for a lease to end, `reserved` never handed out; each counts once. */
export interface PoolUsage {
  readonly used: number
  readonly held: number
  readonly reserved: number
  readonly free: number
}

/** Which fixed IPs: all conditions given must hold. */
export interface FixedIpFilter {
  readonly networkIds?: readonly number[]
  readonly virtualInterfaceIds?: readonly number[]
  readonly addresses?: readonly string[]
  readonly allocated?: boolean
  readonly leased?: boolean
  /** Of multi_host networks only those of instances on this host, and those let go whose lease its DHCP server gave. */
  readonly forHost?: string
}

export interface FixedIpTable {
  /**
   * A free or a reserved address is found too; the id of one that nobody has held yet may be 0.
   * @throws {FixedIpNotFoundForAddress} for one of no network
   */
  byAddress(address: string): Promise<FixedIpDetail>
  /** @throws {FixedIpNotFound} */
  byId(id: number): Promise<FixedIpDetail>
  /** Those that are held by somebody, in order of their numbers; free ones are never listed. */
  list(filter: FixedIpFilter): Promise<readonly FixedIpDetail[]>
  /**
   * Takes the lowest address of the network that was never used, or the one that has been free longest. Associated and
   * allocated in one statement, whatever the size of the network. @throws {NoMoreFixedIps} @throws {InstanceNotFound} when the interface is gone
   */
  claimFromPool(claim: FixedIpClaim): Promise<FixedIpRow>
  /**
   * Takes this address. @throws {FixedIpNotFoundForNetwork} @throws {FixedIpReserved}
   * @throws {FixedIpAlreadyInUse} also while a lease of a former owner lives @throws {InstanceNotFound}
   */
  claimAddress(address: string, claim: FixedIpClaim): Promise<FixedIpRow>
  /**
   * Takes an address that the pool never hands out, such as that of a VPN server.
   * @throws {FixedIpNotFoundForNetwork} also for one that is not reserved @throws {FixedIpAlreadyInUse} @throws {InstanceNotFound}
   */
  claimReserved(address: string, claim: FixedIpClaim): Promise<FixedIpRow>
  /**
   * Ends the use by its instance. One without a lease is free at once (defects-manager A5); a leased one is held until
   * `release` or `freeStale`.
   * @param instanceUuid only while this instance uses it: a late call must not take it from the next one
   * @returns the row as it is now, null when it was not allocated (any more)
   */
  deallocate(id: number, instanceUuid?: string): Promise<FixedIpRow | null>
  /**
   * `mac` has a lease: recorded only when `mac` is that of the interface that holds the address.
   * @param host whose DHCP server gave it @returns whether it was
   */
  lease(address: string, mac: string, host?: string): Promise<boolean>
  /**
   * `mac` gave its lease back: one conditional update, which a late report of a former owner does not match
   * (defects-manager A3). A deallocated address is free from then on. @returns whether it matched
   */
  release(address: string, mac: string): Promise<boolean>
  /**
   * The address that a host has in a multi_host network, taken from the pool when it has none. Any number of callers at
   * once get the same one (defects-manager A12). @throws {NoMoreFixedIps}
   */
  claimForHost(networkId: number, host: string): Promise<FixedIpRow>
  /** The addresses that hosts have in multi_host networks: of one host, or in one network. */
  ofHosts(filter: { readonly host?: string; readonly networkId?: number }): Promise<readonly FixedIpRow[]>
  /** Frees deallocated addresses of these networks that were last changed before the time. @returns them as they were */
  freeStale(networkIds: readonly number[], before: string): Promise<readonly FixedIpRow[]>
}

/** From one address to another of the same network, both included. */
export interface AddressRange {
  readonly first: string
  readonly last: string
}

/** `free`: the pool may hand it out. `reserved`: it never does. Nobody holds either. */
export type PoolKind = 'free' | 'reserved'

export interface PoolRange extends AddressRange {
  readonly network_id: number
  /** How many they are. */
  readonly addresses: number
}

/** Addresses of networks that nobody holds, as ranges: a range of any length costs a few statements and rows. */
export interface PoolTable {
  /** As few as possible, of all networks or of those of the ids, in order of networks and numbers. */
  ranges(kind: PoolKind, networkIds?: readonly number[]): Promise<readonly PoolRange[]>
  /**
   * Keeps a range out of the pool. Not a use: an address that was never used stays so.
   * @throws {FixedIpInUse} when one is held; the transaction must not go on then
   * @throws {AddressOutOfRange} when the range is not inside the network's
   */
  reserve(networkId: number, range: AddressRange): Promise<void>
  /**
   * Gives a range back to the pool.
   * @param except stay reserved @returns how many are in the pool again @throws {AddressOutOfRange}
   */
  unreserve(networkId: number, range: AddressRange, except: readonly string[]): Promise<number>
}

export interface FixedIpClaim {
  readonly networkId: number
  readonly instanceUuid: string
  readonly virtualInterfaceId: number
}

export interface FloatingIpFilter {
  readonly host?: string
  readonly projectId?: string
  readonly addresses?: readonly string[]
  /** Those that lead to these fixed IPs. */
  readonly fixedIpIds?: readonly number[]
  /** Those that lead to fixed IPs of this instance. */
  readonly instanceUuid?: string
}

/** What a floating IP must be at the moment of a change; what is omitted does not matter. */
export interface FloatingIpCondition {
  /** The project that it is allocated to. */
  readonly projectId?: string
  /** The fixed IP that it leads to, null for none. */
  readonly leadsTo?: number | null
}

export interface FloatingIpTable {
  /** All or none. @throws {FloatingIpExists} naming one that is there */
  create(
    rows: readonly { readonly address: string; readonly pool: string; readonly interface: string | null }[],
  ): Promise<void>
  /** All or none. @throws {FloatingIpNotFoundForAddress} @throws {FloatingIpInUse} naming those allocated or associated */
  remove(addresses: readonly string[]): Promise<void>
  /** @throws {FloatingIpNotFoundForAddress} */
  byAddress(address: string): Promise<FloatingIpDetail>
  /** @throws {FloatingIpNotFound} */
  byId(id: number): Promise<FloatingIpDetail>
  /** In order of creation. */
  list(filter: FloatingIpFilter): Promise<readonly FloatingIpDetail[]>
  /** Names of all pools. */
  pools(): Promise<readonly string[]>
  /** Takes the first free one of a pool for a project; one statement. @throws {NoMoreFloatingIps} */
  allocate(pool: string, projectId: string, autoAssigned: boolean): Promise<FloatingIpDetail>
  /**
   * Gives it back to the pool, as long as it is this project's: a late call must not take it from the next one.
   * @returns false when it is associated, or not (any more) allocated to the project
   */
  release(address: string, projectId: string): Promise<boolean>
  /** Leads the address to a fixed IP on a host. @returns false when it is not allocated (any more), or not as `ifIs` says */
  associate(address: string, fixedIpId: number, host: string, ifIs?: FloatingIpCondition): Promise<boolean>
  /** The floating IPs of a network's fixed IPs that one host carries are carried by another from now on. @returns their addresses */
  moveHost(networkId: number, from: string | null, to: string | null): Promise<readonly string[]>
  /**
   * The floating IPs that an instance has in multi_host networks and that one host carries are carried by another from
   * now on; null is no host. @returns their addresses
   */
  moveInstance(instanceUuid: string, from: string | null, to: string | null): Promise<readonly string[]>
  /** @returns false when it was not associated, or not as `ifIs` says */
  disassociate(address: string, ifIs?: FloatingIpCondition): Promise<boolean>
}

export interface VirtualInterfaceTable {
  /** @returns null when the MAC address is taken */
  create(vif: {
    readonly uuid: string
    readonly address: string
    readonly network_id: number
    readonly instance_uuid: string
  }): Promise<VirtualInterfaceRow | null>
  byId(id: number): Promise<VirtualInterfaceRow | null>
  /** The interface that has this MAC address. */
  byMac(address: string): Promise<VirtualInterfaceRow | null>
  /** In order of creation. */
  list(filter: {
    readonly instanceUuid?: string
    readonly ids?: readonly number[]
    /** Those of instances on this host that are plugged in. */
    readonly pluggedOn?: string
  }): Promise<readonly VirtualInterfaceRow[]>
  /** Records what it is plugged into; all null to clear. */
  setTarget(
    id: number,
    target: Pick<VirtualInterfaceRow, 'target_kind' | 'target' | 'device' | 'guest_device'>,
  ): Promise<void>
  /** Of the interfaces that are plugged in on the host, exactly these have nothing to be plugged into. */
  setMissing(host: string, ids: readonly number[]): Promise<void>
  /** The interface, if any, of an instance on `host` that is plugged into the target; a namespace may hold several guest devices. */
  byTarget(host: string, target: VifTarget, guestDevice: string | null): Promise<VirtualInterfaceRow | null>
  remove(ids: readonly number[]): Promise<void>
}

export interface InstanceTable {
  /** @throws {InstanceNotFound} */
  byUuid(uuid: string): Promise<InstanceDetail>
  /** In order of creation. */
  list(filter: { readonly projectId?: string; readonly host?: string }): Promise<readonly InstanceDetail[]>
  /** Makes others that lock or ensure the same one wait until the transaction ends; nothing for one that is not there. */
  lock(uuid: string): Promise<void>
  /** Records that it runs on another host. */
  setHost(uuid: string, host: string): Promise<void>
  /** Makes the row unless it is there. Others that ensure the same one wait until the transaction ends. */
  ensure(instance: Omit<InstanceRow, keyof Timestamps>): Promise<void>
  remove(uuid: string): Promise<void>
}

export interface ServiceTable {
  /** Heartbeat: makes or renews the row. */
  report(row: ServiceRow): Promise<void>
  /** In order of the names. */
  list(): Promise<readonly ServiceRow[]>
}

/** What projects use, counted from the rows that they use: a number that is kept beside them would drift. */
export interface ProjectTable {
  /**
   * Makes others that lock the same project wait until the transaction ends, so that what is counted now is true when
   * it is committed. To be taken after the lock of an instance, before an address is.
   */
  lock(projectId: string): Promise<void>
  /** Fixed IPs that are allocated to instances of the project. */
  fixedIps(projectId: string): Promise<number>
  /** Floating IPs that the project has, without those that were assigned by themselves. */
  floatingIps(projectId: string): Promise<number>
}

/** A table that readers follow by number: see `model/feed.ts`. */
export interface FeedTable {
  /** The position before the oldest row that is kept, and the one of the newest that is from before the time. */
  positions(before: string): Promise<{ readonly oldest: number; readonly settled: number }>
  /** Forgets rows from before the time, `limit` at most and never the newest. @returns how many */
  forget(before: string, limit: number): Promise<number>
}

export interface HostChangeTable extends FeedTable {
  /** Notes, as part of the transaction, that these owners want something else of the host from now on. */
  record(host: string, owners: readonly string[]): Promise<void>
  /** Changes of a host after a position, in order, at most `limit`. */
  after(host: string, id: number, limit: number): Promise<readonly HostChangeRow[]>
}

export interface EventTable extends FeedTable {
  /** As part of the transaction; one statement. */
  append(events: readonly NewEvent[]): Promise<void>
  /** Events after a position, in order, at most `limit`. */
  after(id: number, limit: number, filter: EventFilter): Promise<readonly NetworkEvent[]>
  /** All that is kept of an address, in order. */
  ofAddress(address: string): Promise<readonly NetworkEvent[]>
}
