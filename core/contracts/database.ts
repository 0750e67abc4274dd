/**
 * `db_backend`: the fact store, in operations of the domain. What each promises holds under any number of callers in
 * any number of processes: who holds an address is decided by unique keys and one-statement claims, never by a lock of
 * this process. No caller may know whether a free address is already a row.
 */
import type { NetloomError } from '../errors/base.ts'
import type {
  DnsChangeRow,
  DnsDomainRow,
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

export interface SchemaStatus {
  /** Name of the `db_backend`. */
  readonly backend: string
  /** `partial`: an upgrade began and did not end. `foreign`: the tables are another program's. */
  readonly state: 'current' | 'empty' | 'older' | 'newer' | 'foreign' | 'partial'
  /** Migrations that the store has seen, in their order; of a foreign one its tables. */
  readonly found: readonly string[]
  /** Migrations that this program knows. */
  readonly wanted: readonly string[]
}

export interface NetworkStore {
  readonly networks: NetworkTable
  readonly fixedIps: FixedIpTable
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
  /** Takes a network without a host for this one. @returns the host that it has now, whoever won (defects-manager A8) */
  claimHost(id: number, host: string): Promise<string>
  /** Gives a network from one host (null: from none) to another; of several at once one wins. @returns whether it was this */
  moveHost(id: number, from: string | null, to: string | null): Promise<boolean>
  /** Networks of which something is on the host: its gateway, an address of the host, or a guest that is plugged in. */
  idsOn(host: string): Promise<readonly number[]>
  /** With all its addresses. @throws {NetworkInUse} when one is held (defects-manager B6) */
  remove(id: number): Promise<void>
  /** How its pool is used, counted from rows. */
  usage(id: number): Promise<PoolUsage>
}

/** Numbers of addresses: `used` allocated, `held` waiting for a lease to end, `reserved` never handed out. */
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
  /** A free address is found too. @throws {FixedIpNotFoundForAddress} for one of no network */
  byAddress(address: string): Promise<FixedIpDetail>
  /** Those that are held by somebody, in order of address creation; free ones are never listed. */
  list(filter: FixedIpFilter): Promise<readonly FixedIpDetail[]>
  /**
   * Takes the free address of the network that was never used, or has been free longest. Associated and allocated in
   * one statement. @throws {NoMoreFixedIps} @throws {InstanceNotFound} when the interface is gone
   */
  claimFromPool(claim: FixedIpClaim): Promise<FixedIpRow>
  /**
   * Takes this address. @throws {FixedIpNotFoundForNetwork} @throws {FixedIpReserved}
   * @throws {FixedIpAlreadyInUse} also while a lease of a former owner lives @throws {InstanceNotFound}
   */
  claimAddress(address: string, claim: FixedIpClaim): Promise<FixedIpRow>
  /**
   * Ends the use by its instance. One without a lease is free at once (defects-manager A5); a leased one is held until
   * `release` or `freeStale`. @returns the row as it is now
   */
  deallocate(id: number): Promise<FixedIpRow>
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
  /** In order of creation. */
  list(filter: FloatingIpFilter): Promise<readonly FloatingIpDetail[]>
  /** Names of all pools. */
  pools(): Promise<readonly string[]>
  /** Takes the first free one of a pool for a project; one statement. @throws {NoMoreFloatingIps} */
  allocate(pool: string, projectId: string, autoAssigned: boolean): Promise<FloatingIpDetail>
  /** Gives it back to the pool. @returns false when it is associated, or was not allocated */
  release(address: string): Promise<boolean>
  /**
   * Leads the address to a fixed IP on a host, wherever it led before.
   * @param ifLeadsTo the fixed IP that it must lead to now, null for none; omitted: any
   * @returns false when it is not allocated (any more), or leads elsewhere than `ifLeadsTo`
   */
  associate(address: string, fixedIpId: number, host: string, ifLeadsTo?: number | null): Promise<boolean>
  /** The floating IPs of a network's fixed IPs that one host carries are carried by another from now on. @returns their addresses */
  moveHost(networkId: number, from: string | null, to: string | null): Promise<readonly string[]>
  /** @returns false when it was not associated, or no longer with `fixedIpId` when that is given */
  disassociate(address: string, fixedIpId?: number): Promise<boolean>
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
  /** Makes others that lock the same one wait until the transaction ends; nothing for one that is gone. */
  lock(id: number): Promise<void>
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
  /** The interface, if any, of an instance on `host` that is plugged into the target; a namespace may hold several guest devices. */
  byTarget(host: string, target: VifTarget, guestDevice: string | null): Promise<VirtualInterfaceRow | null>
  remove(ids: readonly number[]): Promise<void>
}

export interface InstanceTable {
  /** @throws {InstanceNotFound} */
  byUuid(uuid: string): Promise<InstanceDetail>
  /** In order of creation. */
  list(filter: { readonly projectId?: string; readonly host?: string }): Promise<readonly InstanceDetail[]>
  /** Makes the row unless it is there. Others that ensure the same one wait until the transaction ends. */
  ensure(instance: Omit<InstanceRow, keyof Timestamps>): Promise<void>
  /** Makes others that lock or ensure the same one wait until the transaction ends; nothing for one that is gone. */
  lock(uuid: string): Promise<void>
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

export interface DnsDomainTable {
  /** All, or those of a scope, in order of their names. */
  list(filter: { readonly scope?: DnsDomainRow['scope'] }): Promise<readonly DnsDomainRow[]>
  /** Null when it is not registered. */
  byName(domain: string): Promise<DnsDomainRow | null>
  /** Makes the row, or gives it another zone or project. */
  register(domain: Omit<DnsDomainRow, keyof Timestamps>): Promise<void>
  /** @returns false when it was not registered */
  unregister(domain: string): Promise<boolean>
}

export interface DnsChangeTable {
  /** Notes, as part of the transaction, that DNS has to be looked at for these addresses. */
  record(kind: DnsChangeRow['kind'], addresses: readonly string[]): Promise<void>
  /** What is noted of an address, or the oldest notes of all. */
  list(filter: {
    readonly kind?: DnsChangeRow['kind']
    readonly address?: string
    readonly limit?: number
  }): Promise<readonly DnsChangeRow[]>
  /** Done. */
  remove(ids: readonly number[]): Promise<void>
}
