import { aNetwork, aVirtualInterface } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { LinuxOVSInterfaceDriver } from '../../../plugins/interface/ovs.ts'

const MAC = '02:6e:00:00:00:01'
const uuid = '0a1b2c3d-4e5f-4a0b-8c1d-2e3f4a5b6c7d'
const name = 'gw-0a1b2c3d-4e'
const driver = new LinuxOVSInterfaceDriver('br-int')
const externalIds = { 'iface-id': name, 'iface-status': 'active', 'attached-mac': MAC }
const port = { kind: 'ovs-port', name, bridge: 'br-int', internal: true, externalIds }
const link = { kind: 'link', name, type: 'internal', macAddress: MAC }
const flow = { kind: 'ovs-flow', bridge: 'br-int' }
const flows = [
  { ...flow, priority: 1, match: [`dl_dst=${MAC}`], actions: 'drop' },
  { ...flow, priority: 2, match: ['udp', `dl_dst=${MAC}`, 'tp_dst=67'], actions: 'normal' },
  { ...flow, priority: 2, match: ['arp', `dl_dst=${MAC}`], actions: 'normal' },
]
const forwarding = (verdict: string) => ({ kind: 'forwarding', device: name, verdict })

describe('the gateway of a network', () => {
  test.each([
    ['on a VLAN, with a size of frames', { vlan: 100, mtu: 1450 }, { tag: 100, mtu: 1450 }, { mtu: 1450 }],
    ['without either', {}, {}, {}],
  ])('%s is a port that the switch makes, and goes with the network', (_what, values, ofPort, ofLink) => {
    const network = aNetwork({ uuid, ...values })
    expect(driver.plug(network, MAC, true)).toEqual([
      { ...port, ...ofPort },
      { ...link, ...ofLink },
      forwarding('accept'),
    ])
    expect(driver.unplug(network)).toEqual([driver.getDev(network)])
    expect(driver.getDev(network)).toBe(name)
  })

  test('takes the flags that all drivers of devices take', () => {
    const limited = new LinuxOVSInterfaceDriver('br-int', ['eth0'], 1400)
    expect(limited.plug(aNetwork({ uuid }), MAC, true)).toEqual([
      { ...port, mtu: 1400 },
      { ...link, mtu: 1400 },
      { ...forwarding('accept'), peers: ['eth0'] },
    ])
  })

  test('that has none: it is dropped what is sent there but for DHCP, each time the same (defects-linux-net A23, A25)', () => {
    const network = aNetwork({ uuid, vlan: 100, gateway: null })
    const wanted = [{ ...port, tag: 100 }, link, ...flows, forwarding('drop')]
    expect(driver.plug(network, MAC, false)).toEqual(wanted)
    expect(driver.plug(network, MAC, false)).toEqual(wanted)
  })
})

test.each([
  [
    'a namespace',
    { kind: 'netns', name: 'guest1' },
    { type: 'veth', peer: { name: 'eth0', netns: 'guest1', macAddress: 'fa:16:3e:00:00:01' } },
  ],
  ['a tap', { kind: 'tap', name: 'tap1' }, { type: 'tap' }],
] as const)('the port of a guest in %s tells the switch whose it is (linux-net 10)', (_what, target, ofLink) => {
  const vif = aVirtualInterface({ device: 'tap1', address: 'fa:16:3e:00:00:01' })
  const network = aNetwork({ uuid, vlan: 100, mtu: 1450 })
  expect(driver.attach(network, vif, target, target.kind === 'netns' ? 'eth0' : null)).toEqual([
    { kind: 'link', name: 'tap1', mtu: 1450, ...ofLink },
    {
      kind: 'ovs-port',
      name: 'tap1',
      bridge: 'br-int',
      tag: 100,
      externalIds: {
        'iface-id': vif.uuid,
        'iface-status': 'active',
        'attached-mac': vif.address,
        'vm-uuid': vif.instance_uuid,
      },
    },
    { kind: 'sysctl', key: 'net.ipv4.conf.tap1.arp_ignore', value: '8' },
    { kind: 'sysctl', key: 'net.ipv4.conf.tap1.rp_filter', value: '1' },
  ])
})
