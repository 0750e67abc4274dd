/**
 * The base of every manager. A public operation is one validated transaction, then "bring the hosts in line with the
 * rows"; the call returns when they are configured. Source: nova/network/manager.py NetworkManager.
 */
import type {
  AllocateRequest,
  Attachment,
  AttachRequest,
  ChangeVpnRequest,
  CreateNetworksRequest,
  EventsRequest,
  FixedIpListFilter,
  FixedIpRequest,
  FixedIpSummary,
  FreeRange,
  HostSummary,
  InstanceAddress,
  InstanceSummary,
  IpFilter,
  Lease,
  NetworkChanges,
  NetworkOperations,
  NetworkStore,
  NetworkSummary,
  PlanReport,
  ReconcileReport,
  RequestedNetwork,
} from '../contracts/index.ts'
import { InstanceNotFound, NotSupported } from '../errors/index.ts'
import type { AddressKind, AddressSpan } from '../model/address-history.ts'
import type { NetworkEvent } from '../model/events.ts'
import type { FeedPage } from '../model/feed.ts'
import { parseUuid } from '../model/names.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import { adminContext, type RequestContext } from '../model/request-context.ts'
import type { FixedIpRow, InstanceDetail, NetworkRow, VirtualInterfaceDetail } from '../model/rows.ts'
import { allocateFixedIp, allocateInstance, deallocateInstance } from './allocation.ts'
import type { ChangedOwners } from './changed-owners.ts'
import { Compensation } from './compensation.ts'
import { retryDns } from './dns.ts'
import { getAddressHistory, listEvents } from './events.ts'
import { deallocateFixedIp } from './fixed-ips.ts'
import { addFixedIpToInstance, removeFixedIpFromInstance, setupNetworksOnHost } from './instance-addresses.ts'
import * as reads from './instance-reads.ts'
import { getInstanceUuidsByIpFilter } from './ip-filter.ts'
import { freeStaleAddresses, listLeases } from './leases.ts'
import { ManagerCore } from './manager-core.ts'
import type { CreationDefaults } from './network-creation.ts'
import { listHosts, takeFreeNetworks, takeNetwork, takeOverNetworks } from './network-hosts.ts'
import { buildNetworkInfo } from './network-info-builder.ts'
import { createNetworks, deleteNetwork, getAllNetworks, getNetwork } from './networks.ts'
import { parseAllocateRequest } from './nics.ts'
import {
  getFixedIp,
  getFixedIpByAddress,
  listFixedIps,
  listFreeFixedIps,
  reserveFixedIps,
  unreserveFixedIps,
} from './pools.ts'
import { disassociateNetwork, modifyNetwork, scrubProject } from './project-networks.ts'
import { forgetOld } from './retention.ts'
import { instanceSummary } from './summaries.ts'
import { validateNetworks } from './validate-networks.ts'

export abstract class NetworkManager extends ManagerCore implements NetworkOperations {
  /** Defaults of create_networks for this kind of manager. */
  abstract creationDefaults(): CreationDefaults

  /** Which networks an instance gets when it asks for none. Source: _get_networks_for_instance. */
  async networksForProject(store: NetworkStore, projectId: string): Promise<readonly NetworkRow[]> {
    const networks = await store.networks.list()
    return networks.filter(
      (network) => network.vlan === null && (network.project_id === null || network.project_id === projectId),
    )
  }

  /** Whether instances of the project may be in the network, and its tenants see it. */
  mayUse(network: NetworkRow, projectId: string | null): boolean {
    return network.project_id === null || network.project_id === projectId
  }

  // ---- life cycle

  async initHost(): Promise<void> {
    await takeFreeNetworks(this)
    await this.agent.initHost()
  }

  catchUp(): Promise<void> {
    return this.agent.catchUp()
  }

  mendHost(): Promise<ReconcileReport> {
    return this.agent.mendHost()
  }

  async periodicTasks(): Promise<void> {
    await forgetOld(this.services)
    if (this.topology.dhcp) await freeStaleAddresses(this)
    await takeOverNetworks(this)
    await (await takeFreeNetworks(this))?.convergeOrLog(this, adminContext('free networks'))
    await retryDns(this)
  }

  async close(): Promise<void> {
    this.hostAgent?.close()
  }

  // ---- networks

  createNetworks(_context: RequestContext, request: CreateNetworksRequest): Promise<readonly NetworkRow[]> {
    return createNetworks(this, request)
  }

  deleteNetwork(context: RequestContext, uuid: string): Promise<void> {
    return deleteNetwork(this, context, parseUuid(uuid))
  }

  async modifyNetwork(context: RequestContext, uuid: string, changes: NetworkChanges): Promise<NetworkSummary> {
    await modifyNetwork(this, context, parseUuid(uuid), changes)
    return this.getNetwork(context, uuid)
  }

  disassociateNetwork(context: RequestContext, uuid: string): Promise<void> {
    return disassociateNetwork(this, context, parseUuid(uuid))
  }

  /** Only where projects have networks of their own. */
  async addNetworkToProject(_context: RequestContext, _project: string, _uuid: string | null): Promise<NetworkRow> {
    throw new NotSupported({ what: 'networks for single projects', by: 'this manager' })
  }

  scrubProject(context: RequestContext, projectId: string): Promise<readonly NetworkRow[]> {
    return scrubProject(this, context, projectId)
  }

  /** Only where networks have VPN servers. */
  async changeVpn(_context: RequestContext, _request: ChangeVpnRequest): Promise<readonly NetworkRow[]> {
    throw new NotSupported({ what: 'VPN servers', by: 'this manager' })
  }

  getNetwork(context: RequestContext, uuid: string): Promise<NetworkSummary> {
    return getNetwork(this, context, parseUuid(uuid))
  }

  getAllNetworks(context: RequestContext): Promise<readonly NetworkSummary[]> {
    return getAllNetworks(this, context)
  }

  setNetworkHost(context: RequestContext, networkId: number): Promise<string> {
    return takeNetwork(this, context, networkId)
  }

  // ---- instances

  /** @param undo gets how to let go what this call took, for a caller whose own next step may fail */
  async allocateForInstance(
    context: RequestContext,
    request: AllocateRequest,
    undo: Compensation = new Compensation(),
  ): Promise<NetworkInfo> {
    const wish = parseAllocateRequest(request, this.services.nodes.includes('BridgingNode') ? this.host : null)
    this.checkOwner(context, `project ${wish.project_id}`, wish.project_id)
    return this.whole(undo, () => allocateInstance(this, context, wish, undo))
  }

  /** The host that has to be configured for an address of the network; null: none, its operator does it. */
  configuringHost(_network: NetworkRow, _instanceHost: string | null): string | null {
    return null
  }

  /** The network with a host to configure, where the topology wants one: found in the transaction when it has none. */
  async networkWithHost(_store: NetworkStore, network: NetworkRow, _changes: ChangedOwners): Promise<NetworkRow> {
    return network
  }

  allocateFixedIp(context: RequestContext, request: FixedIpRequest): Promise<string | null> {
    const undo = new Compensation()
    return this.whole(undo, () => allocateFixedIp(this, context, request, undo))
  }

  /** @param _fixedIps addresses that the caller knows of; whatever else the instance has goes too (defects-manager H8) */
  async deallocateForInstance(
    context: RequestContext,
    instanceUuid: string,
    _fixedIps?: readonly string[],
  ): Promise<{ readonly addresses: readonly string[] }> {
    const uuid = parseUuid(instanceUuid)
    // An event that waits may say that a guest took its lease: that has to be known before its address is let go.
    await this.agent.drainLeaseEvents()
    try {
      return { addresses: await deallocateInstance(this, context, uuid) }
    } catch (error) {
      if (error instanceof InstanceNotFound) return { addresses: [] }
      throw error
    }
  }

  /** @param instanceUuid only while this instance uses it: a late call takes it from nobody else */
  deallocateFixedIp(context: RequestContext, address: string, instanceUuid?: string): Promise<void> {
    return deallocateFixedIp(this, context, address, instanceUuid)
  }

  getFixedIpByAddress(context: RequestContext, address: string): Promise<FixedIpSummary> {
    return getFixedIpByAddress(this, context, address)
  }

  listFixedIps(_context: RequestContext, filter: FixedIpListFilter): Promise<readonly FixedIpSummary[]> {
    return listFixedIps(this, filter)
  }

  listFreeFixedIps(_context: RequestContext, networkUuid: string | null): Promise<readonly FreeRange[]> {
    return listFreeFixedIps(this, networkUuid)
  }

  reserveFixedIps(_context: RequestContext, range: string): Promise<{ readonly addresses: number }> {
    return reserveFixedIps(this, range)
  }

  unreserveFixedIps(_context: RequestContext, range: string): Promise<{ readonly addresses: number }> {
    return unreserveFixedIps(this, range)
  }

  getInstanceNwInfo(context: RequestContext, instanceUuid: string): Promise<NetworkInfo> {
    return reads.getInstanceNwInfo(this, context, instanceUuid)
  }

  /** Rows -> NetworkInfo. Pure. @param hostAddresses those of the instance's host in multi_host networks */
  buildNetworkInfoModel(
    instance: InstanceDetail,
    networks: readonly NetworkRow[],
    hostAddresses: readonly Pick<FixedIpRow, 'network_id' | 'address'>[],
  ): NetworkInfo {
    const { dhcp, managesHost: shouldCreateBridge } = this.topology
    return buildNetworkInfo(instance, networks, hostAddresses, {
      dhcp,
      shouldCreateBridge,
      ipv6Backend: this.services.flags.ipv6_backend,
    })
  }

  async addFixedIpToInstance(context: RequestContext, instanceUuid: string, networkUuid: string): Promise<NetworkInfo> {
    const undo = new Compensation()
    return this.whole(undo, () => addFixedIpToInstance(this, context, instanceUuid, networkUuid, undo))
  }

  removeFixedIpFromInstance(context: RequestContext, instanceUuid: string, address: string): Promise<NetworkInfo> {
    return removeFixedIpFromInstance(this, context, instanceUuid, address)
  }

  setupNetworksOnHost(context: RequestContext, instanceUuid: string, host: string, teardown = false): Promise<void> {
    return setupNetworksOnHost(this, context, instanceUuid, host, teardown)
  }

  validateNetworks(context: RequestContext, networks: readonly RequestedNetwork[]): Promise<void> {
    return validateNetworks(this, context, networks)
  }

  async getInstance(context: RequestContext, instanceUuid: string): Promise<InstanceSummary> {
    return instanceSummary(await reads.readInstance(this, context, instanceUuid))
  }

  listInstances(context: RequestContext): Promise<readonly InstanceSummary[]> {
    return reads.listInstances(this, context)
  }

  getInstanceUuidsByIpFilter(context: RequestContext, filters: IpFilter): Promise<readonly InstanceAddress[]> {
    return getInstanceUuidsByIpFilter(this, context, filters)
  }

  getVifsByInstance(context: RequestContext, instanceUuid: string): Promise<readonly VirtualInterfaceDetail[]> {
    return reads.getVifsByInstance(this, context, instanceUuid)
  }

  getVifByMacAddress(context: RequestContext, mac: string): Promise<VirtualInterfaceDetail | null> {
    return reads.getVifByMacAddress(this, context, mac)
  }

  getFixedIp(context: RequestContext, id: number): Promise<FixedIpSummary> {
    return getFixedIp(this, context, id)
  }

  getDhcpLeases(_context: RequestContext, networkUuid: string | null): Promise<readonly Lease[]> {
    return listLeases(this.services.database, networkUuid === null ? null : parseUuid(networkUuid))
  }

  listEvents(context: RequestContext, request: EventsRequest): Promise<FeedPage<NetworkEvent>> {
    return listEvents(this.services, context, request)
  }

  getAddressHistory(context: RequestContext, kind: AddressKind, address: string): Promise<readonly AddressSpan[]> {
    return getAddressHistory(this.services, context, kind, address)
  }

  listHosts(): Promise<readonly HostSummary[]> {
    return listHosts(this)
  }

  // ---- this host

  attachVif(context: RequestContext, request: AttachRequest): Promise<Attachment> {
    return this.agent.attachVif(context, request)
  }

  detachVifs(context: RequestContext, instanceUuid: string): Promise<readonly Attachment[]> {
    return this.agent.detachVifs(context, instanceUuid)
  }

  leaseFixedIp(address: string, mac: string): Promise<void> {
    return this.agent.leaseFixedIp(address, mac)
  }

  releaseFixedIp(address: string, mac: string): Promise<void> {
    return this.agent.releaseFixedIp(address, mac)
  }

  planHost(): Promise<PlanReport> {
    return this.agent.planHost()
  }

  reconcileHost(): Promise<ReconcileReport> {
    return this.agent.reconcileHost()
  }

  reconcileOwners(owners: readonly string[]): Promise<void> {
    return this.agent.reconcileOwners(owners)
  }
}
