/** `network_manager`: what every subclass of NetworkManager does. Names are the original's in camelCase. */
import type { AddressKind, AddressSpan } from '../model/address-history.ts'
import type { NetworkEvent } from '../model/events.ts'
import type { FeedPage } from '../model/feed.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { NetworkRow, VirtualInterfaceRow } from '../model/rows.ts'
import type { HostFacts } from './host-facts.ts'
import type {
  AllocateRequest,
  Attachment,
  AttachRequest,
  CreateNetworksRequest,
  EventsRequest,
  FloatingIpSummary,
  HostSummary,
  InstanceSummary,
  Lease,
  NetworkSummary,
  PlanReport,
  ReconcileReport,
} from './network-operations.ts'

/** One address for one interface. */
export interface FixedIpRequest {
  readonly instance_uuid: string
  /** The project of the instance. */
  readonly project_id: string
  /** The host that the instance runs on. */
  readonly instance_host: string
  readonly network_id: number
  readonly virtual_interface_id: number
  readonly mac: string
  /** This address; default: the pool's choice. */
  readonly address?: string
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
  /** Gives the network to another host, or with null to none. @throws {NetworkNotFoundForUUID} @throws {HostNotFound} */
  modifyNetwork(
    context: RequestContext,
    uuid: string,
    changes: { readonly host: string | null },
  ): Promise<NetworkSummary>
  setNetworkHost(context: RequestContext, networkId: number): Promise<string>

  allocateForInstance(context: RequestContext, request: AllocateRequest): Promise<NetworkInfo>
  deallocateForInstance(
    context: RequestContext,
    instanceUuid: string,
  ): Promise<{ readonly addresses: readonly string[] }>
  allocateFixedIp(context: RequestContext, request: FixedIpRequest): Promise<string>
  deallocateFixedIp(context: RequestContext, address: string): Promise<void>
  getInstanceNwInfo(context: RequestContext, instanceUuid: string): Promise<NetworkInfo>
  getInstance(context: RequestContext, instanceUuid: string): Promise<InstanceSummary>
  listInstances(context: RequestContext): Promise<readonly InstanceSummary[]>
  getVifsByInstance(context: RequestContext, instanceUuid: string): Promise<readonly VirtualInterfaceRow[]>

  getDhcpLeases(context: RequestContext, networkUuid: string | null): Promise<readonly Lease[]>

  /** A page of what happened, in order. */
  listEvents(context: RequestContext, request: EventsRequest): Promise<FeedPage<NetworkEvent>>
  /** Who had the address when, as far as is known; a tenant is told of itself. */
  getAddressHistory(context: RequestContext, kind: AddressKind, address: string): Promise<readonly AddressSpan[]>

  listHosts(context: RequestContext): Promise<readonly HostSummary[]>
  /** The facts of a host, for one that has no store. */
  factsOf(host: string): HostFacts
}

/** What managers with the FloatingIP mixin do as well: ask with `hasFloatingIps`. */
export interface FloatingIPOperations {
  createFloatingIps(
    context: RequestContext,
    request: { readonly range?: string; readonly pool?: string; readonly interface?: string },
  ): Promise<{ readonly pool: string; readonly addresses: number }>
  deleteFloatingIps(context: RequestContext, range: string): Promise<{ readonly addresses: number }>
  listFloatingIps(context: RequestContext): Promise<readonly FloatingIpSummary[]>
  getFloatingIpPools(context: RequestContext): Promise<readonly { readonly name: string }[]>
  allocateFloatingIp(
    context: RequestContext,
    request: { readonly project_id: string; readonly pool?: string; readonly auto_assigned?: boolean },
  ): Promise<string>
  deallocateFloatingIp(context: RequestContext, address: string): Promise<void>
  /** @returns the instance that the address led to before, null for none */
  associateFloatingIp(context: RequestContext, floatingAddress: string, fixedAddress: string): Promise<string | null>
  disassociateFloatingIp(context: RequestContext, address: string): Promise<void>
}

/** True for a manager with the FloatingIP mixin. */
export function hasFloatingIps(manager: NetworkOperations): manager is NetworkOperations & FloatingIPOperations {
  return 'associateFloatingIp' in manager
}
