import { aNetwork, aVirtualInterface } from 'netloom/testing'
import { expect, test } from 'vitest'
import { LinuxBridgeInterfaceDriver } from '../../../plugins/interface/bridge.ts'
import { LinuxVlanBridgeInterfaceDriver } from '../../../plugins/interface/vlan.ts'

const MAC = '02:6e:00:00:00:01'
const onTrunk = (vlan: number, values = {}) => aNetwork({ id: vlan, vlan, bridge_interface: 'eth1', ...values })
const driver = new LinuxVlanBridgeInterfaceDriver('host1')

test('a network on a VLAN: the bridge of its trunk, on which both are on the VLAN, and a VLAN device that is the gateway', () => {
  expect(driver.plug(onTrunk(100, { mtu: 1450 }), MAC, true)).toEqual([
    {
      kind: 'link',
      name: 'br-eth1',
      type: 'bridge',
      vlanFiltering: true,
      macAddress: expect.stringMatching(/^02:6e(:[0-9a-f]{2}){4}$/),
      mtu: 65535,
    },
    { kind: 'link', name: 'eth1', type: 'existing', master: 'br-eth1' },
    { kind: 'port-vlan', device: 'eth1', vlanId: 100 },
    { kind: 'port-vlan', device: 'br-eth1', vlanId: 100, self: true },
    { kind: 'link', name: 'vlan100', type: 'vlan', parent: 'br-eth1', vlanId: 100, mtu: 1450 },
    { kind: 'sysctl', key: 'net.bridge.bridge-nf-filter-vlan-tagged', value: '1', module: 'br_netfilter' },
    { kind: 'forwarding', device: 'br-eth1', verdict: 'within' },
    { kind: 'forwarding', device: 'vlan100', verdict: 'accept' },
  ])
  expect(driver.getDev(onTrunk(100))).toBe('vlan100')
})

test('networks of one trunk want its bridge alike, and each lets it go', () => {
  const bridges = [onTrunk(100), onTrunk(101, { mtu: 9000 })].map((network) => driver.plug(network, MAC, true)[0])
  expect(bridges[1]).toEqual(bridges[0])
  expect(driver.unplug(onTrunk(100))).toEqual(['vlan100', 'br-eth1'])
  expect(driver.unplug(onTrunk(101))).toEqual(['vlan101', 'br-eth1'])
})

test('the bridge has a MAC address for each host and trunk', () => {
  const macs = [
    ['host1', 'eth1'],
    ['host1', 'eth2'],
    ['host2', 'eth1'],
  ].map(([host = '', trunk = '']) => {
    const [bridge] = new LinuxVlanBridgeInterfaceDriver(host, trunk).plug(onTrunk(100), MAC, true)
    return bridge?.kind === 'link' ? bridge.macAddress : undefined
  })
  expect(new Set(macs).size).toBe(3)
})

test.each([
  ['bond0', 'br-bond0'],
  ['enp129s0f0np', 'br-enp129s0f0np'],
  // The beginning of `printf %s enp129s0f0np0 | sha256sum`.
  ['enp129s0f0np0', 'br-5c0f630f035b'],
  ['enp129s0f0np1', 'br-38a026ced60a'],
])('the bridge of the trunk %s has a name that Linux takes: %s', (trunk, name) => {
  const [bridge] = new LinuxVlanBridgeInterfaceDriver('host1', trunk).plug(onTrunk(100), MAC, true)
  expect(bridge).toMatchObject({ kind: 'link', name })
})

test('a guest is an untagged port, on the VLAN of its network alone', () => {
  const vif = aVirtualInterface({ device: 'tap1' })
  const target = { kind: 'tap', name: 'tap1' } as const
  expect(driver.attach(onTrunk(100, { mtu: 1450 }), vif, target, null)).toEqual([
    { kind: 'link', name: 'tap1', type: 'tap', mtu: 1450, master: 'br-eth1', hairpin: true },
    { kind: 'port-vlan', device: 'tap1', vlanId: 100, untagged: true },
  ])
})

test('a network that no trunk carries has a bridge of its own', () => {
  const vif = aVirtualInterface({ device: 'tap1' })
  const target = { kind: 'tap', name: 'tap1' } as const
  const apart = new LinuxBridgeInterfaceDriver()
  for (const network of [aNetwork(), aNetwork({ vlan: 100, bridge_interface: null })]) {
    expect(driver.getDev(network)).toBe('br100')
    expect(driver.plug(network, MAC, true)).toEqual(apart.plug(network, MAC, true))
    expect(driver.unplug(network)).toEqual(apart.unplug(network))
    expect(driver.attach(network, vif, target, null)).toEqual(apart.attach(network, vif, target, null))
  }
})

test.each([
  ['of the network', 1400, 9000, 1400, 1400],
  ['of network_device_mtu', null, 9000, 9000, 9000],
  ['that of Ethernet, not that of the bridge', null, null, 1500, undefined],
])('MTU of gateway and guest: %s', (_what, mtu, flag, ofGateway, ofGuest) => {
  const driver = new LinuxVlanBridgeInterfaceDriver('host1', 'eth1', ['all'], flag)
  const links = driver.plug(onTrunk(100, { mtu }), MAC, true).filter(({ kind }) => kind === 'link')
  expect(links).toContainEqual(expect.objectContaining({ name: 'vlan100', mtu: ofGateway }))
  const [port] = driver.attach(onTrunk(100, { mtu }), aVirtualInterface(), { kind: 'tap', name: 'tap1' }, null)
  expect((port as { mtu?: number }).mtu).toBe(ofGuest)
})
