/** Networks on real 802.1Q VLANs: two hosts on a trunk, guests of two projects. One run, judged here one by one. */
import { beforeAll, describe, expect, it } from 'vitest'
import { isRoot } from './cloud/test-cloud.ts'
import { LIMIT_MS, seeTwoHosts } from './vlan/run.ts'
import type { Device, Seen } from './vlan/two-hosts.ts'

const named = (devices: readonly Device[], name: string) => devices.find((device) => device.name === name)

let run: Awaited<ReturnType<typeof seeTwoHosts>>
beforeAll(async () => {
  if (isRoot) run = await seeTwoHosts(['bridge', 'vlan'])
}, LIMIT_MS + 20_000)

describe.skipIf(!isRoot)('networks on VLANs, with a bridge each', () => {
  const seen = () => run.seen.bridge as Seen

  it('are a VLAN device on the trunk that is a port of a bridge, both with one MAC address and MTU (defects-linux-net E13)', () => {
    const { net1, vm1 } = seen().hosts
    for (const [devices, id] of [
      [net1, 100],
      [vm1, 100],
      [vm1, 101],
    ] as const) {
      const bridge = named(devices, `br${id}`)
      const common = { address: bridge?.address, mtu: 1450 }
      expect(bridge).toEqual({ name: `br${id}`, kind: 'bridge', ...common })
      expect(named(devices, `vlan${id}`)).toEqual({
        ...common,
        name: `vlan${id}`,
        kind: 'vlan',
        id,
        parent: 'eth1',
        master: `br${id}`,
      })
    }
    expect(named(net1, 'br100')?.address).not.toBe(named(vm1, 'br100')?.address)
    expect(named(vm1, 'br101')?.address).not.toBe(named(vm1, 'br100')?.address)
  })

  it('hand a new MTU to VLAN and bridge (defects-linux-net E13)', () => {
    const { net1, vm1 } = seen().replugged
    const mtus = [net1, vm1].map((devices) => ['vlan100', 'br100'].map((name) => named(devices, name)?.mtu))
    expect(mtus).toEqual([
      [1400, 1400],
      [1400, 1400],
    ])
  })
})

describe.skipIf(!isRoot)('networks on VLANs, with one bridge for the trunk', () => {
  const seen = () => run.seen.vlan as Seen

  it('are a VLAN device on that bridge, of which the trunk is a port: all with one MAC address, and an MTU each', () => {
    const { net1, vm1 } = seen().hosts
    const address = named(net1, 'br-eth1')?.address
    const bridge = { name: 'br-eth1', kind: 'bridge', address, mtu: 65535 }
    expect(net1.filter(({ kind }) => kind === 'bridge')).toEqual([bridge])
    expect(named(net1, 'eth1')?.master).toBe('br-eth1')
    const vlan = { name: 'vlan100', kind: 'vlan', id: 100, parent: 'br-eth1', address, mtu: 1450 }
    expect(named(net1, 'vlan100')).toEqual(vlan)
    expect(named(vm1, 'br-eth1')?.address).not.toBe(address)
  })

  it('are on the bridge that the operator made, which keeps its MAC address and what has no tag', () => {
    const { vm1 } = seen().hosts
    const address = named(vm1, 'eth1')?.address
    expect(vm1.filter(({ kind }) => kind === 'bridge')).toMatchObject([{ name: 'br-eth1', address }])
    expect(named(vm1, 'vlan101')).toMatchObject({ parent: 'br-eth1', address })
    expect(seen().untaggedHost).toBe(true)
    expect(seen().portsLeft).toEqual({ eth1: [1], 'br-eth1': [1] })
  })

  it('have each guest on one VLAN alone, whatever the default of the bridge is', () => {
    const { net1, vm1 } = seen().ports
    expect([net1.eth1, net1['br-eth1'], vm1.eth1, vm1['br-eth1']]).toEqual([
      [100, 101],
      [100, 101],
      [1, 100, 101],
      [1, 100, 101],
    ])
    const guests = [net1, vm1].flatMap((ports) => Object.entries(ports).filter(([name]) => name.startsWith('tap')))
    expect(guests.map(([, vlans]) => vlans).toSorted()).toEqual([[100], [100], [101]])
  })

  it('hand a new MTU to the gateway, and none to the bridge', () => {
    const { net1 } = seen().replugged
    expect(['vlan100', 'br-eth1'].map((name) => named(net1, name)?.mtu)).toEqual([1400, 65535])
  })
})

describe.skipIf(!isRoot).each([
  { driver: 'bridge', bridge: 'br100', parent: 'eth1', others: [] },
  { driver: 'vlan', bridge: 'br-eth1', parent: 'br-eth1', others: ['br-eth1'] },
])('networks on VLANs, network_driver = $driver', ({ driver, bridge, parent, others }) => {
  const seen = () => run.seen[driver] as Seen

  it('keep the MAC address of their bridge whatever ports join (defects-linux-net E3)', () => {
    const mac = seen().macsBefore[bridge]
    expect(mac).toMatch(/^02:6e/)
    expect(named(seen().hosts.net1, bridge)?.address).toBe(mac)
  })

  it('give the guests of both hosts their addresses by the one DHCP server', () => {
    expect(seen().leases).toEqual(seen().addresses)
    expect(Object.values(seen().leases).toSorted()).toEqual(['10.0.0.19', '10.0.0.2', '10.0.0.3'])
  })

  it('join those of one VLAN across the trunk, and part those of two on the wire and on one host', () => {
    expect(seen().reach).toEqual({
      byTagOfOtherVlan: false,
      sameVlan: true,
      sameVlanByArp: true,
      sameHostOtherVlanByArp: false,
      otherHostOtherVlanByArp: false,
      outside: true,
    })
  })

  it('let guests of one network reach each other by a floating IP, whichever host they are on', () => {
    const { red1, red2 } = seen().addresses
    expect(seen().byFloating).toEqual({
      toOtherHost: ['203.0.113.1', red2],
      toGatewayHost: ['203.0.113.1', red1, '203.0.113.65'],
    })
  })

  it('have frames on the trunk that carry their id: only who has it too is answered', () => {
    expect(seen().stations).toEqual({ 100: true, 101: false, untagged: false })
  })

  it('lead to the VPN server of a project from outside', () => {
    expect(seen().vpnServer).toBe(true)
  })

  it('are as they should be when they are looked at again: nothing is done, nothing changed (defects-linux-net E12)', () => {
    expect(seen().second).toEqual({ entries: [], changed: false })
  })

  it('name a device of somebody else with another id or parent, and leave it alone (defects-linux-net E16)', () => {
    const refusal = (name: string, id: number) =>
      expect.stringContaining(
        `${name} is there and is no vlan with id ${id} of ${parent}: netloom did not make it and leaves it alone`,
      )
    expect(seen().foreign).toEqual({ refusals: [refusal('vlan100', 100), refusal('vlan101', 101)], untouched: true })
  })

  it('go from the hosts when they are deleted (defects-linux-net E19)', () => {
    const names = (devices: readonly Device[]) => devices.map(({ name }) => name).toSorted()
    expect(names(seen().left.net1)).toEqual(['eth0', 'eth1', 'lo'])
    expect(names(seen().left.vm1)).toEqual([...others, 'eth0', 'eth1', 'lo'])
  })
})

it.skipIf(!isRoot)('the kernel on which VLANs were tried leaves no process', () => {
  expect(run.processesLeft).toBe(0)
})
