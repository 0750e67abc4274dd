/**
 * `db_backend`: the fact store, in operations of the domain. What each promises holds under any number of callers in
 * any number of processes: who holds an address is decided by unique keys and one-statement claims, never by a lock of
 * this process. No caller may know whether a free address is already a row.
 */
import type { NetloomError } from '../errors/base.ts'
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
import type { DnsChangeTable, DnsDomainTable } from './dns-tables.ts'
import type { SchemaStatus } from './schema-status.ts'

export interface DatabaseDriver {
  /**
   * Connects, and makes the schema in an empty store.
   * @throws {SchemaMismatch} for any other than this program's
   * @throws {StoreUnavailable} at once when the store cannot be reached
   * @throws {ConfigInvalid} when it can, but does not let this program in
   */
  open(): Promise<void>
  /** Waits for what runs. */
  close(): Promise<void>
  /**
   * All or nothing; retried inside when the store says "conflict" or "busy" or goes away before the commit, so `work` may
   * run more than once and does no I/O of its own. Works that wait at the same time may share a commit: each still has
   * all of its changes or none, and its promise settles after the commit.
   * @throws {StoreBusy} when it stayed so @throws {StoreUnavailable} when it stayed away
   */
  transaction<T>(work: (store: NetworkStore) => Promise<T>): Promise<T>
  /** One consistent picture; `work` only reads. Throws as `transaction` does. */
  read<T>(work: (store: NetworkStore) => Promise<T>): Promise<T>
  /**
   * Makes this process the only one that serves `host` on this store, until it closes or dies in whatever way.
   * @param onLost called once when the store was away and another process has claimed the host since
   * @throws {ServiceAlreadyRunning}
   */
  claimHost(host: string, onLost?: (error: NetloomError) => void): Promise<void>
  /** The store's own clock in milliseconds since 1970 UTC: the same for every host. */
  nowMs(): Promise<number>
  /** What schema the store has. Changes nothing; `open` need not have been called. */
  schemaStatus(): Promise<SchemaStatus>
  /**
   * Makes this program's schema of an empty, an older or a half migrated one; keeps a current one. `open` need not have
   * been called. @returns what it is now @throws {SchemaMismatch} for a newer one, or one of another program
   */
  upgradeSchema(): Promise<SchemaStatus>
}

export interface NetworkStore {
  readonly networks: NetworkTable
  readonly fixedIps: FixedIpTable
  readonly pools: PoolTable
  readonly floatingIps: FloatingIpTable
  readonly virtualInterfaces: VirtualInterfaceTable
  readonly instances: InstanceTable
  readonly services: ServiceTable
  readonly hostChanges: HostChangeTable
  readonly dnsDomains: DnsDomainTable
  readonly dnsChanges: DnsChangeTable
}

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
  /** Takes a network without a host for this one. @returns the host that it has now, whoever won (defects-manager A8) */
  claimHost(id: number, host: string): Promise<string>
  /** Gives a network from one host (null: from none) to another; of several at once one wins. @returns whether it was this */
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
  /** Of multi_host networks only those of instances on this host. */
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
   * @returns the row as it is now
   */
  deallocate(id: number, instanceUuid?: string): Promise<FixedIpRow>
  /** `mac` has a lease: recorded only when `mac` is that of the interface that holds the address. @returns whether it was */
  lease(address: string, mac: string): Promise<boolean>
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
  /** Frees deallocated addresses of these networks that were last changed before the time; one statement. @returns how many */
  freeStale(networkIds: readonly number[], before: string): Promise<number>
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

export interface HostChangeTable {
  /** Notes, as part of the transaction, that these owners want something else of the host from now on. */
  record(host: string, owners: readonly string[]): Promise<void>
  /** Changes of a host after a position, in order, at most `limit`. */
  after(host: string, id: number, limit: number): Promise<readonly HostChangeRow[]>
  /** The position before the oldest change that is kept, and the one of the newest that is from before the time. */
  positions(before: string): Promise<{ readonly oldest: number; readonly settled: number }>
  /** Forgets changes from before the time, but never the newest. @returns how many */
  forget(before: string): Promise<number>
}
