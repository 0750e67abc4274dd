/** Rows -> NetworkInfo. Pure. Source: nova/network/manager.py get_instance_nw_info and _get_subnets_from_network. */

import { versionOf } from '../model/address.ts'
import { guestAddressV6, type Ipv6Backend } from '../model/ipv6.ts'
import type { FixedIpModel, IpModel, NetworkInfo, NetworkModel, SubnetModel } from '../model/network-info.ts'
import type { FixedIpRow, InstanceDetail, NetworkRow } from '../model/rows.ts'

/** What the kind of manager adds to a network's `meta`. */
export interface NetworkInfoTopology {
  readonly dhcp: boolean
  readonly shouldCreateBridge: boolean
  /** How guests make their IPv6 addresses. */
  readonly ipv6Backend: Ipv6Backend
}

/**
 * @param networks those of its interfaces
 * @param hostAddresses the addresses of its host in multi_host networks: gateway and DHCP server there
 */
export function buildNetworkInfo(
  instance: InstanceDetail,
  networks: readonly NetworkRow[],
  hostAddresses: readonly Pick<FixedIpRow, 'network_id' | 'address'>[],
  topology: NetworkInfoTopology,
): NetworkInfo {
  return instance.virtual_interfaces.flatMap((vif) => {
    const row = networks.find(({ id }) => id === vif.network_id)
    if (!row) return []
    const server = hostAddresses.find(({ network_id }) => network_id === row.id)?.address
    const network = row.multi_host && server !== undefined ? { ...row, gateway: server, dhcp_server: server } : row
    const ips = vif.fixed_ips.map(
      (fixed): FixedIpModel => ({
        ...ip(fixed.address, 'fixed'),
        floating_ips: fixed.floating_ips.map((address) => ip(address, 'floating')),
      }),
    )
    const bandwidth =
      network.rxtx_base !== null && instance.rxtx_factor !== null
        ? { rxtx_cap: network.rxtx_base * instance.rxtx_factor }
        : {}
    return {
      id: vif.uuid,
      address: vif.address,
      type: 'bridge',
      details: {},
      devname: vif.device,
      ovs_interfaceid: null,
      qbh_params: null,
      qbg_params: null,
      active: false,
      vnic_type: 'normal',
      profile: null,
      preserve_on_delete: false,
      meta: bandwidth,
      network: networkModel(instance, network, ips, vif.address, topology),
    }
  })
}

function networkModel(
  instance: InstanceDetail,
  network: NetworkRow,
  ips: readonly FixedIpModel[],
  mac: string,
  topology: NetworkInfoTopology,
): NetworkModel {
  return {
    id: network.uuid,
    bridge: network.bridge,
    label: network.label,
    subnets: [subnetV4(network, ips, topology), subnetV6(network, instance.project_id, mac, topology)],
    meta: {
      tenant_id: instance.project_id,
      ...(network.injected ? { injected: true } : {}),
      ...(topology.shouldCreateBridge ? { should_create_bridge: true } : {}),
      ...(topology.shouldCreateBridge && network.vlan !== null ? { should_create_vlan: true, vlan: network.vlan } : {}),
      ...(topology.shouldCreateBridge && network.bridge_interface
        ? { bridge_interface: network.bridge_interface }
        : {}),
      ...(network.multi_host ? { multi_host: true } : {}),
    },
  }
}

function subnetV4(network: NetworkRow, ips: readonly FixedIpModel[], topology: NetworkInfoTopology): SubnetModel {
  const dns = [network.dns1, network.dns2].filter((address) => address !== null)
  const server = network.dhcp_server ?? network.gateway
  return {
    cidr: network.cidr,
    version: network.cidr === null ? null : 4,
    dns: dns.map((address) => ip(address, 'dns')),
    gateway: ip(network.gateway, 'gateway'),
    ips,
    routes: [],
    meta: topology.dhcp && server !== null ? { dhcp_server: server } : {},
  }
}

/** Its one address is the one that the guest makes of the prefix and its MAC address. */
function subnetV6(network: NetworkRow, project: string, mac: string, topology: NetworkInfoTopology): SubnetModel {
  const { cidr_v6: prefix, gateway_v6: server } = network
  const address = prefix === null ? null : guestAddressV6(topology.ipv6Backend, prefix, mac, project)
  return {
    cidr: network.cidr_v6,
    version: network.cidr_v6 === null ? null : 6,
    dns: [],
    gateway: ip(network.gateway_v6, 'gateway'),
    ips: address === null ? [] : [{ ...ip(address, 'fixed'), floating_ips: [] }],
    routes: [],
    meta: topology.dhcp && server !== null ? { dhcp_server: server } : {},
  }
}

function ip(address: string | null, type: IpModel['type']): IpModel {
  return { address, type, version: address === null ? null : versionOf(address), meta: {} }
}
