import type { InstanceDetail, NetworkRow } from 'netloom/contracts'
import { aNetwork, anInstance, aVirtualInterface, macOf, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { buildNetworkInfo, type NetworkInfoTopology } from '../../../core/network/network-info-builder.ts'

const flatDhcp: NetworkInfoTopology = { dhcp: true, shouldCreateBridge: true, ipv6Backend: 'rfc2462' }
const flat = { ...flatDhcp, dhcp: false, shouldCreateBridge: false }

const vif = (id: number, networkId: number, fixedIps: InstanceDetail['virtual_interfaces'][0]['fixed_ips']) => ({
  ...aVirtualInterface({ id, network_id: networkId }),
  network_uuid: aNetwork({ id: networkId }).uuid,
  fixed_ips: fixedIps,
})

const ip = (address: string | null, type: string) => ({ address, type, version: address === null ? null : 4, meta: {} })

test('an interface with its network, addresses and floating IPs, key for key as a hypervisor knows it', () => {
  const instance = anInstance({
    rxtx_factor: 2,
    virtual_interfaces: [vif(1, 1, [{ address: '10.0.0.4', floating_ips: ['203.0.113.10'] }])],
  })
  const network = aNetwork({ rxtx_base: 3, bridge_interface: 'eth1', injected: true, dns2: '9.9.9.9' })
  expect(buildNetworkInfo(instance, [network], [], flatDhcp)).toEqual([
    {
      id: uuidOf(2001),
      address: macOf(1),
      type: 'bridge',
      details: {},
      devname: null,
      ovs_interfaceid: null,
      qbh_params: null,
      qbg_params: null,
      active: false,
      vnic_type: 'normal',
      profile: null,
      preserve_on_delete: false,
      meta: { rxtx_cap: 6 },
      network: {
        id: uuidOf(1001),
        bridge: 'br100',
        label: 'private',
        meta: { tenant_id: 'demo', injected: true, should_create_bridge: true, bridge_interface: 'eth1' },
        subnets: [
          {
            cidr: '10.0.0.0/24',
            version: 4,
            routes: [],
            gateway: ip('10.0.0.1', 'gateway'),
            dns: [ip('8.8.4.4', 'dns'), ip('9.9.9.9', 'dns')],
            ips: [{ ...ip('10.0.0.4', 'fixed'), floating_ips: [ip('203.0.113.10', 'floating')] }],
            meta: { dhcp_server: '10.0.0.1' },
          },
          { cidr: null, version: null, routes: [], gateway: ip(null, 'gateway'), dns: [], ips: [], meta: {} },
        ],
      },
    },
  ])
})

describe('interfaces', () => {
  const networks = [aNetwork({ id: 1 }), aNetwork({ id: 2, cidr: '10.0.1.0/24' })]

  test('come in the order in which they were made, also those without an address (defects-manager D7, G2)', () => {
    const instance = anInstance({
      virtual_interfaces: [vif(3, 2, []), vif(5, 1, [{ address: '10.0.0.9', floating_ips: [] }]), vif(4, 1, [])],
    })
    const info = buildNetworkInfo(instance, networks, [], flatDhcp)
    expect(info.map(({ address, network }) => [address, network.id])).toEqual([
      [macOf(3), uuidOf(1002)],
      [macOf(5), uuidOf(1001)],
      [macOf(4), uuidOf(1001)],
    ])
    expect(info.map(({ network }) => network.subnets[0]?.ips.map(({ address }) => address))).toEqual([
      [],
      ['10.0.0.9'],
      [],
    ])
  })

  test('of a network that is gone do not appear', () => {
    const instance = anInstance({ virtual_interfaces: [vif(1, 7, []), vif(2, 1, [])] })
    expect(buildNetworkInfo(instance, networks, [], flatDhcp).map(({ address }) => address)).toEqual([macOf(2)])
  })
})

describe('the network', () => {
  const subnetOf = (
    network: NetworkRow,
    topology = flatDhcp,
    hostAddresses: { network_id: number; address: string }[] = [],
  ) => buildNetworkInfo(anInstance(), [network], hostAddresses, topology)[0]!.network

  test('says nothing of bridges and DHCP where the manager makes none', () => {
    const { meta, subnets } = subnetOf(aNetwork({ bridge_interface: 'eth1' }), flat)
    expect(meta).toEqual({ tenant_id: 'demo' })
    expect(subnets[0]?.meta).toEqual({})
  })

  test.each([
    [aNetwork({ dhcp_server: '10.0.0.5' }), '10.0.0.5', '10.0.0.1'],
    [aNetwork({ dhcp_server: null }), '10.0.0.1', '10.0.0.1'],
    [aNetwork({ dhcp_server: null, gateway: null }), undefined, null],
  ])('has a DHCP server of its own, or its gateway', (network, server, gateway) => {
    const [subnet] = subnetOf(network).subnets
    expect([subnet?.meta.dhcp_server, subnet?.gateway.address]).toEqual([server, gateway])
  })

  test('with multi_host is served by the address of the instance’s host', () => {
    const network = aNetwork({ multi_host: true })
    const { meta, subnets } = subnetOf(network, flatDhcp, [{ network_id: network.id, address: '10.0.0.33' }])
    expect(meta.multi_host).toBe(true)
    expect([subnets[0]?.gateway.address, subnets[0]?.meta.dhcp_server]).toEqual(['10.0.0.33', '10.0.0.33'])
  })

  test('has two subnets always, the second for IPv6', () => {
    const network = aNetwork({ cidr_v6: 'fd00::/64', gateway_v6: 'fd00::1' })
    expect(subnetOf(network).subnets[1]).toMatchObject({
      cidr: 'fd00::/64',
      version: 6,
      gateway: { address: 'fd00::1', version: 6 },
    })
  })

  test('has the one IPv6 address that the guest makes, by the backend of the flag; no row holds it', () => {
    const network = aNetwork({ cidr_v6: 'fd00:0:0:64::/64', gateway_v6: 'fd00:0:0:64::1' })
    const addresses = (ipv6Backend: NetworkInfoTopology['ipv6Backend']) =>
      subnetOf(network, { ...flatDhcp, ipv6Backend }).subnets[1]!.ips
    expect(addresses('rfc2462')).toEqual([
      { address: 'fd00::64:f816:3eff:fe00:1', type: 'fixed', version: 6, meta: {}, floating_ips: [] },
    ])
    expect(addresses('account_identifier')[0]!.address).toBe('fd00::64:89e4:95e7:ff00:1')
    expect(subnetOf(network).subnets[1]!.meta).toEqual({ dhcp_server: 'fd00:0:0:64::1' })
  })

  test('says its VLAN where the manager makes devices', () => {
    const network = aNetwork({ vlan: 100, bridge_interface: 'eth1' })
    const vlan = { should_create_vlan: true, vlan: 100 }
    expect(subnetOf(network).meta).toEqual({
      tenant_id: 'demo',
      should_create_bridge: true,
      bridge_interface: 'eth1',
      ...vlan,
    })
    expect(subnetOf(network, flat).meta).toEqual({ tenant_id: 'demo' })
  })

  test.each([
    [null, 2, {}],
    [3, null, {}],
    [3, 0.5, { rxtx_cap: 1.5 }],
  ])('rxtx_base %s and rxtx_factor %s: %o', (rxtx_base, rxtx_factor, meta) => {
    expect(buildNetworkInfo(anInstance({ rxtx_factor }), [aNetwork({ rxtx_base })], [], flatDhcp)[0]?.meta).toEqual(
      meta,
    )
  })
})
