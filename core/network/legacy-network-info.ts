/**
 * NetworkInfo in the form before 2012.1: a list of (network, info) pairs. Pure. Source: nova/network/model.py
 * NetworkInfo.legacy; key names and the text "1" are part of the form.
 */
import { InvalidInput } from '../errors/input.ts'
import { addressAt, netmaskOf, parseCidr } from '../model/address.ts'
import type { NetworkInfo, SubnetModel, VifModel } from '../model/network-info.ts'

export type LegacyPair = readonly [network: LegacyNetwork, info: LegacyInfo]

export interface LegacyNetwork {
  readonly bridge: string | null
  readonly id: string
  readonly cidr: string
  readonly cidr_v6: string | null
  readonly vlan: number | null
  readonly injected: boolean
  readonly multi_host: boolean
  readonly bridge_interface: string | null
}

export interface LegacyAddress {
  readonly ip: string
  readonly enabled: '1'
  /** A dotted mask, of IPv6 the length of the prefix. */
  readonly netmask: string | number
  readonly gateway: string | null
}

export interface LegacyInfo {
  readonly label: string
  readonly broadcast: string
  readonly mac: string
  readonly vif_uuid: string
  readonly rxtx_cap: number
  readonly dns: readonly string[]
  readonly ips: readonly LegacyAddress[]
  readonly should_create_bridge: boolean
  readonly should_create_vlan: boolean
  readonly dhcp_server: string | null
  readonly routes?: readonly { readonly route: string; readonly netmask: string; readonly gateway: string | null }[]
  readonly gateway?: string
  readonly gateway_v6?: string | null
  readonly ip6s?: readonly LegacyAddress[]
}

/** Interfaces without a network or subnets are left out. @throws {InvalidInput} a network has no IPv4 */
export function legacyNetworkInfo(info: NetworkInfo): readonly LegacyPair[] {
  return info.filter(({ network }) => network?.subnets.length > 0).map(pair)
}

function pair(vif: VifModel): LegacyPair {
  const { network } = vif
  const v4 = network.subnets.find(({ version }) => version === 4)
  const v6 = network.subnets.find(({ version }) => version === 6)
  if (!v4?.cidr) {
    const want = 'a network with IPv4: the older form has no other'
    throw new InvalidInput({ what: 'network', value: network.label, want })
  }
  const { meta } = network
  const block = parseCidr(v4.cidr)
  const ofVersion4 = network.subnets.filter(({ version }) => version === 4)
  return [
    {
      bridge: network.bridge,
      id: network.id,
      cidr: v4.cidr,
      cidr_v6: v6?.cidr ?? null,
      vlan: (meta.vlan as number | undefined) ?? null,
      injected: meta.injected === true,
      multi_host: meta.multi_host === true,
      bridge_interface: (meta.bridge_interface as string | undefined) ?? null,
    },
    {
      label: network.label,
      broadcast: addressAt(block, -1),
      mac: vif.address,
      vif_uuid: vif.id,
      rxtx_cap: (vif.meta.rxtx_cap as number | undefined) ?? 0,
      dns: v4.dns.flatMap(({ address }) => address ?? []),
      ips: ofVersion4.flatMap(addressesOf),
      should_create_bridge: meta.should_create_bridge === true,
      should_create_vlan: meta.should_create_vlan === true,
      dhcp_server: (v4.meta.dhcp_server as string | undefined) ?? v4.gateway.address,
      ...(v4.routes.length > 0 ? { routes: routesOf(v4) } : {}),
      ...(v4.gateway.address === null ? {} : { gateway: v4.gateway.address }),
      ...(v6 ? { gateway_v6: v6.gateway.address, ip6s: addressesOf(v6) } : {}),
    },
  ]
}

function addressesOf({ cidr, version, ips, gateway }: SubnetModel): readonly LegacyAddress[] {
  const block = parseCidr(cidr!)
  const netmask = version === 4 ? netmaskOf(block) : block.prefix
  return ips.flatMap(({ address: ip }) =>
    ip === null ? [] : [{ ip, enabled: '1' as const, netmask, gateway: gateway.address }],
  )
}

function routesOf({ routes }: SubnetModel) {
  return routes.map(({ cidr, gateway }) => {
    const block = parseCidr(cidr)
    return { route: addressAt(block, 0), netmask: netmaskOf(block), gateway: gateway.address }
  })
}
