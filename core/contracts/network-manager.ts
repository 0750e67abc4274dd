/** `network_manager`: what every subclass of NetworkManager does. Names are the original's in camelCase. */
import type { NetworkInfo } from '../model/network-info.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { NetworkRow, VirtualInterfaceRow } from '../model/rows.ts'
import type {
  AllocateRequest,
  Attachment,
  AttachRequest,
  CreateNetworksRequest,
  FloatingIpSummary,
  HostSummary,
  InstanceSummary,
  Lease,
  NetworkSummary,
  PlanReport,
  ReconcileReport,
} from './network-operations.ts'

/** One address for one interface, taken on the host that serves the network. */
export interface FixedIpRequest {
  readonly instance_uuid: string
  readonly network_id: number
  readonly virtual_interface_id: number
  /** This address; default: the pool's choice. */
  readonly address?: string
}

export interface NetworkOperations {
  /** Brings this host in line with the store. Called once, before any message is answered. */
  initHost(): Promise<void>
  /** Work that comes round every `periodic_interval`. */
  periodicTasks(): Promise<void>
  /** Stops watching and working; guests keep their network. */
  close(): Promise<void>

  createNetworks(context: RequestContext, request: CreateNetworksRequest): Promise<readonly NetworkRow[]>
  deleteNetwork(context: RequestContext, uuid: string): Promise<void>
  getNetwork(context: RequestContext, uuid: string): Promise<NetworkSummary>
  getAllNetworks(context: RequestContext): Promise<readonly NetworkSummary[]>
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

  attachVif(context: RequestContext, request: AttachRequest): Promise<Attachment>
  detachVifs(context: RequestContext, instanceUuid: string): Promise<readonly Attachment[]>

  getDhcpLeases(context: RequestContext, networkUuid: string | null): Promise<readonly Lease[]>
  /** The DHCP server reports a lease. Never an error for what it does not know (defects-manager H5). */
  leaseFixedIp(address: string, mac: string): Promise<void>
  /** The DHCP server reports that a lease ended. */
  releaseFixedIp(address: string, mac: string): Promise<void>

  listHosts(context: RequestContext): Promise<readonly HostSummary[]>
  planHost(context: RequestContext): Promise<PlanReport>
  reconcileHost(context: RequestContext): Promise<ReconcileReport>
  /** Another host changed facts of these owners of host resources, which this host carries. */
  reconcileOwners(owners: readonly string[]): Promise<void>
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
  /** The part of an association that the host of the network does. */
  associateFloatingIpHere(floatingAddress: string, fixedAddress: string): Promise<void>
  /** The part of a disassociation that the host with the rules does. */
  disassociateFloatingIpHere(floatingAddress: string): Promise<void>
}

/** True for a manager with the FloatingIP mixin. */
export function hasFloatingIps(manager: NetworkOperations): manager is NetworkOperations & FloatingIPOperations {
  return 'associateFloatingIp' in manager
}
