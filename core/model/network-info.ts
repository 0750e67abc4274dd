/**
 * What a hypervisor is told about an instance's network. Source: nova/network/model.py; key names and defaults are
 * part of the contract and stay as they were.
 */
export type Meta = Readonly<Record<string, unknown>>

export interface IpModel {
  readonly address: string | null
  readonly type: 'fixed' | 'floating' | 'gateway' | 'dns'
  readonly version: 4 | 6 | null
  readonly meta: Meta
}

export interface FixedIpModel extends IpModel {
  readonly floating_ips: readonly IpModel[]
}

export interface RouteModel {
  readonly cidr: string
  readonly gateway: IpModel
  readonly interface: null
  readonly meta: Meta
}

export interface SubnetModel {
  readonly cidr: string | null
  readonly version: 4 | 6 | null
  readonly dns: readonly IpModel[]
  readonly gateway: IpModel
  readonly ips: readonly FixedIpModel[]
  readonly routes: readonly RouteModel[]
  readonly meta: Meta
}

export interface NetworkModel {
  /** The network's uuid. */
  readonly id: string
  readonly bridge: string | null
  readonly label: string
  /** Always two: [0] IPv4, [1] IPv6. */
  readonly subnets: readonly SubnetModel[]
  readonly meta: Meta
}

export interface VifModel {
  /** The VIF's uuid. */
  readonly id: string
  /** The MAC address. */
  readonly address: string
  readonly type: string
  readonly details: Meta
  readonly devname: string | null
  readonly ovs_interfaceid: string | null
  readonly qbh_params: Meta | null
  readonly qbg_params: Meta | null
  readonly active: boolean
  readonly vnic_type: string
  readonly profile: Meta | null
  readonly preserve_on_delete: boolean
  readonly meta: Meta
  readonly network: NetworkModel
}

/** One entry for each virtual interface, in order of creation. */
export type NetworkInfo = readonly VifModel[]

/** All fixed IPs, in order of the interfaces. Source: NetworkInfo.fixed_ips. */
export function fixedIpsOf(info: NetworkInfo): readonly FixedIpModel[] {
  return info.flatMap((vif) => vif.network.subnets.flatMap((subnet) => subnet.ips))
}

/** All floating IPs, in the order of the fixed IPs that they lead to. Source: NetworkInfo.floating_ips. */
export function floatingIpsOf(info: NetworkInfo): readonly IpModel[] {
  return fixedIpsOf(info).flatMap((fixed) => fixed.floating_ips)
}
