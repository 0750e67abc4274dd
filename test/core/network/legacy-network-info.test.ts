import { aNetwork, anInstance, aVirtualInterface, macOf, uuidOf } from 'netloom/testing'
import { expect, test } from 'vitest'
import type { NetworkInfo, SubnetModel, VifModel } from '../../../core/model/network-info.ts'
import { legacyNetworkInfo } from '../../../core/network/legacy-network-info.ts'
import { buildNetworkInfo } from '../../../core/network/network-info-builder.ts'

const ip = (address: string, type: 'fixed' | 'gateway' | 'dns') =>
  ({ address, type, version: address.includes(':') ? 6 : 4, meta: {}, floating_ips: [] }) as const

const [built] = buildNetworkInfo(
  anInstance({
    rxtx_factor: 2,
    virtual_interfaces: [
      { ...aVirtualInterface(), network_uuid: uuidOf(1001), fixed_ips: [{ address: '10.0.0.4', floating_ips: [] }] },
    ],
  }),
  [aNetwork({ rxtx_base: 3, bridge_interface: 'eth1' })],
  [],
  { dhcp: true, shouldCreateBridge: true, ipv6Backend: 'rfc2462' },
) as NetworkInfo

const v6: SubnetModel = {
  cidr: 'fd00:0:0:64::/64',
  version: 6,
  dns: [],
  gateway: ip('fd00:0:0:64::1', 'gateway'),
  ips: [ip('fd00::64:f816:3eff:fe4a:1101', 'fixed')],
  routes: [],
  meta: {},
}

const withSubnets = (subnets: readonly SubnetModel[], meta = {}): VifModel => ({
  ...built!,
  network: { ...built!.network, subnets, meta: { ...built!.network.meta, ...meta } },
})

const [v4] = built!.network.subnets as readonly [SubnetModel, ...SubnetModel[]]

test('pairs of network and info, key for key as before 2012.1', () => {
  const vlan = { should_create_vlan: true, vlan: 100 }
  expect(legacyNetworkInfo([withSubnets([v4, v6], vlan)])).toEqual([
    [
      {
        bridge: 'br100',
        id: uuidOf(1001),
        cidr: '10.0.0.0/24',
        cidr_v6: 'fd00:0:0:64::/64',
        vlan: 100,
        injected: false,
        multi_host: false,
        bridge_interface: 'eth1',
      },
      {
        label: 'private',
        broadcast: '10.0.0.255',
        mac: macOf(1),
        vif_uuid: uuidOf(2001),
        rxtx_cap: 6,
        dns: ['8.8.4.4'],
        ips: [{ ip: '10.0.0.4', enabled: '1', netmask: '255.255.255.0', gateway: '10.0.0.1' }],
        should_create_bridge: true,
        should_create_vlan: true,
        dhcp_server: '10.0.0.1',
        gateway: '10.0.0.1',
        gateway_v6: 'fd00:0:0:64::1',
        ip6s: [{ ip: 'fd00::64:f816:3eff:fe4a:1101', enabled: '1', netmask: 64, gateway: 'fd00:0:0:64::1' }],
      },
    ],
  ])
})

test('what is not there is left out, and a network without IPv4 cannot be said', () => {
  const bare = { ...v4, meta: {}, gateway: { ...v4.gateway, address: null, version: null } }
  const routes = [{ cidr: '192.0.2.0/25', gateway: ip('10.0.0.9', 'gateway'), interface: null, meta: {} }]
  const [[network, info], ...others] = legacyNetworkInfo([
    withSubnets([{ ...bare, routes }], { injected: true, multi_host: true }),
    withSubnets([]),
  ]) as readonly [ReturnType<typeof legacyNetworkInfo>[number]]
  expect(others).toEqual([])
  expect(network).toMatchObject({ cidr_v6: null, vlan: null, injected: true, multi_host: true })
  expect(info.routes).toEqual([{ route: '192.0.2.0', netmask: '255.255.255.128', gateway: '10.0.0.9' }])
  expect(info.dhcp_server).toBeNull()
  expect(Object.keys(info)).not.toContain('gateway')
  expect(Object.keys(info)).not.toContain('ip6s')
  expect(() => legacyNetworkInfo([withSubnets([v6])])).toThrow('a network with IPv4')
})
