/** `network_manager`: what every subclass of NetworkManager does. Names are the original's in camelCase. */
import type { NetworkInfo } from '../model/network-info.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { NetworkRow, VirtualInterfaceDetail } from '../model/rows.ts'
import type { HostFacts } from './host-facts.ts'
import type {
  AllocateRequest,
  Attachment,
  AttachRequest,
  ChangeVpnRequest,
  CreateNetworksRequest,
  FixedIpSummary,
  FloatingIpRange,
  FloatingIpSummary,
  FreeRange,
  HostSummary,
  InstanceAddress,
  InstanceSummary,
  IpFilter,
  Lease,
  MigrationRequest,
  NetworkChanges,
  NetworkSummary,
  PlanReport,
  ReconcileReport,
  RequestedNetwork,
} from './network-operations.ts'

/** One address for one interface. */
export interface FixedIpRequest {
  readonly instance_uuid: string
  /** The host that the instance runs on. */
  readonly instance_host: string
  readonly network_id: number
  readonly virtual_interface_id: number
  /** This address; default: the pool's choice. */
  readonly address?: string
  /** It is the VPN server of the network: it gets the address that is kept for that. */
  readonly vpn?: boolean
}

export interface FixedIpListFilter {
  readonly network_uuid?: string
  /** Of instances on this host, and its own. */
  readonly host?: string
}

/** What is done on one host, by its own service. */
export interface HostOperations {
  attachVif(context: RequestContext, request: AttachRequest): Promise<Attachment>
  detachVifs(context: RequestContext, instanceUuid: string): Promise<readonly Attachment[]>
  /** What the host would be made to look like. */
  planHost(): Promise<PlanReport>
  reconcileHost(): Promise<ReconcileReport>
  /** The facts of these owners changed: returns when the host is as they are. @throws {HostChangeFailed} */
  reconcileOwners(owners: readonly string[]): Promise<void>
  /** The DHCP server reports a lease. Never an error for what it does not know (defects-manager H5). */
  leaseFixedIp(address: string, mac: string): Promise<void>
  /** The DHCP server reports that a lease ended. */
  releaseFixedIp(address: string, mac: string): Promise<void>
}

export interface NetworkOperations extends HostOperations {
  /** Brings this host in line with the store. Called once, before any message is answered. */
  initHost(): Promise<void>
  /** Takes up changes of which this host got no message. */
  catchUp(): Promise<void>
  /** Looks at the whole host and mends what others changed. */
  mendHost(): Promise<ReconcileReport>
  /** Work that comes round every `periodic_interval`. */
  periodicTasks(): Promise<void>
  /** Stops watching and working; guests keep their network. */
  close(): Promise<void>

  createNetworks(context: RequestContext, request: CreateNetworksRequest): Promise<readonly NetworkRow[]>
  deleteNetwork(context: RequestContext, uuid: string): Promise<void>
  getNetwork(context: RequestContext, uuid: string): Promise<NetworkSummary>
  getAllNetworks(context: RequestContext): Promise<readonly NetworkSummary[]>
  /**
   * Gives the network to another host or project, or with null to none. @throws {NetworkNotFoundForUUID}
   * @throws {HostNotFound} @throws {NetworkHasProject}
   */
  modifyNetwork(context: RequestContext, uuid: string, changes: NetworkChanges): Promise<NetworkSummary>
  /** Takes it from its project and its host. @throws {NetworkNotFoundForUUID} */
  disassociateNetwork(context: RequestContext, uuid: string): Promise<void>
  /**
   * Gives a project another network: this one, or one that is free.
   * @throws {NoMoreNetworks} @throws {NetworkHasProject} @throws {NotSupported} where projects have no networks of their own
   */
  addNetworkToProject(context: RequestContext, projectId: string, networkUuid: string | null): Promise<NetworkRow>
  /** Disassociates all networks of a project that is gone. @returns them @throws {NetworkInUse} its instances are there */
  scrubProject(context: RequestContext, projectId: string): Promise<readonly NetworkRow[]>
  /** Where the VPN servers of a project are reached from outside. @throws {VpnInUse} @throws {NotSupported} */
  changeVpn(context: RequestContext, request: ChangeVpnRequest): Promise<readonly NetworkRow[]>
  setNetworkHost(context: RequestContext, networkId: number): Promise<string>

  allocateForInstance(context: RequestContext, request: AllocateRequest): Promise<NetworkInfo>
  /** @param fixedIps those that the caller knows of; all others go too (defects-manager H8) */
  deallocateForInstance(
    context: RequestContext,
    instanceUuid: string,
    fixedIps?: readonly string[],
  ): Promise<{ readonly addresses: readonly string[] }>
  /** @returns null in a network without IPv4 */
  allocateFixedIp(context: RequestContext, request: FixedIpRequest): Promise<string | null>
  /** @param instanceUuid only while this instance uses it */
  deallocateFixedIp(context: RequestContext, address: string, instanceUuid?: string): Promise<void>
  getInstanceNwInfo(context: RequestContext, instanceUuid: string): Promise<NetworkInfo>
  getInstance(context: RequestContext, instanceUuid: string): Promise<InstanceSummary>
  listInstances(context: RequestContext): Promise<readonly InstanceSummary[]>
  getVifsByInstance(context: RequestContext, instanceUuid: string): Promise<readonly VirtualInterfaceDetail[]>
  /** @returns null when no interface has it */
  getVifByMacAddress(context: RequestContext, mac: string): Promise<VirtualInterfaceDetail | null>
  /** @throws {FixedIpNotFound} */
  getFixedIp(context: RequestContext, id: number): Promise<FixedIpSummary>
  getInstanceUuidsByIpFilter(context: RequestContext, filters: IpFilter): Promise<readonly InstanceAddress[]>
  /** Whether these could be allocated now; takes nothing. */
  validateNetworks(context: RequestContext, networks: readonly RequestedNetwork[]): Promise<void>
  /** One more address from the network. @returns what the instance has then */
  addFixedIpToInstance(context: RequestContext, instanceUuid: string, networkUuid: string): Promise<NetworkInfo>
  /** @returns what the instance has then */
  removeFixedIpFromInstance(context: RequestContext, instanceUuid: string, address: string): Promise<NetworkInfo>
  /** Brings the hosts that serve the instance in line with the rows, as if it ran on `host`. */
  setupNetworksOnHost(context: RequestContext, instanceUuid: string, host: string, teardown?: boolean): Promise<void>

  /** An address of any network, whoever holds it or nobody. @throws {FixedIpNotFoundForAddress} @throws {Forbidden} */
  getFixedIpByAddress(context: RequestContext, address: string): Promise<FixedIpSummary>
  /** Those that are used or held: of a network or of all, on any host or of one. @throws {NetworkNotFoundForUUID} */
  listFixedIps(context: RequestContext, filter: FixedIpListFilter): Promise<readonly FixedIpSummary[]>
  /** Of a network, or of all. @throws {NetworkNotFoundForUUID} */
  listFreeFixedIps(context: RequestContext, networkUuid: string | null): Promise<readonly FreeRange[]>
  /** Keeps an address, FIRST-LAST or a block out of its network's pool: all or none. @returns how many addresses it is */
  reserveFixedIps(context: RequestContext, range: string): Promise<{ readonly addresses: number }>
  /** Gives them back to the pool, but for the network's own. @returns how many were reserved */
  unreserveFixedIps(context: RequestContext, range: string): Promise<{ readonly addresses: number }>

  getDhcpLeases(context: RequestContext, networkUuid: string | null): Promise<readonly Lease[]>

  listHosts(context: RequestContext): Promise<readonly HostSummary[]>
  /** The facts of a host, for one that has no store. */
  factsOf(host: string): HostFacts
}

/** What can be asked about floating IPs; a manager without them answers that there are none. */
export interface FloatingIPReads {
  getFloatingIp(context: RequestContext, id: number): Promise<FloatingIpSummary | null>
  getFloatingIpByAddress(context: RequestContext, address: string): Promise<FloatingIpSummary | null>
  /** Less those that were given with an instance. @param project default: the caller's */
  getFloatingIpsByProject(context: RequestContext, project?: string): Promise<readonly FloatingIpSummary[]>
  /** @returns addresses */
  getFloatingIpsByFixedAddress(context: RequestContext, address: string): Promise<readonly string[]>
  getFloatingIpPools(context: RequestContext): Promise<readonly { readonly name: string }[]>
  /** @returns the instance that the address leads to, null for none */
  getInstanceIdByFloatingAddress(context: RequestContext, address: string): Promise<string | null>
}

/** What a caller says of the floating IP that it means. */
export interface FloatingIpExpectation {
  /** The project that must have it still: a repeated call of an operator takes it from nobody else. */
  readonly projectId?: string | undefined
  /** Also one that was given with its instance, by `auto_assign_floating_ip`. */
  readonly affectAutoAssigned?: boolean | undefined
}

/** What managers with the FloatingIP mixin do as well: ask with `hasFloatingIps`. */
export interface FloatingIPOperations extends FloatingIPReads {
  createFloatingIps(
    context: RequestContext,
    request: FloatingIpRange,
  ): Promise<{ readonly pool: string; readonly addresses: number }>
  deleteFloatingIps(context: RequestContext, range: string): Promise<{ readonly addresses: number }>
  listFloatingIps(context: RequestContext): Promise<readonly FloatingIpSummary[]>
  allocateFloatingIp(
    context: RequestContext,
    request: { readonly project_id: string; readonly pool?: string; readonly auto_assigned?: boolean },
  ): Promise<string>
  deallocateFloatingIp(context: RequestContext, address: string, expectation?: FloatingIpExpectation): Promise<void>
  /** @returns the instance that the address led to before, null for none */
  associateFloatingIp(
    context: RequestContext,
    floatingAddress: string,
    fixedAddress: string,
    expectation?: FloatingIpExpectation,
  ): Promise<string | null>
  disassociateFloatingIp(context: RequestContext, address: string, expectation?: FloatingIpExpectation): Promise<void>
  /** An instance leaves a host: what that carries for it is let go. */
  migrateInstanceStart(context: RequestContext, request: MigrationRequest): Promise<void>
  /** An instance is on another host, which carries from now on what the old one did. */
  migrateInstanceFinish(context: RequestContext, request: MigrationRequest): Promise<void>
}

/** True for a manager that can be asked about floating IPs. */
export function hasFloatingIpReads(manager: NetworkOperations): manager is NetworkOperations & FloatingIPReads {
  return 'getFloatingIp' in manager
}

/** True for a manager with the FloatingIP mixin. */
export function hasFloatingIps(manager: NetworkOperations): manager is NetworkOperations & FloatingIPOperations {
  return 'associateFloatingIp' in manager
}
