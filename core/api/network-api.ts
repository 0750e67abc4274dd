/**
 * The typed client of the message bus: one method for each operation, errors by name. A cloud controller and the
 * `netloom` command use it and nothing else. It loads neither database, container nor validation.
 */
import type { DnsDomain } from '../contracts/dns.ts'
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
} from '../contracts/network-operations.ts'
import type { JsonObject, RpcDriver } from '../contracts/rpc.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { NetworkRow, VirtualInterfaceRow } from '../model/rows.ts'

export const NETWORK_TOPIC = 'network'

export interface NetworkApiOptions {
  readonly rpc: Pick<RpcDriver, 'call'>
  readonly context: RequestContext
  /** How long each call may take. */
  readonly timeoutMs?: number
}

export class NetworkApi {
  readonly #options: NetworkApiOptions

  constructor(options: NetworkApiOptions) {
    this.#options = options
  }

  /** Any network host answers, or `server` when it is given. */
  async #call<T>(method: string, args: object = {}, server?: string): Promise<T> {
    const { rpc, context, timeoutMs } = this.#options
    const target = { topic: NETWORK_TOPIC, ...(server === undefined ? {} : { server }) }
    const message = { ...args, context } as unknown as JsonObject
    return (await rpc.call(target, method, message, timeoutMs === undefined ? {} : { timeoutMs })) as T
  }

  /** @throws {CidrConflict} @throws {NetworkRangeTooSmall} @throws {NetworkNotCreated} a required argument is missing */
  createNetworks(request: CreateNetworksRequest): Promise<readonly NetworkRow[]> {
    return this.#call('create_networks', request)
  }

  /** @throws {NetworkNotFoundForUUID} @throws {NetworkInUse} */
  deleteNetwork(uuid: string): Promise<void> {
    return this.#call('delete_network', { uuid })
  }

  /**
   * Gives the network to another network host, or with null to none until one takes it.
   * @throws {NetworkNotFoundForUUID} @throws {HostNotFound} @throws {ServiceUnavailable} that host is down
   */
  modifyNetwork(uuid: string, changes: { readonly host: string | null }): Promise<NetworkSummary> {
    return this.#call('modify_network', { uuid, ...changes })
  }

  /** @throws {NetworkNotFoundForUUID} */
  getNetwork(uuid: string): Promise<NetworkSummary> {
    return this.#call('get_network', { uuid })
  }

  getAllNetworks(): Promise<readonly NetworkSummary[]> {
    return this.#call('get_all_networks')
  }

  /**
   * Gives an instance its interfaces and addresses. Asking again for what it has is answered with what it has.
   * @throws {NoMoreFixedIps} @throws {NoNetworksFound} @throws {InstanceExists} it belongs to another project
   */
  allocateForInstance(request: AllocateRequest): Promise<NetworkInfo> {
    return this.#call('allocate_for_instance', request)
  }

  /** Twice is not an error. @returns the addresses that it had */
  deallocateForInstance(instanceUuid: string): Promise<{ readonly addresses: readonly string[] }> {
    return this.#call('deallocate_for_instance', { instance_uuid: instanceUuid })
  }

  /** @throws {InstanceNotFound} */
  getInstanceNwInfo(instanceUuid: string): Promise<NetworkInfo> {
    return this.#call('get_instance_nw_info', { instance_uuid: instanceUuid })
  }

  /** @throws {InstanceNotFound} */
  getInstance(instanceUuid: string): Promise<InstanceSummary> {
    return this.#call('get_instance', { instance_uuid: instanceUuid })
  }

  listInstances(): Promise<readonly InstanceSummary[]> {
    return this.#call('list_instances')
  }

  /** @throws {InstanceNotFound} */
  getVifsByInstance(instanceUuid: string): Promise<readonly VirtualInterfaceRow[]> {
    return this.#call('get_vifs_by_instance', { instance_uuid: instanceUuid })
  }

  /** Plugs an interface into its network on `host`. @throws {InstanceNotFound} @throws {AttachmentTargetInUse} */
  attach(host: string, request: AttachRequest): Promise<Attachment> {
    return this.#call('attach_vif', request, host)
  }

  /** Unplugs all interfaces of the instance on `host`. @throws {InstanceNotFound} */
  detach(host: string, instanceUuid: string): Promise<readonly Attachment[]> {
    return this.#call('detach_vifs', { instance_uuid: instanceUuid }, host)
  }

  /** Adds a range (one address, or a block without its network and broadcast address) to a pool. @returns how many */
  createFloatingIps(request: {
    readonly range?: string
    readonly pool?: string
    readonly interface?: string
  }): Promise<{ readonly pool: string; readonly addresses: number }> {
    return this.#call('create_floating_ips', request)
  }

  /** @throws {FloatingIpInUse} @throws {FloatingIpNotFoundForAddress} @returns how many */
  deleteFloatingIps(range: string): Promise<{ readonly addresses: number }> {
    return this.#call('delete_floating_ips', { range })
  }

  /** All to operators, their own to tenants. */
  listFloatingIps(): Promise<readonly FloatingIpSummary[]> {
    return this.#call('list_floating_ips')
  }

  getFloatingIpPools(): Promise<readonly { readonly name: string }[]> {
    return this.#call('get_floating_ip_pools')
  }

  /** @throws {FloatingIpPoolNotFound} @throws {NoMoreFloatingIps} @returns the address */
  allocateFloatingIp(request: { readonly project_id: string; readonly pool?: string }): Promise<string> {
    return this.#call('allocate_floating_ip', request)
  }

  /** @throws {FloatingIpAssociated} @throws {Forbidden} */
  deallocateFloatingIp(address: string): Promise<void> {
    return this.#call('deallocate_floating_ip', { address })
  }

  /** @returns the instance that the address led to before. @throws {Forbidden} @throws {FixedIpNotFoundForAddress} */
  associateFloatingIp(floatingAddress: string, fixedAddress: string): Promise<string | null> {
    return this.#call('associate_floating_ip', { floating_address: floatingAddress, fixed_address: fixedAddress })
  }

  /** @throws {FloatingIpNotAssociated} @throws {Forbidden} */
  disassociateFloatingIp(address: string): Promise<void> {
    return this.#call('disassociate_floating_ip', { address })
  }

  /** Those that a DNS driver has; tenants see the public ones that they may use. */
  getDnsDomains(): Promise<readonly DnsDomain[]> {
    return this.#call('get_dns_domains')
  }

  /** Operators only. @throws {FloatingIpDNSExists} it is a public one */
  createPrivateDnsDomain(domain: string, zone: string): Promise<DnsDomain> {
    return this.#call('create_private_dns_domain', { domain, av_zone: zone })
  }

  /** Operators only. @param project null: every project may use it @throws {FloatingIpDNSExists} it is a private one */
  createPublicDnsDomain(domain: string, project: string | null): Promise<DnsDomain> {
    return this.#call('create_public_dns_domain', { domain, project })
  }

  /** With all its entries; operators only. @throws {DnsDomainNotFound} */
  deleteDnsDomain(domain: string): Promise<void> {
    return this.#call('delete_dns_domain', { domain })
  }

  /** @throws {FloatingIpDNSExists} @throws {DnsDomainNotFound} @throws {Forbidden} the address is not the tenant's */
  addDnsEntry(entry: {
    readonly address: string
    readonly name: string
    readonly dns_type: string
    readonly domain: string
  }): Promise<void> {
    return this.#call('add_dns_entry', entry)
  }

  /** @throws {DnsEntryNotFound} @throws {DnsDomainNotFound} @throws {Forbidden} */
  modifyDnsEntry(entry: { readonly address: string; readonly name: string; readonly domain: string }): Promise<void> {
    return this.#call('modify_dns_entry', entry)
  }

  /** @throws {DnsEntryNotFound} @throws {DnsDomainNotFound} @throws {Forbidden} */
  deleteDnsEntry(entry: { readonly name: string; readonly domain: string }): Promise<void> {
    return this.#call('delete_dns_entry', entry)
  }

  /** @returns names. @throws {DnsDomainNotFound} */
  getDnsEntriesByAddress(address: string, domain: string): Promise<readonly string[]> {
    return this.#call('get_dns_entries_by_address', { address, domain })
  }

  /** @returns addresses. @throws {DnsDomainNotFound} */
  getDnsEntriesByName(name: string, domain: string): Promise<readonly string[]> {
    return this.#call('get_dns_entries_by_name', { name, domain })
  }

  /** Leases of a network (uuid), or of all. */
  getDhcpLeases(networkUuid?: string): Promise<readonly Lease[]> {
    return this.#call('get_dhcp_leases', networkUuid === undefined ? {} : { network_uuid: networkUuid })
  }

  listHosts(): Promise<readonly HostSummary[]> {
    return this.#call('list_hosts')
  }

  /** Looks at the host; changes nothing. */
  plan(host: string): Promise<PlanReport> {
    return this.#call('plan_host', {}, host)
  }

  /** Makes it so. */
  reconcile(host: string): Promise<ReconcileReport> {
    return this.#call('reconcile_host', {}, host)
  }
}
