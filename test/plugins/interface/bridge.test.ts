import { aNetwork, aVirtualInterface } from 'netloom/testing'
import { expect, test } from 'vitest'
import { LinuxBridgeInterfaceDriver } from '../../../plugins/interface/bridge.ts'

const MAC = '02:6e:00:00:00:01'
const vlan100 = { kind: 'link', name: 'vlan100', type: 'vlan', vlanId: 100, macAddress: MAC, master: 'br100' }

test.each([
  ['a network without one', null, {}, ['br100'], []],
  [
    'a flat network',
    'eth7',
    { bridge_interface: 'eth1' },
    ['br100'],
    [
      { kind: 'link', name: 'eth1', type: 'existing', master: 'br100' },
      { kind: 'handover', device: 'eth1', bridge: 'br100' },
      { kind: 'sysctl', key: 'net.ipv4.conf.br100.promote_secondaries', value: '1' },
    ],
  ],
  [
    'a network on a VLAN',
    null,
    { vlan: 100, bridge_interface: 'eth1', mtu: 1450 },
    ['br100', 'vlan100'],
    [
      { kind: 'link', name: 'eth1', type: 'existing' },
      { ...vlan100, parent: 'eth1', mtu: 1450 },
    ],
  ],
  [
    'the same on a host whose trunk is called otherwise',
    'bond0',
    { vlan: 100, bridge_interface: 'eth1' },
    ['br100', 'vlan100'],
    [
      { kind: 'link', name: 'bond0', type: 'existing' },
      { ...vlan100, parent: 'bond0' },
    ],
  ],
])('the uplink of %s, and what goes with the network', (_what, vlanInterface, values, gone, uplink) => {
  const driver = new LinuxBridgeInterfaceDriver(vlanInterface)
  const network = aNetwork(values)
  const [bridge, ...rest] = driver.plug(network, MAC, true)
  expect(bridge).toMatchObject({ kind: 'link', name: 'br100', type: 'bridge' })
  expect(rest).toEqual([...uplink, { kind: 'forwarding', device: 'br100', verdict: 'accept' }])
  expect(driver.unplug(network)).toEqual(gone)
})

test('a network on a VLAN without a gateway is not forwarded (defects-linux-net A24)', () => {
  const network = aNetwork({ vlan: 100, bridge_interface: 'eth1', gateway: null })
  const [, , , forwarding] = new LinuxBridgeInterfaceDriver().plug(network, MAC, false)
  expect(forwarding).toEqual({ kind: 'forwarding', device: 'br100', verdict: 'drop' })
})

test('the peer that must answer goes with what is moved; dots in names are no levels of a setting', () => {
  const network = aNetwork({ bridge: 'br.1', bridge_interface: 'eth1' })
  const resources = new LinuxBridgeInterfaceDriver(null, ['all'], null, '192.0.2.1').plug(network, MAC, true)
  expect(resources).toContainEqual({ kind: 'handover', device: 'eth1', bridge: 'br.1', peer: '192.0.2.1' })
  expect(resources).toContainEqual(expect.objectContaining({ key: 'net.ipv4.conf.br/1.promote_secondaries' }))
})

test.each([
  ['all', ['eth0', 'all'], true, { verdict: 'accept' }],
  ['two devices', ['eth0', 'tun0'], true, { verdict: 'accept', peers: ['eth0', 'tun0'] }],
  ['itself, which it may anyway', ['br100'], true, { verdict: 'accept', peers: [] }],
  ['none', [], true, { verdict: 'accept', peers: [] }],
  ['a device, without a gateway', ['eth0'], false, { verdict: 'drop' }],
])('forward_bridge_interface: %s', (_what, devices, gateway, expected) => {
  const [, forwarding] = new LinuxBridgeInterfaceDriver(null, devices).plug(aNetwork(), MAC, gateway)
  expect(forwarding).toEqual({ kind: 'forwarding', device: 'br100', ...expected })
})

test.each([
  ['of the network', 1400, 9000, 1400],
  ['of network_device_mtu', null, 9000, 9000],
  ['none', null, null, undefined],
])('MTU of the bridge, the VLAN and the port of a guest (defects-linux-net E13): %s', (_what, mtu, flag, expected) => {
  const driver = new LinuxBridgeInterfaceDriver('eth1', ['all'], flag)
  const network = aNetwork({ vlan: 100, mtu })
  const links = [
    ...driver.plug(network, MAC, true),
    ...driver.attach(network, aVirtualInterface(), { kind: 'netns', name: 'guest1' }, 'eth0'),
  ].filter((resource) => resource.kind === 'link')
  const own = links.filter(({ type }) => type !== 'existing')
  expect(own.map((link) => [link.type, link.mtu])).toEqual([
    ['bridge', expected],
    ['vlan', expected],
    ['veth', expected],
  ])
})
