/**
 * The base of every manager. A public operation is one validated transaction, then "bring the host in line with the
 * rows"; the call returns when the host is configured. Source: nova/network/manager.py NetworkManager.
 */
import { NETWORK_TOPIC } from '../api/network-api.ts'
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
import { FixedIpNotAllocated, Forbidden, InstanceNotFound, NetworkNotFoundForProject } from '../errors/index.ts'
import { parseAddress } from '../model/address.ts'
import { parseUuid } from '../model/names.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import { mayActFor, type RequestContext } from '../model/request-context.ts'
import type { InstanceDetail, NetworkRow, VirtualInterfaceRow } from '../model/rows.ts'
import { attachVif, detachVifs } from './attachments.ts'
import { Compensation } from './compensation.ts'
import type { Topology } from './host-planner.ts'
import { LeaseEvents } from './lease-events.ts'
import { endLeasesOfReleasedAddresses, freeStaleAddresses, listLeases, recordLease, recordRelease } from './leases.ts'
import type { ManagerServices } from './manager-services.ts'
import { type CreationDefaults, planNetworks } from './network-creation.ts'
import { buildNetworkInfo } from './network-info-builder.ts'
import { createNics, fixedIpRequest, type Nic, parseAllocateRequest } from './nics.ts'
import { leasesOwner, networkOwner, portOwner, vifOwner } from './owners.ts'
import { HostReconciler } from './reconciler.ts'
import { instanceSummary } from './summaries.ts'

export abstract class NetworkManager implements NetworkOperations {
  /** What this kind of manager does on its hosts. */
  abstract readonly topology: Topology
  readonly services: ManagerServices
  /** @internal */
  readonly leaseEvents: LeaseEvents
  /** Made when first used: the topology is a subclass's. @internal */
  hostReconciler: HostReconciler | null = null

  constructor(services: ManagerServices) {
    this.services = services
    this.leaseEvents = new LeaseEvents(services.leaseSpool, services.logger, async ({ action, address, mac }) => {
      await (action === 'add' ? this.leaseFixedIp(address, mac) : this.releaseFixedIp(address, mac))
    })
  }

  get host(): string {
    return this.services.host
  }

  /** @internal */
  get reconciler(): HostReconciler {
    this.hostReconciler ??= new HostReconciler(this.services, this.topology)
    return this.hostReconciler
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

  async initHost(): Promise<void> {
    await this.leaseEvents.drain()
    const report = await this.reconciler.reconcileAll()
    for (const { owner, text } of report.waiting) this.services.logger.warn('not on the host yet', { owner, text })
    this.leaseEvents.watch()
    if (this.topology.dhcp) await endLeasesOfReleasedAddresses(this)
  }

  async periodicTasks(): Promise<void> {
    await this.leaseEvents.drain()
    if (!this.topology.dhcp) return
    await endLeasesOfReleasedAddresses(this)
    await freeStaleAddresses(this)
  }

  async close(): Promise<void> {
    this.leaseEvents.close()
  }

  // ---- networks

  async createNetworks(_context: RequestContext, request: CreateNetworksRequest): Promise<readonly NetworkRow[]> {
    const { database, random } = this.services
    return database.transaction(async (store) => {
      const planned = planNetworks(request, this.creationDefaults(), await store.networks.list(), () => random.uuid())
      const made: NetworkRow[] = []
      for (const network of planned) made.push(await store.networks.create(network))
      return made
    })
  }

  async deleteNetwork(context: RequestContext, uuid: string): Promise<void> {
    const network = await this.services.database.transaction(async (store) => {
      const row = await store.networks.byUuid(parseUuid(uuid))
      await store.networks.remove(row.id)
      return row
    })
    const owners = [networkOwner(network.id), leasesOwner(network.id)]
    if (network.host !== null && network.host !== this.host) {
      const args = { owners, context: { ...context } }
      await this.services.rpc.call({ topic: NETWORK_TOPIC, server: network.host }, 'reconcile_owners', args)
    } else {
      await this.reconcileOrLog(owners)
    }
  }

  async getNetwork(context: RequestContext, uuid: string): Promise<NetworkSummary> {
    return this.services.database.read(async (store) => {
      const network = await store.networks.byUuid(parseUuid(uuid))
      this.checkNetworkVisible(context, network)
      return { ...network, addresses: await store.networks.usage(network.id) }
    })
  }

  async getAllNetworks(context: RequestContext): Promise<readonly NetworkSummary[]> {
    return this.services.database.read(async (store) => {
      const networks = (await store.networks.list()).filter(
        (network) => network.project_id === null || mayActFor(context, network.project_id),
      )
      const summaries: NetworkSummary[] = []
      for (const network of networks) summaries.push({ ...network, addresses: await store.networks.usage(network.id) })
      return summaries
    })
  }

  /** Takes a network that has no host for this one. @returns the host that it has, whoever won */
  async setNetworkHost(_context: RequestContext, networkId: number): Promise<string> {
    const host = await this.services.database.transaction((store) => store.networks.claimHost(networkId, this.host))
    if (host === this.host) await this.reconcileOrLog([networkOwner(networkId), leasesOwner(networkId)])
    return host
  }

  // ---- instances

  async allocateForInstance(context: RequestContext, request: AllocateRequest): Promise<NetworkInfo> {
    const wish = parseAllocateRequest(request, this.host)
    this.checkOwner(context, `project ${wish.project_id}`, wish.project_id)
    const compensation = new Compensation()
    try {
      const nics = await createNics(this, wish, compensation)
      await this.allocateFixedIps(context, nics, compensation)
    } catch (error) {
      await compensation.undoAll(this.services.logger)
      throw error
    }
    return this.getInstanceNwInfo(context, request.instance_uuid)
  }

  /** Takes an address for each interface. The topology decides where: here, or on the network's host. */
  async allocateFixedIps(context: RequestContext, nics: readonly Nic[], compensation: Compensation): Promise<void> {
    for (const nic of nics) {
      const address = await this.allocateFixedIp(context, fixedIpRequest(nic))
      compensation.push(`deallocate ${address}`, () => this.deallocateFixedIp(context, address))
    }
  }

  async allocateFixedIp(_context: RequestContext, request: FixedIpRequest): Promise<string> {
    const { database } = this.services
    const claim = {
      networkId: request.network_id,
      instanceUuid: request.instance_uuid,
      virtualInterfaceId: request.virtual_interface_id,
    }
    const row = await database.transaction(({ fixedIps }) =>
      request.address === undefined
        ? fixedIps.claimFromPool(claim)
        : fixedIps.claimAddress(parseAddress(request.address), claim),
    )
    const owners = [networkOwner(row.network_id), vifOwner(request.virtual_interface_id)]
    try {
      await this.reconciler.reconcile(owners)
    } catch (error) {
      await database.transaction((store) => store.fixedIps.deallocate(row.id))
      await this.reconcileOrLog(owners)
      throw error
    }
    return row.address
  }

  async deallocateForInstance(
    context: RequestContext,
    instanceUuid: string,
  ): Promise<{ readonly addresses: readonly string[] }> {
    const uuid = parseUuid(instanceUuid)
    // An event that waits may say that a guest took its lease: that has to be known before its address is let go.
    await this.leaseEvents.drain()
    const instance = await this.findInstance(context, uuid)
    if (instance === null) return { addresses: [] }
    const addresses = instance.virtual_interfaces.flatMap((vif) => vif.fixed_ips.map((fixed) => fixed.address))
    const problems: unknown[] = []
    for (const address of addresses) {
      await this.deallocateFixedIp(context, address).catch((error: unknown) => problems.push(error))
    }
    const vifIds = instance.virtual_interfaces.map((vif) => vif.id)
    await this.services.database.transaction(async (store) => {
      await store.virtualInterfaces.remove(vifIds)
      await store.instances.remove(uuid)
    })
    await this.reconcileOrLog(vifIds.flatMap((id) => [portOwner(id), vifOwner(id)]))
    if (problems.length > 0) throw problems[0]
    return { addresses }
  }

  /** Lets an address go, on the host that serves its network. Its host entry is gone before its lease is ended (H3). */
  async deallocateFixedIp(_context: RequestContext, address: string): Promise<void> {
    const { database, dhcp, interfaceDriver, flags } = this.services
    const { row, network, vifId } = await database.transaction(async (store) => {
      const before = await store.fixedIps.byAddress(address)
      if (!before.allocated) throw new FixedIpNotAllocated({ address })
      const after = await store.fixedIps.deallocate(before.id)
      return { row: after, network: await store.networks.byId(before.network_id), vifId: before.virtual_interface_id }
    })
    const ends = row.lease_mac !== null && flags.force_dhcp_release && this.topology.dhcp
    const release = ends ? dhcp.release(interfaceDriver.getDev(network), address, row.lease_mac!) : []
    await this.reconcileOrLog([...(vifId === null ? [] : [vifOwner(vifId)]), leasesOwner(network.id)], release)
  }

  async getInstanceNwInfo(context: RequestContext, instanceUuid: string): Promise<NetworkInfo> {
    const uuid = parseUuid(instanceUuid)
    const { instance, networks } = await this.services.database.read(async (store) => ({
      instance: await store.instances.byUuid(uuid),
      networks: new Map((await store.networks.list()).map((network) => [network.id, network])),
    }))
    this.checkOwner(context, `instance ${uuid}`, instance.project_id)
    return buildNetworkInfo(instance, networks, {
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

  attachVif(_context: RequestContext, request: AttachRequest): Promise<Attachment> {
    return attachVif(this, request)
  }

  detachVifs(_context: RequestContext, instanceUuid: string): Promise<readonly Attachment[]> {
    return detachVifs(this, parseUuid(instanceUuid))
  }

  // ---- leases

  getDhcpLeases(_context: RequestContext, networkUuid: string | null): Promise<readonly Lease[]> {
    return listLeases(this.services.database, networkUuid === null ? null : parseUuid(networkUuid))
  }

  leaseFixedIp(address: string, mac: string): Promise<void> {
    return recordLease(this, address, mac)
  }

  releaseFixedIp(address: string, mac: string): Promise<void> {
    return recordRelease(this, address, mac)
  }

  // ---- hosts

  async listHosts(): Promise<readonly HostSummary[]> {
    const { database, clock, flags } = this.services
    const limit = new Date(clock.nowMs() - flags.service_down_time * 1000).toISOString()
    const rows = await database.read((store) => store.services.list())
    return rows.map((row) => ({ ...row, state: row.reported_at >= limit ? 'up' : 'down' }))
  }

  planHost(): Promise<PlanReport> {
    return this.reconciler.plan()
  }

  async reconcileHost(): Promise<ReconcileReport> {
    await this.leaseEvents.drain()
    return this.reconciler.reconcileAll()
  }

  reconcileOwners(owners: readonly string[]): Promise<void> {
    return this.reconciler.reconcile(owners)
  }

  // ---- shared steps

  /** What could not be taken away now is taken away by the next look at the whole host: a release never fails for it. */
  async reconcileOrLog(
    owners: readonly string[],
    after: Parameters<HostReconciler['reconcile']>[1] = [],
  ): Promise<void> {
    await this.reconciler.reconcile(owners, after).catch((error: unknown) => {
      this.services.logger.error('the host is not in line yet; it is tried again periodically', { owners, error })
    })
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

  checkNetworkVisible(context: RequestContext, network: NetworkRow): void {
    if (network.project_id === null || mayActFor(context, network.project_id)) return
    throw new NetworkNotFoundForProject({ uuid: network.uuid, project: context.project_id ?? '' })
  }
}
