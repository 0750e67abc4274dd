/** VLANs of a bridge's ports: what is read, what is told, and in which order. */
import {
  type HostResource,
  type HostState,
  type LinkResource,
  type PortVlanResource,
  resourceKey,
  type Step,
  type StepVerb,
} from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { diffResources } from '../../../core/plan/diff.ts'
import { describeOperation } from '../../../drivers/host/describe-operation.ts'
import { parseLinks } from '../../../drivers/host/linux/links.ts'
import { hostOperations } from '../../../drivers/host/linux/operations.ts'
import { lookAtPortVlans, parsePortVlans } from '../../../drivers/host/linux/port-vlans.ts'
import { refusals } from '../../../drivers/host/linux/refusals.ts'

const bridge: LinkResource = { kind: 'link', name: 'br-eth1', type: 'bridge', vlanFiltering: true }
const trunk: LinkResource = { kind: 'link', name: 'eth1', type: 'existing', master: 'br-eth1' }
const tagged: PortVlanResource = { kind: 'port-vlan', device: 'eth1', vlanId: 100 }
const self: PortVlanResource = { kind: 'port-vlan', device: 'br-eth1', vlanId: 100, self: true }
const gateway: LinkResource = { kind: 'link', name: 'vlan100', type: 'vlan', parent: 'br-eth1', vlanId: 100, mtu: 1450 }
const peer = { name: 'eth0', netns: 'guest1', macAddress: 'fa:16:3e:00:00:01' }
const port: LinkResource = { kind: 'link', name: 'tap1', type: 'veth', master: 'br-eth1', hairpin: true, peer }
const access: PortVlanResource = { kind: 'port-vlan', device: 'tap1', vlanId: 100, untagged: true }

function state(ours: readonly HostResource[] = [], foreign: readonly HostResource[] = []): HostState {
  const entries = [...ours.map((r) => [r, true] as const), ...foreign.map((r) => [r, false] as const)]
  return {
    resources: new Map(entries.map(([resource, own]) => [resourceKey(resource), { resource, ours: own }])),
    namespaces: new Set(['guest1']),
  }
}

const step = (verb: StepVerb, resource: HostResource, owner = 'network:1'): Step => ({ verb, owner, resource })
const shown = (steps: readonly Step[], there: HostState) =>
  hostOperations(steps, there).flatMap((operation) => describeOperation(operation))
const wanted = (...resources: readonly HostResource[]) =>
  resources.map((resource) => ({ owner: 'network:1', resource }))

describe('reading', () => {
  const text = JSON.stringify([
    { ifname: 'eth1', vlans: [{ vlan: 100 }, { vlan: 102, vlanEnd: 103 }] },
    { ifname: 'tap1', vlans: [{ vlan: 100, flags: ['PVID', 'Egress Untagged'] }] },
    { ifname: 'br-eth1', vlans: [{ vlan: 100 }] },
    { ifname: 'tap2' },
  ])

  test('each VLAN of each port, and of the bridge itself', () => {
    expect(parsePortVlans(text, [bridge, port])).toEqual([
      tagged,
      { ...tagged, vlanId: 102 },
      { ...tagged, vlanId: 103 },
      access,
      self,
    ])
    expect(parsePortVlans('', [])).toEqual([])
  })

  test('starts a process only where somebody asks', async () => {
    const argvs: (readonly string[])[] = []
    const executor = {
      run: async ({ argv }: { readonly argv: readonly string[] }) => {
        argvs.push(argv)
        return { code: 0, stdout: text, stderr: '' }
      },
    }
    expect(await lookAtPortVlans(executor, [bridge, port], [bridge])).toEqual([])
    expect(argvs).toEqual([])
    expect(await lookAtPortVlans(executor, [access], [bridge])).toContainEqual(access)
    expect(argvs).toEqual([['bridge', '-j', 'vlan', 'show']])
  })

  test('whether a bridge keeps VLANs apart', () => {
    const links = ['on', 'off'].map((ifname) => ({
      ...{ ifname, flags: ['UP'], mtu: 1500, address: '02:00:00:00:00:01' },
      linkinfo: { info_kind: 'bridge', info_data: { vlan_filtering: ifname === 'on' ? 1 : 0 } },
    }))
    expect(parseLinks(JSON.stringify(links)).map((link) => link.kind === 'link' && link.vlanFiltering)).toEqual([
      true,
      undefined,
    ])
  })
})

describe('changing', () => {
  test('a network: its bridge, then the trunk, then the gateway, and the VLANs of both in one process', () => {
    const steps = [bridge, trunk, tagged, self, gateway].map((resource) => step('add', resource))
    expect(shown(steps, state([], [{ kind: 'link', name: 'eth1', type: 'existing' }]))).toEqual([
      'ip -force -batch -',
      '  link add name br-eth1 type bridge forward_delay 0 stp_state 0 vlan_filtering 1 vlan_default_pvid 0',
      '  link set dev br-eth1 up',
      '  link set dev eth1 master br-eth1 up',
      '  link add link br-eth1 name vlan100 mtu 1450 up type vlan id 100',
      'bridge -force -batch -',
      '  vlan add dev eth1 vid 100',
      '  vlan add dev br-eth1 vid 100 self',
    ])
  })

  test('a guest is on its VLAN when it is a port, and a network does not wait for it', () => {
    const steps = [step('add', port, 'port:1'), step('add', access, 'port:1'), step('add', tagged)]
    expect(shown(steps, state([bridge, trunk]))).toEqual([
      'ip -force -batch -',
      '  link add name tap1 type veth peer name eth0 address fa:16:3e:00:00:01 netns guest1',
      'bridge -force -batch -',
      '  vlan add dev eth1 vid 100',
      'ip -n guest1 -force -batch -',
      '  link set dev eth0 up',
      'ip -force -batch -',
      '  link set dev tap1 master br-eth1 up',
      '  link set dev tap1 type bridge_slave hairpin on',
      'bridge -force -batch -',
      '  vlan delete dev tap1 vid 1-4094',
      '  vlan add dev tap1 vid 100 pvid untagged',
    ])
  })

  test('a network that goes leaves the bridge to the others', () => {
    const steps = [tagged, self, gateway].map((resource) => step('remove', resource))
    expect(shown(steps, state([bridge, trunk, tagged, self, gateway]))).toEqual([
      'bridge -force -batch -',
      '  vlan delete dev eth1 vid 100',
      '  vlan delete dev br-eth1 vid 100 self',
      'ip -force -batch -',
      '  link delete dev vlan100',
    ])
  })

  test('with a port that goes, and with a bridge, the VLANs go by themselves', () => {
    const guest = [port, access].map((resource) => step('remove', resource))
    expect(shown(guest, state([bridge, port, access]))).toEqual(['ip -force -batch -', '  link delete dev tap1'])
    const last = [tagged, self, gateway, bridge].map((resource) => step('remove', resource))
    expect(shown(last, state([bridge, tagged, self, gateway], [trunk]))).toEqual([
      'ip -force -batch -',
      '  link delete dev vlan100',
      '  link delete dev br-eth1',
    ])
  })

  test('a bridge of ours that keeps VLANs apart no more does so again', () => {
    const { vlanFiltering: _, ...plain } = bridge
    const there = state([plain])
    const { steps } = diffResources(wanted(bridge), there)
    expect(shown(steps, there)).toEqual([
      'ip -force -batch -',
      '  link set dev br-eth1 up',
      '  link set dev br-eth1 type bridge vlan_filtering 1 vlan_default_pvid 0',
    ])
  })
})

describe('differences', () => {
  const all = [bridge, trunk, tagged, self, access, port]

  test('none where all is as it should be', () => {
    expect(diffResources(wanted(...all), state([...all])).steps).toEqual([])
  })

  test.each([
    ['a VLAN that is missing', [access], [port], ['add VLAN 100 on tap1']],
    ['a port that is tagged', [access], [port, { ...access, untagged: false }], ['change VLAN 100 on tap1']],
    [
      'a port of another bridge',
      [port, access],
      [{ ...port, master: 'br100' }, access],
      ['change tap1', 'change VLAN 100 on tap1'],
    ],
  ] as const)('%s', (_what, want, there, expected) => {
    const { steps } = diffResources(wanted(...want), state([bridge, ...there]))
    expect(
      steps.map(({ verb, resource: r }) =>
        r.kind === 'port-vlan' ? `${verb} VLAN ${r.vlanId} on ${r.device}` : `${verb} ${r.kind === 'link' && r.name}`,
      ),
    ).toEqual(expected)
  })

  test('none for a port that waits for the namespace of its guest', () => {
    const { steps, waiting } = diffResources(wanted(port, access), { ...state([bridge]), namespaces: new Set() })
    expect([steps, waiting.length]).toEqual([[], 1])
  })

  test('VLANs that others gave a port are left on it', () => {
    const theirs = { ...tagged, vlanId: 7 }
    expect(
      diffResources(wanted(tagged), state([tagged], [theirs]), new Map([[resourceKey(theirs), 'x']])).steps,
    ).toEqual([])
  })
})

describe('refusals', () => {
  test("somebody else's bridge that does not keep VLANs apart is not changed", () => {
    const { vlanFiltering: _, ...plain } = bridge
    const there = state([], [plain])
    const { steps } = diffResources(wanted(bridge), there)
    expect(refusals(steps, there)).toEqual([
      {
        owner: 'network:1',
        message:
          'br-eth1 is there without VLAN filtering, and netloom did not make it: turn it on with `ip link set br-eth1 type bridge vlan_filtering 1`',
      },
    ])
    expect(diffResources(wanted(bridge), state([], [bridge])).steps).toEqual([])
  })

  test('a name that would be another line is none', () => {
    const steps = [step('add', { ...access, device: 'tap1 vid 7\nvlan add dev eth1' })]
    expect(refusals(steps, state())).toMatchObject([{ message: expect.stringContaining('is no name or address') }])
  })
})
