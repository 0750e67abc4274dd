/**
 * The typed client of the message bus: one method for each operation, errors by name. A cloud controller and the
 * `netloom` command use it and nothing else. It loads neither database, container nor validation.
 */
import type {
  AllocateRequest,
  Attachment,
  AttachRequest,
  ChangeVpnRequest,
  CreateNetworksRequest,
  EventsRequest,
  FixedIpSummary,
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
} from '../contracts/network-operations.ts'
import type { AddressKind, AddressSpan } from '../model/address-history.ts'
import type { NetworkEvent } from '../model/events.ts'
import type { FeedPage } from '../model/feed.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import type { NetworkRow, VirtualInterfaceDetail } from '../model/rows.ts'
import { DnsApi } from './dns-api.ts'

export { NETWORK_TOPIC, type NetworkApiOptions } from './api-caller.ts'

export class NetworkApi extends DnsApi {
  /** @throws {CidrConflict} @throws {NetworkRangeTooSmall} @throws {NetworkNotCreated} a required argument is missing */
  createNetworks(request: CreateNetworksRequest): Promise<readonly NetworkRow[]> {
    return this.call('create_networks', request)
  }

  /** @throws {NetworkNotFoundForUUID} @throws {NetworkHasProject} @throws {NetworkInUse} */
  deleteNetwork(uuid: string): Promise<void> {
    return this.call('delete_network', { uuid })
  }

  /**
   * Gives the network to another network host or project, or with null to none until one takes it.
   * @throws {NetworkNotFoundForUUID} @throws {HostNotFound} @throws {ServiceUnavailable} that host is down
   * @throws {NetworkHasProject} another project's
   */
  modifyNetwork(uuid: string, changes: NetworkChanges): Promise<NetworkSummary> {
    return this.call('modify_network', { uuid, ...changes })
  }

  /** Takes it from its project and its host. @throws {NetworkNotFoundForUUID} */
  disassociateNetwork(uuid: string): Promise<void> {
    return this.call('disassociate_network', { uuid })
  }

  /** Gives a project another network: this one, or one that is free. @throws {NoMoreNetworks} @throws {NetworkHasProject} */
  addNetworkToProject(projectId: string, networkUuid?: string): Promise<NetworkRow> {
    return this.call('add_network_to_project', { project_id: projectId, network_uuid: networkUuid ?? null })
  }

  /** Disassociates all networks of a project that is gone. @returns them @throws {NetworkInUse} its instances are there */
  scrubProject(projectId: string): Promise<readonly NetworkRow[]> {
    return this.call('scrub_project', { project_id: projectId })
  }

  /** Where the VPN servers of a project are reached; it gets a network when it has none. @throws {VpnInUse} @throws {NoMoreNetworks} */
  changeVpn(request: ChangeVpnRequest): Promise<readonly NetworkRow[]> {
    return this.call('change_vpn', request)
  }

  /** @throws {NetworkNotFoundForUUID} */
  getNetwork(uuid: string): Promise<NetworkSummary> {
    return this.call('get_network', { uuid })
  }

  getAllNetworks(): Promise<readonly NetworkSummary[]> {
    return this.call('get_all_networks')
  }

  /**
   * Gives an instance its interfaces and addresses. Asking again for what it has is answered with what it has.
   * @throws {NoMoreFixedIps} @throws {NoNetworksFound} @throws {InstanceExists} it belongs to another project
   */
  allocateForInstance(request: AllocateRequest): Promise<NetworkInfo> {
    return this.call('allocate_for_instance', request)
  }

  /**
   * Twice is not an error.
   * @param fixedIps those that the caller knows of; whatever else the instance has goes too
   * @returns the addresses that it had
   */
  deallocateForInstance(
    instanceUuid: string,
    fixedIps?: readonly string[],
  ): Promise<{ readonly addresses: readonly string[] }> {
    const hint = fixedIps === undefined ? {} : { fixed_ips: fixedIps }
    return this.call('deallocate_for_instance', { instance_uuid: instanceUuid, ...hint })
  }

  /** @throws {InstanceNotFound} */
  getInstanceNwInfo(instanceUuid: string): Promise<NetworkInfo> {
    return this.call('get_instance_nw_info', { instance_uuid: instanceUuid })
  }

  /** @throws {InstanceNotFound} */
  getInstance(instanceUuid: string): Promise<InstanceSummary> {
    return this.call('get_instance', { instance_uuid: instanceUuid })
  }

  listInstances(): Promise<readonly InstanceSummary[]> {
    return this.call('list_instances')
  }

  /** @throws {InstanceNotFound} */
  getVifsByInstance(instanceUuid: string): Promise<readonly VirtualInterfaceDetail[]> {
    return this.call('get_vifs_by_instance', { instance_uuid: instanceUuid })
  }

  /** @returns null when no interface has it */
  getVifByMacAddress(mac: string): Promise<VirtualInterfaceDetail | null> {
    return this.call('get_vif_by_mac_address', { mac_address: mac })
  }

  /** @throws {FixedIpNotFound} */
  getFixedIp(id: number): Promise<FixedIpSummary> {
    return this.call('get_fixed_ip', { id })
  }

  /** Which instances have addresses of this kind. @throws {InvalidInput} a pattern that is no regular expression */
  getInstanceUuidsByIpFilter(filters: IpFilter): Promise<readonly InstanceAddress[]> {
    return this.call('get_instance_uuids_by_ip_filter', { filters })
  }

  /**
   * Whether these could be allocated now; takes nothing.
   * @throws {NetworkNotFoundForUUID} @throws {NetworkHostNotSet} @throws {FixedIpInvalid} @throws {FixedIpAlreadyInUse}
   */
  validateNetworks(networks: readonly RequestedNetwork[]): Promise<void> {
    return this.call('validate_networks', { networks })
  }

  /** One more address from a network (uuid). @throws {NoMoreFixedIps} @throws {InstanceNotFound} @returns what it has then */
  addFixedIpToInstance(instanceUuid: string, networkUuid: string): Promise<NetworkInfo> {
    return this.call('add_fixed_ip_to_instance', { instance_uuid: instanceUuid, network_uuid: networkUuid })
  }

  /** @throws {FixedIpNotFoundForSpecificInstance} @throws {FixedIpNotFoundForInstance} @returns what it has then */
  removeFixedIpFromInstance(instanceUuid: string, address: string): Promise<NetworkInfo> {
    return this.call('remove_fixed_ip_from_instance', { instance_uuid: instanceUuid, address })
  }

  /**
   * Brings the hosts that serve an instance in line with the rows, as if it ran on `host`.
   * @param teardown the rows say already that it does not
   */
  setupNetworksOnHost(instanceUuid: string, host: string, teardown = false): Promise<void> {
    return this.call('setup_networks_on_host', { instance_uuid: instanceUuid, host, teardown })
  }

  /** Finds a host for a network (id) that has none. @returns the one that it has now. @throws {NetworkHostNotSet} */
  setNetworkHost(networkId: number): Promise<string> {
    return this.call('set_network_host', { network_id: networkId })
  }

  /** Plugs an interface into its network on `host`. @throws {InstanceNotFound} @throws {AttachmentTargetInUse} */
  attach(host: string, request: AttachRequest): Promise<Attachment> {
    return this.call('attach_vif', request, host)
  }

  /** Unplugs all interfaces of the instance on `host`. @throws {InstanceNotFound} */
  detach(host: string, instanceUuid: string): Promise<readonly Attachment[]> {
    return this.call('detach_vifs', { instance_uuid: instanceUuid }, host)
  }

  /** The instance leaves its host: floating IPs that this carries are carried by none until it is said where it is. */
  migrateInstanceStart(request: MigrationRequest): Promise<void> {
    return this.call('migrate_instance_start', request)
  }

  /** The instance is on `dest`. @throws {HostNotFound} @throws {ServiceUnavailable} that host is down */
  migrateInstanceFinish(request: MigrationRequest): Promise<void> {
    return this.call('migrate_instance_finish', request)
  }

  /** Who holds an address, or that it is free. @throws {FixedIpNotFoundForAddress} @throws {Forbidden} */
  getFixedIpByAddress(address: string): Promise<FixedIpSummary> {
    return this.call('get_fixed_ip_by_address', { address })
  }

  /** Addresses that are used or held: of a network or of all, on any host or of one. @throws {NetworkNotFoundForUUID} */
  listFixedIps(
    filter: { readonly network_uuid?: string; readonly host?: string } = {},
  ): Promise<readonly FixedIpSummary[]> {
    return this.call('list_fixed_ips', filter)
  }

  /** Free addresses of a network (uuid), or of all, as ranges. @throws {NetworkNotFoundForUUID} */
  listFreeFixedIps(networkUuid?: string): Promise<readonly FreeRange[]> {
    return this.call('list_free_fixed_ips', networkUuid === undefined ? {} : { network_uuid: networkUuid })
  }

  /**
   * Keeps an address, FIRST-LAST or a block out of the pool of its network: all or none. @returns how many it is
   * @throws {FixedIpInUse} @throws {FixedIpNotFoundForAddress} @throws {AddressOutOfRange}
   */
  reserveFixedIps(range: string): Promise<{ readonly addresses: number }> {
    return this.call('reserve_fixed_ips', { range })
  }

  /** Gives them back to the pool, but for the network's own. @returns how many were reserved */
  unreserveFixedIps(range: string): Promise<{ readonly addresses: number }> {
    return this.call('unreserve_fixed_ips', { range })
  }

  /** Leases of a network (uuid), or of all. */
  getDhcpLeases(networkUuid?: string): Promise<readonly Lease[]> {
    return this.call('get_dhcp_leases', networkUuid === undefined ? {} : { network_uuid: networkUuid })
  }

  /** A page of what happened: `FeedReader` follows it without missing or repeating any. @throws {InvalidInput} */
  listEvents(request: EventsRequest): Promise<FeedPage<NetworkEvent>> {
    return this.call('list_events', request)
  }

  /** Who had an address when, as far as is known. */
  getAddressHistory(kind: AddressKind, address: string): Promise<readonly AddressSpan[]> {
    return this.call('get_address_history', { kind, address })
  }

  listHosts(): Promise<readonly HostSummary[]> {
    return this.call('list_hosts')
  }

  /** Looks at the host; changes nothing. */
  plan(host: string): Promise<PlanReport> {
    return this.call('plan_host', {}, host)
  }

  /** Makes it so. */
  reconcile(host: string): Promise<ReconcileReport> {
    return this.call('reconcile_host', {}, host)
  }
}
