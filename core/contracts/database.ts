/**
 * `db_backend`: the fact store, in operations of the domain. What each promises holds under any number of callers in
 * any number of processes: who holds an address is decided by unique keys and one-statement claims, never by a lock of
 * this process. No caller may know whether a free address is already a row.
 */
import type { NetloomError } from '../errors/base.ts'
import type { DnsChangeTable, DnsDomainTable } from './dns-tables.ts'
import type { SchemaStatus } from './schema-status.ts'
import type {
  EventTable,
  FixedIpTable,
  FloatingIpTable,
  HostChangeTable,
  InstanceTable,
  NetworkTable,
  PoolTable,
  ProjectTable,
  ServiceTable,
  VirtualInterfaceTable,
} from './tables.ts'

export * from './tables.ts'

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
  readonly events: EventTable
  readonly projects: ProjectTable
  readonly dnsDomains: DnsDomainTable
  readonly dnsChanges: DnsChangeTable
}
