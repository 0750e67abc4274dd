import {
  type CreateNetworksRequest,
  type CreationDefaults,
  type NetworkRow,
  planNetworks,
  type VlanDefaults,
} from 'netloom/contracts'
import { aNetwork, SeededRandom, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'

const numbering: VlanDefaults = { vlan_start: 100, vpn_start: 1000, cnt_vpn_clients: 0, vpn_ip: null }
const flat: CreationDefaults = {
  fixed_range: null,
  num_networks: 1,
  network_size: 256,
  multi_host: false,
  flat_network_dns: '8.8.4.4',
  bridge: 'br100',
  bridge_interface: null,
  bridgeFlag: 'flat_network_bridge',
  ownBridge: true,
}

type Facts = Partial<CreationDefaults> & { readonly numbers?: Partial<VlanDefaults> }

/** What a manager with VLANs plans. */
function plan(request: CreateNetworksRequest, facts: Facts = {}, existing: readonly NetworkRow[] = []) {
  const { numbers, ...values } = facts
  const vlan = { ...numbering, ...numbers }
  const defaults = { ...flat, bridge: null, bridgeFlag: null, bridge_interface: 'eth1', vlan, ...values }
  return planNetworks({ label: 'private', ...request }, defaults, existing, makeUuid())
}

function makeUuid() {
  const random = new SeededRandom()
  return () => random.uuid()
}

const onVlan = (id: number, vlan: number | null, values: Partial<NetworkRow> = {}) =>
  aNetwork({ id, cidr: `172.16.${id}.0/24`, vlan, bridge: `other${id}`, ...values })
const RANGE = { cidr: '10.0.0.0/8', network_size: 16 }

describe('networks on VLANs', () => {
  test('three of sixteen from the beginning of the range: bridge, trunk, VPN server and port of each', () => {
    const made = plan({ ...RANGE, num_networks: 3 })
    expect(
      made.map((network) => [
        ...[network.label, network.cidr, network.vlan, network.bridge, network.bridge_interface],
        ...[network.gateway, network.vpn_private_address, network.dhcp_start, network.vpn_public_port],
      ]),
    ).toEqual([
      ['private_0', '10.0.0.0/28', 100, 'br100', 'eth1', '10.0.0.1', '10.0.0.2', '10.0.0.3', 1000],
      ['private_1', '10.0.0.16/28', 101, 'br101', 'eth1', '10.0.0.17', '10.0.0.18', '10.0.0.19', 1001],
      ['private_2', '10.0.0.32/28', 102, 'br102', 'eth1', '10.0.0.33', '10.0.0.34', '10.0.0.35', 1002],
    ])
    // Nobody's until a project asks; the public address is that of the host which serves it.
    expect(made[0]).toMatchObject({ project_id: null, host: null, vpn_public_address: null, enable_dhcp: true })
  })

  test.each<[string, CreateNetworksRequest, Facts, readonly string[]]>([
    ['network, gateway, VPN server, broadcast', {}, {}, ['.0', '.15', '.1', '.2']],
    [
      'and those of VPN clients at the top',
      {},
      { numbers: { cnt_vpn_clients: 3 } },
      ['.0', '.15', '.1', '.2', '.14', '.13', '.12'],
    ],
    ['a DHCP server of its own', { dhcp_server: '10.0.0.2' }, {}, ['.0', '.15', '.1', '.2', '.3']],
    ['a gateway elsewhere', { gateway: '10.0.0.14' }, {}, ['.0', '.15', '.14', '.1']],
    ['where the pool begins', { allowed_start: '10.0.0.8', gateway: '10.0.0.1' }, {}, ['.0', '.15', '.1', '.8']],
  ])('reserved is only what is special: %s (defects-manager D9)', (_what, request, facts, last) => {
    const [network] = plan({ cidr: '10.0.0.0/28', ...request }, facts)
    expect(network!.reserved).toEqual(last.map((end) => `10.0.0${end}`))
  })

  const spread = [onVlan(1, 100), onVlan(2, 101), onVlan(3, null)]
  test.each<[string, number, CreateNetworksRequest, readonly number[]]>([
    ['around those that are used', 2, { vlan_start: 98 }, [98, 99]],
    ['and past them', 3, { vlan_start: 98 }, [98, 99, 102]],
    ['from the flag on', 1, {}, [102]],
    ['up to the last', 1, { vlan_start: 4094 }, [4094]],
    ['the one that is asked for', 1, { vlan: 7 }, [7]],
  ])('the lowest free ids: %s (defects-manager D5)', (_what, num_networks, request, expected) => {
    const made = plan({ ...RANGE, num_networks, ...request }, {}, spread)
    expect(made.map(({ vlan }) => vlan)).toEqual(expected)
    expect(made.map(({ bridge }) => bridge)).toEqual(expected.map((vlan) => `br${vlan}`))
  })

  test('VPN ports are the lowest free ones too, at the address of the flag', () => {
    const existing = [onVlan(1, 1, { vpn_public_port: 1001 }), onVlan(2, 2, { vpn_public_port: null })]
    const facts = { numbers: { vpn_ip: '203.0.113.9' } }
    const made = plan({ ...RANGE, num_networks: 3 }, facts, existing)
    expect(made.map((network) => [network.vpn_public_address, network.vpn_public_port])).toEqual(
      [1000, 1002, 1003].map((port) => ['203.0.113.9', port]),
    )
    expect(plan({ ...RANGE, vpn_start: 5000 })[0]!.vpn_public_port).toBe(5000)
  })

  test('the request is before the flags; a bridge of one network may have a name of its own', () => {
    const given = { bridge: 'br-red', bridge_interface: 'eth7', vlan: 7, project_id: 'red' }
    expect(plan({ ...RANGE, ...given })[0]).toMatchObject(given)
  })

  test.each<[string, CreateNetworksRequest, Facts, readonly NetworkRow[]]>([
    ['NetworkNotCreated', RANGE, { bridge_interface: null }, []],
    ['DuplicateVlan', { ...RANGE, vlan: 100 }, {}, spread],
    ['InvalidInput', { ...RANGE, vlan: 100, num_networks: 2 }, {}, []],
    ['InvalidInput', { ...RANGE, vlan: 0 }, {}, []],
    ['InvalidInput', { ...RANGE, vlan: 4095 }, {}, []],
    ['InvalidIntValue', { ...RANGE, vlan: 7.5 }, {}, []],
    ['InvalidInput', { ...RANGE, vlan_start: 4095 }, {}, []],
    ['NoMoreVlans', { ...RANGE, vlan_start: 4093, num_networks: 3 }, {}, []],
    ['NoMoreVlans', { ...RANGE, vlan_start: 4094 }, {}, [onVlan(1, 4094)]],
    ['InvalidInput', { ...RANGE, vpn_start: 0 }, {}, []],
    ['NoMoreVpnPorts', { ...RANGE, vpn_start: 65_535, num_networks: 2 }, {}, []],
    ['InvalidInput', { ...RANGE, bridge: 'br7', num_networks: 2 }, {}, []],
    ['BridgeInUse', { ...RANGE, bridge: 'other1' }, {}, spread],
    ['BridgeInUse', RANGE, {}, [onVlan(1, 5, { bridge: 'br100' })]],
    ['NetworkRangeTooSmall', { cidr: '10.0.0.0/26', network_size: 16, num_networks: 5 }, {}, []],
    ['InvalidInput', { cidr: '10.0.0.0/30' }, {}, []],
    ['InvalidInput', { cidr: '10.0.0.0/28' }, { numbers: { cnt_vpn_clients: 12 } }, []],
    ['InvalidInput', { cidr: '10.0.0.0/28' }, { numbers: { cnt_vpn_clients: 100 } }, []],
    ['InvalidInput', { cidr: '10.0.0.0/28', gateway: '10.0.0.1', allowed_start: '10.0.0.15' }, {}, []],
  ])('%s for %o with %o', (code, request, facts, existing) => {
    expect(() => plan(request, facts, existing)).toThrow(expect.objectContaining({ code }))
  })
})

describe('a manager without VLANs', () => {
  const planFlat = (request: CreateNetworksRequest) =>
    planNetworks({ label: 'private', ...request }, flat, [], makeUuid())

  test('makes networks without any of it, whatever the flag is called (defects-manager D6)', () => {
    const columns = { vlan: null, vpn_public_address: null, vpn_public_port: null, vpn_private_address: null }
    expect(planFlat({ cidr: '10.0.0.0/28' })[0]).toMatchObject({ ...columns, dhcp_start: '10.0.0.2' })
  })

  test.each(['vlan', 'vlan_start', 'vpn_start'])('passes over no %s in silence (defects-manager D3)', (key) => {
    const wrong = () => planFlat({ cidr: '10.0.0.0/28', [key]: 7 })
    expect(wrong).toThrow(expect.objectContaining({ code: 'NotSupported', message: expect.stringContaining(key) }))
  })
})

describe('IPv6', () => {
  const columns = (request: CreateNetworksRequest, existing: readonly NetworkRow[] = []) =>
    plan(request, {}, existing).map(({ cidr, cidr_v6, netmask_v6, gateway_v6 }) => [
      cidr,
      cidr_v6,
      netmask_v6,
      gateway_v6,
    ])
  const MASK = 'ffff:ffff:ffff:ffff::'

  test('each network gets a /64 beside its IPv4 block, around those that are used', () => {
    const used = [onVlan(1, 1, { cidr_v6: 'fd00:0:0:1::/64' })]
    expect(columns({ ...RANGE, num_networks: 3, cidr_v6: 'fd00::/48' }, used)).toEqual([
      ['10.0.0.0/28', 'fd00::/64', MASK, 'fd00::1'],
      ['10.0.0.16/28', 'fd00:0:0:2::/64', MASK, 'fd00:0:0:2::1'],
      ['10.0.0.32/28', 'fd00:0:0:3::/64', MASK, 'fd00:0:0:3::1'],
    ])
  })

  test('a gateway that is asked for is canonical text', () => {
    const request = { cidr: '10.0.0.0/28', cidr_v6: 'fd00::/64', gateway_v6: 'FD00:0::00FF' }
    expect(columns(request)).toEqual([['10.0.0.0/28', 'fd00::/64', MASK, 'fd00::ff']])
  })

  test('without IPv4 there is no pool, no DHCP and no VPN server, and fixed_range is not used (defects-manager D7)', () => {
    const [network] = plan({ cidr_v6: 'fd00::/64' }, { fixed_range: '10.9.0.0/24' })
    expect(network).toMatchObject({
      ...{ cidr: null, netmask: null, broadcast: null, gateway: null, dhcp_server: null, dhcp_start: null },
      ...{ range: null, reserved: [], enable_dhcp: false, cidr_v6: 'fd00::/64', vlan: 100, bridge: 'br100' },
      ...{ vpn_private_address: null, vpn_public_port: null },
    })
  })

  test.each<[string, CreateNetworksRequest, readonly NetworkRow[]]>([
    ['NetworkRangeTooSmall', { cidr: '10.0.0.0/28', cidr_v6: 'fd00::/80' }, []],
    ['NetworkRangeTooSmall', { cidr_v6: 'fd00::/65' }, []],
    ['NetworkRangeTooSmall', { ...RANGE, cidr_v6: 'fd00::/63', num_networks: 3 }, []],
    ['CidrConflict', { cidr: '10.0.0.0/28', cidr_v6: 'fd00::/64' }, [onVlan(1, 1, { cidr_v6: 'fd00::/48' })]],
    ['CidrConflict', { cidr: '10.0.0.0/28' }, [onVlan(1, 1, { cidr: null }), onVlan(2, 2, { cidr: '10.0.0.0/28' })]],
    ['InvalidInput', { cidr: '10.0.0.0/28', cidr_v6: '10.1.0.0/24' }, []],
    ['InvalidCidr', { cidr: '10.0.0.0/28', cidr_v6: 'fd00::' }, []],
    ['InvalidAddress', { cidr: '10.0.0.0/28', cidr_v6: 'fd00::/64', gateway_v6: '10.0.0.1' }, []],
    ['AddressOutOfRange', { cidr: '10.0.0.0/28', cidr_v6: 'fd00::/64', gateway_v6: 'fd01::1' }, []],
    ['InvalidInput', { cidr: '10.0.0.0/28', cidr_v6: 'fd00::/64', gateway_v6: 'fd00::' }, []],
    ['NetworkNotCreated', { cidr: '10.0.0.0/28', gateway_v6: 'fd00::1' }, []],
    ['NetworkNotCreated', { cidr_v6: 'fd00::/64', gateway: '10.0.0.1' }, []],
    ['NetworkNotCreated', {}, []],
    ['InvalidInput', { cidr_v6: 'fd00::/48', uuid: uuidOf(1), num_networks: 2 }, []],
  ])('%s for %o: no silent nothing (defects-manager D3)', (code, request, existing) => {
    expect(() => plan(request, {}, existing)).toThrow(expect.objectContaining({ code }))
  })
})
