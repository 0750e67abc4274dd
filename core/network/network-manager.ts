/**
 * The base of every manager. A public operation is one validated transaction, then "bring the hosts in line with the
 * rows"; the call returns when they are configured. Source: nova/network/manager.py NetworkManager.
 */
import { NETWORK_TOPIC } from '../api/network-api.ts'
import type { HostFacts, Topology } from '../contracts/host-facts.ts'
import type {
  AllocateRequest,
  Attachment,
  AttachRequest,
  CreateNetworksRequest,
  FixedIpRequest,
  HostSummary,
  InstanceSummary,
  Lease,
  NetworkOperations,
  NetworkStore,
  NetworkSummary,
  PlanReport,
  ReconcileReport,
} from '../contracts/index.ts'
import type { JsonObject } from '../contracts/rpc.ts'
import { Forbidden, InstanceNotFound } from '../errors/index.ts'
import { parseUuid } from '../model/names.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import { mayActFor, type RequestContext } from '../model/request-context.ts'
import { timeLeftMs } from '../model/request-scope.ts'
import type { InstanceDetail, NetworkRow, VirtualInterfaceRow } from '../model/rows.ts'
import { Compensation } from './compensation.ts'
import { retryDns } from './dns.ts'
import { allocateFixedIp, deallocateFixedIp, deallocateInstance } from './fixed-ips.ts'
import { HostAgent } from './host-agent.ts'
import { freeStaleAddresses, listLeases } from './leases.ts'
import type { ManagerServices } from './manager-services.ts'
import type { CreationDefaults } from './network-creation.ts'
import { isUp, listHosts, moveNetwork, takeNetwork, takeOverNetworks } from './network-hosts.ts'
import { buildNetworkInfo } from './network-info-builder.ts'
import { createNetworks, deleteNetwork, getAllNetworks, getNetwork } from './networks.ts'
import { createNics, fixedIpRequest, type Nic, parseAllocateRequest } from './nics.ts'
import { StoreFacts } from './store-facts.ts'
import { instanceSummary } from './summaries.ts'

/** How long changes of facts are kept for hosts that are away; one that was away for longer reads everything. In milliseconds. */
const KEEP_CHANGES_MS = 3_600_000

export abstract class NetworkManager implements NetworkOperations {
  /** What this kind of manager does on its hosts. */
  abstract readonly topology: Topology
  readonly services: ManagerServices
  /** Made when first used: the topology is a subclass's. @internal */
  hostAgent: HostAgent | null = null

  constructor(services: ManagerServices) {
    this.services = services
  }

  get host(): string {
    return this.services.host
  }

  /** What works on this host. @internal */
  get agent(): HostAgent {
    this.hostAgent ??= new HostAgent(this.services, this.factsOf(this.host))
    return this.hostAgent
  }

  factsOf(host: string): HostFacts {
    return new StoreFacts(host, this.topology, this.services.database, this.services.clock)
  }

  /** Defaults of create_networks for this kind of manager. */
  abstract creationDefaults(): CreationDefaults

  /** Which networks an instance gets when it asks for none. Source: _get_networks_for_instance. */
  async networksForProject(store: NetworkStore, projectId: string): Promise<readonly NetworkRow[]> {
    const networks = await store.networks.list()
    return networks.filter(
      (network) => network.vlan === null && (network.project_id === null || network.project_id === projectId),
    )
  }

  // ---- life cycle

  initHost(): Promise<void> {
    return this.agent.initHost()
  }

  catchUp(): Promise<void> {
    return this.agent.catchUp()
  }

  mendHost(): Promise<ReconcileReport> {
    return this.agent.mendHost()
  }

  async periodicTasks(): Promise<void> {
    const { database, clock } = this.services
    const before = new Date(clock.nowMs() - KEEP_CHANGES_MS).toISOString()
    await database.transaction((store) => store.hostChanges.forget(before))
    if (this.topology.dhcp) await freeStaleAddresses(this)
    await takeOverNetworks(this)
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

  async modifyNetwork(context: RequestContext, uuid: string, changes: { host: string | null }) {
    await moveNetwork(this, context, parseUuid(uuid), changes.host)
    return this.getNetwork(context, uuid)
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

  /** @param undo gets how to let go what this call took; all of it is undone when the call fails */
  async allocateForInstance(
    context: RequestContext,
    request: AllocateRequest,
    undo = new Compensation(),
  ): Promise<NetworkInfo> {
    const wish = parseAllocateRequest(request, this.services.nodes.includes('BridgingNode') ? this.host : null)
    this.checkOwner(context, `project ${wish.project_id}`, wish.project_id)
    return undo.unlessDone(this.services.logger, async () => {
      const nics = await createNics(this, wish, undo)
      await this.allocateFixedIps(context, nics, undo)
      return this.getInstanceNwInfo(context, request.instance_uuid)
    })
  }

  /** Takes an address for each interface. The topology decides who configures it. */
  async allocateFixedIps(context: RequestContext, nics: readonly Nic[], compensation: Compensation): Promise<void> {
    for (const nic of nics) await allocateFixedIp(this, context, fixedIpRequest(nic), compensation)
  }

  /** The host that has to be configured for an address of the network; null: none, its operator does it. */
  configuringHost(_network: NetworkRow, _instanceHost: string | null): string | null {
    return null
  }

  allocateFixedIp(context: RequestContext, request: FixedIpRequest): Promise<string> {
    return allocateFixedIp(this, context, request)
  }

  async deallocateForInstance(
    context: RequestContext,
    instanceUuid: string,
  ): Promise<{ readonly addresses: readonly string[] }> {
    const uuid = parseUuid(instanceUuid)
    // An event that waits may say that a guest took its lease: that has to be known before its address is let go.
    await this.agent.drainLeaseEvents()
    if ((await this.findInstance(context, uuid)) === null) return { addresses: [] }
    return { addresses: await deallocateInstance(this, context, uuid) }
  }

  deallocateFixedIp(context: RequestContext, address: string): Promise<void> {
    return deallocateFixedIp(this, context, address)
  }

  async getInstanceNwInfo(context: RequestContext, instanceUuid: string): Promise<NetworkInfo> {
    const uuid = parseUuid(instanceUuid)
    const { instance, networks, hostAddresses } = await this.services.database.read(async (store) => {
      const instance = await store.instances.byUuid(uuid)
      const networks = await store.networks.list([...new Set(instance.virtual_interfaces.map((vif) => vif.network_id))])
      const multiHost = networks.some((network) => network.multi_host)
      return { instance, networks, hostAddresses: multiHost ? await store.fixedIps.ofHosts(instance) : [] }
    })
    this.checkOwner(context, `instance ${uuid}`, instance.project_id)
    return buildNetworkInfo(instance, networks, hostAddresses, {
      dhcp: this.topology.dhcp,
      shouldCreateBridge: this.topology.managesHost,
    })
  }

  async getInstance(context: RequestContext, instanceUuid: string): Promise<InstanceSummary> {
    const uuid = parseUuid(instanceUuid)
    const instance = await this.findInstance(context, uuid)
    if (instance === null) throw new InstanceNotFound({ instance_uuid: uuid })
    return instanceSummary(instance)
  }

  async listInstances(context: RequestContext): Promise<readonly InstanceSummary[]> {
    const filter = context.is_admin || context.project_id === null ? {} : { projectId: context.project_id }
    return (await this.services.database.read((store) => store.instances.list(filter))).map(instanceSummary)
  }

  async getVifsByInstance(context: RequestContext, instanceUuid: string): Promise<readonly VirtualInterfaceRow[]> {
    const uuid = parseUuid(instanceUuid)
    if ((await this.findInstance(context, uuid)) === null) throw new InstanceNotFound({ instance_uuid: uuid })
    return this.services.database.read((store) => store.virtualInterfaces.list({ instanceUuid: uuid }))
  }

  getDhcpLeases(_context: RequestContext, networkUuid: string | null): Promise<readonly Lease[]> {
    return listLeases(this.services.database, networkUuid === null ? null : parseUuid(networkUuid))
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

  // ---- shared steps

  /**
   * Returns when the host is as the facts of the owners want it.
   * @param host null: nobody is to be configured
   * @throws {HostChangeFailed} @throws {ServiceUnavailable} naming the host
   */
  async converge(context: RequestContext, host: string | null, owners: readonly string[]): Promise<void> {
    if (host === null) return
    if (host === this.host) return this.agent.reconcileOwners(owners)
    const args = { owners, context: { ...context } } as unknown as JsonObject
    const left = timeLeftMs()
    const options = left === undefined ? {} : { timeoutMs: Math.max(1, left) }
    await this.services.rpc.call({ topic: NETWORK_TOPIC, server: host }, 'reconcile_owners', args, options)
  }

  /** For what must not fail because a host is away: it catches up when it is back (defects-manager B4). */
  async convergeOrLog(context: RequestContext, host: string | null, owners: readonly string[]): Promise<void> {
    if (host === null) return
    const { logger } = this.services
    try {
      if (host === this.host || (await isUp(this, host))) await this.converge(context, host, owners)
      else logger.warn('a host is down: it is brought in line when it is back', { host, owners })
    } catch (error) {
      logger.error('the host is not in line yet; it is tried again periodically', { host, owners, error })
    }
  }

  /** @throws {Forbidden} */
  checkOwner(context: RequestContext, what: string, projectId: string | null): void {
    if (!mayActFor(context, projectId)) throw new Forbidden({ what, project_id: context.project_id })
  }

  /** @returns null when it is not there. @throws {Forbidden} */
  async findInstance(context: RequestContext, uuid: string): Promise<InstanceDetail | null> {
    try {
      const instance = await this.services.database.read((store) => store.instances.byUuid(uuid))
      this.checkOwner(context, `instance ${uuid}`, instance.project_id)
      return instance
    } catch (error) {
      if (error instanceof InstanceNotFound) return null
      throw error
    }
  }
}
