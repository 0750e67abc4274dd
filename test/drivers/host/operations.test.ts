import { describe, expect, it } from 'vitest'
import {
  type AddressResource,
  type DaemonResource,
  type FileResource,
  type HostResource,
  type HostState,
  type LinkResource,
  resourceKey,
  type Step,
  type StepVerb,
} from '../../../core/contracts/index.ts'
import { describeOperation } from '../../../drivers/host/describe-operation.ts'
import { hostOperations } from '../../../drivers/host/linux/operations.ts'

const bridge: LinkResource = { kind: 'link', name: 'br100', type: 'bridge', macAddress: '02:6e:00:00:00:01' }
const veth: LinkResource = {
  kind: 'link',
  name: 'tap1',
  type: 'veth',
  master: 'br100',
  hairpin: true,
  peer: { name: 'eth0', netns: 'guest1', macAddress: 'fa:16:3e:00:00:01' },
}
const vlan: LinkResource = {
  ...{ kind: 'link', name: 'vlan100', type: 'vlan', parent: 'eth1', vlanId: 100 },
  ...{ macAddress: '02:6e:00:00:00:01', master: 'br100' },
}
const settled = {
  name: 'eth0',
  netns: 'guest1',
  macAddress: 'fa:16:3e:00:00:01',
  addresses: ['10.0.0.2/24', '10.0.0.3/24'],
  gateway: '10.0.0.1',
}
const tap: LinkResource = { kind: 'link', name: 'tap2', type: 'tap', master: 'br100', hairpin: true }
const port: LinkResource = { kind: 'link', name: 'eth1', type: 'existing', master: 'br100' }
const gateway: AddressResource = { kind: 'address', device: 'br100', cidr: '10.0.0.1/24', broadcast: '10.0.0.255' }
const floating: AddressResource = { kind: 'address', device: 'eth0', cidr: '203.0.113.9/32', announceCount: 3 }
const hosts: FileResource = { kind: 'file', path: '/n/br100.conf', content: 'x', mode: 0o644, reloads: 'dnsmasq br100' }
const dnsmasq: DaemonResource = {
  kind: 'daemon',
  name: 'dnsmasq br100',
  argv: ['dnsmasq', '--conf-file='],
  environment: { NETWORK_ID: '1', WORDS: 'two words' },
  pidFile: '/n/br100.pid',
}

function state(ours: readonly HostResource[] = [], foreign: readonly HostResource[] = []): HostState {
  const entries = [...ours.map((r) => [r, true] as const), ...foreign.map((r) => [r, false] as const)]
  return {
    resources: new Map(entries.map(([resource, own]) => [resourceKey(resource), { resource, ours: own }])),
    namespaces: new Set(),
  }
}

const step = (verb: StepVerb, resource: HostResource, owner = 'network:1'): Step => ({ verb, owner, resource })

/** What is run, as `phase: line`. */
function shown(steps: readonly Step[], there: HostState = state()): readonly string[] {
  return hostOperations(steps, there).flatMap((operation) => [
    `${operation.phase}: ${describeOperation(operation)[0]}`,
    ...describeOperation(operation).slice(1),
  ])
}

const mtu = (link: LinkResource, value: number): LinkResource => ({ ...link, mtu: value })

describe('operations on links and addresses', () => {
  it.each<[string, Step[], HostState, string[]]>([
    ['nothing for nothing', [], state(), []],
    [
      'a bridge has its address before its ports join, whatever the order (lessons E1)',
      [step('add', veth), step('add', tap), step('add', port), step('add', gateway), step('add', bridge)],
      state(),
      [
        'bind: ip -force -batch -',
        '  link add name br100 type bridge forward_delay 0 stp_state 0',
        '  link set dev br100 address 02:6e:00:00:00:01 up',
        '  link set dev eth1 master br100 up',
        '  link add name tap1 type veth peer name eth0 address fa:16:3e:00:00:01 netns guest1',
        '  tuntap add dev tap2 mode tap',
        '  link set dev tap2 master br100 up',
        '  link set dev tap2 type bridge_slave hairpin on',
        '  address add 10.0.0.1/24 broadcast 10.0.0.255 dev br100',
        'bind: ip -n guest1 -force -batch -',
        '  link set dev eth0 up',
        'bind: ip -force -batch -',
        '  link set dev tap1 master br100 up',
        '  link set dev tap1 type bridge_slave hairpin on',
      ],
    ],
    [
      'both ends of a new pair have the size, in the line that makes them',
      [step('add', { ...mtu(veth, 1400), macAddress: '02:00:00:00:00:09' })],
      state(),
      [
        'bind: ip -force -batch -',
        '  link add name tap1 address 02:00:00:00:00:09 mtu 1400 type veth peer name eth0 address fa:16:3e:00:00:01 mtu 1400 netns guest1',
        'bind: ip -n guest1 -force -batch -',
        '  link set dev eth0 up',
        'bind: ip -force -batch -',
        '  link set dev tap1 master br100 up',
        '  link set dev tap1 type bridge_slave hairpin on',
      ],
    ],
    [
      'a VLAN is made on its device, which is up by then, and is a port of the bridge (linux-net 8.7)',
      [step('add', bridge), step('change', { kind: 'link', name: 'eth1', type: 'existing' }), step('add', vlan)],
      state(),
      [
        'bind: ip -force -batch -',
        '  link add name br100 type bridge forward_delay 0 stp_state 0',
        '  link set dev br100 address 02:6e:00:00:00:01 up',
        '  link set dev eth1 up',
        '  link add link eth1 name vlan100 address 02:6e:00:00:00:01 master br100 up type vlan id 100',
      ],
    ],
    [
      'one of ours with another id or device is made anew (defects-linux-net E16)',
      [step('change', vlan)],
      state([{ ...vlan, vlanId: 200 }]),
      [
        'unbind: ip -force -batch -',
        '  link delete dev vlan100',
        'bind: ip -force -batch -',
        '  link add link eth1 name vlan100 address 02:6e:00:00:00:01 master br100 up type vlan id 100',
      ],
    ],
    [
      'a pair whose end on the host is no port yet may have an end in the guest that is not up (lessons A2)',
      [step('change', mtu(veth, 1400))],
      state([{ kind: 'link', name: 'tap1', type: 'veth', peer: veth.peer! }]),
      [
        'bind: ip -n guest1 -force -batch -',
        '  link set dev eth0 mtu 1400 up',
        'bind: ip -force -batch -',
        '  link set dev tap1 mtu 1400 master br100 up',
        '  link set dev tap1 type bridge_slave hairpin on',
      ],
    ],
    [
      'a guest without DHCP is given its addresses and its default route',
      [step('add', { ...veth, peer: settled })],
      state([bridge]),
      [
        'bind: ip -force -batch -',
        '  link add name tap1 type veth peer name eth0 address fa:16:3e:00:00:01 netns guest1',
        'bind: ip -n guest1 -force -batch -',
        '  link set dev eth0 up',
        '  address replace 10.0.0.2/24 dev eth0',
        '  address replace 10.0.0.3/24 dev eth0',
        '  route replace default via 10.0.0.1 dev eth0',
        'bind: ip -force -batch -',
        '  link set dev tap1 master br100 up',
        '  link set dev tap1 type bridge_slave hairpin on',
      ],
    ],
    [
      'addresses that a guest gets and loses later, and the route that may go with them',
      [step('change', { ...veth, peer: settled })],
      state([bridge, { ...veth, peer: { ...settled, addresses: ['10.0.0.9/24', '10.0.0.3/24'] } }]),
      [
        'bind: ip -n guest1 -force -batch -',
        '  address delete 10.0.0.9/24 dev eth0',
        '  address replace 10.0.0.2/24 dev eth0',
        '  address replace 10.0.0.3/24 dev eth0',
        '  route replace default via 10.0.0.1 dev eth0',
        'bind: ip -force -batch -',
        '  link set dev tap1 up',
      ],
    ],
    [
      'guests of one namespace are brought up by one process',
      [step('add', veth), step('add', { ...veth, name: 'tap3', peer: { ...veth.peer!, name: 'eth1' } }, 'vif:3')],
      state(),
      [
        'bind: ip -force -batch -',
        '  link add name tap1 type veth peer name eth0 address fa:16:3e:00:00:01 netns guest1',
        '  link add name tap3 type veth peer name eth1 address fa:16:3e:00:00:01 netns guest1',
        'bind: ip -n guest1 -force -batch -',
        '  link set dev eth0 up',
        '  link set dev eth1 up',
        'bind: ip -force -batch -',
        '  link set dev tap1 master br100 up',
        '  link set dev tap1 type bridge_slave hairpin on',
        '  link set dev tap3 master br100 up',
        '  link set dev tap3 type bridge_slave hairpin on',
      ],
    ],
    [
      'only what differs is set on a link of ours (defects-linux-net E13)',
      [step('change', mtu(bridge, 1400)), step('change', mtu(veth, 1400))],
      state([mtu(bridge, 1500), mtu(veth, 1500)]),
      [
        'bind: ip -force -batch -',
        '  link set dev br100 mtu 1400 up',
        'bind: ip -n guest1 -force -batch -',
        '  link set dev eth0 mtu 1400',
        'bind: ip -force -batch -',
        '  link set dev tap1 mtu 1400 up',
      ],
    ],
    [
      'a port that goes to another bridge gets its hairpin again',
      [step('change', { ...veth, master: 'br200' })],
      state([veth]),
      [
        'bind: ip -force -batch -',
        '  link set dev tap1 master br200 up',
        '  link set dev tap1 type bridge_slave hairpin on',
      ],
    ],
    [
      'hairpin is taken back where it is not wanted',
      [step('change', { ...tap, hairpin: false })],
      state([tap]),
      ['bind: ip -force -batch -', '  link set dev tap2 up', '  link set dev tap2 type bridge_slave hairpin off'],
    ],
    [
      "an operator's bridge, tap and device get no address and no size",
      [
        step('change', mtu(bridge, 1400)),
        step('change', { ...mtu(tap, 1400), macAddress: '02:00:00:00:00:02' }),
        step('change', { ...mtu(port, 1400), macAddress: '02:00:00:00:00:03' }),
      ],
      state(
        [],
        [
          { kind: 'link', name: 'br100', type: 'bridge' },
          { ...tap, master: 'br9' },
          { ...port, master: 'br9' },
        ],
      ),
      [
        'bind: ip -force -batch -',
        '  link set dev br100 up',
        '  link set dev eth1 master br100 up',
        '  link set dev tap2 master br100 up',
        '  link set dev tap2 type bridge_slave hairpin on',
      ],
    ],
    [
      'a link of ours that is of another type, or leads to another guest, is made anew',
      [step('change', { ...tap, name: 'tap5' }), step('change', { ...veth, peer: { ...veth.peer!, netns: 'guest2' } })],
      state([{ ...bridge, name: 'tap5' }, veth]),
      [
        'unbind: ip -force -batch -',
        '  link delete dev tap5',
        '  link delete dev tap1',
        'bind: ip -force -batch -',
        '  tuntap add dev tap5 mode tap',
        '  link add name tap1 type veth peer name eth0 address fa:16:3e:00:00:01 netns guest2',
        '  link set dev tap5 master br100 up',
        '  link set dev tap5 type bridge_slave hairpin on',
        'bind: ip -n guest2 -force -batch -',
        '  link set dev eth0 up',
        'bind: ip -force -batch -',
        '  link set dev tap1 master br100 up',
        '  link set dev tap1 type bridge_slave hairpin on',
      ],
    ],
    [
      'addresses go before links, by one batch',
      [step('remove', bridge), step('remove', gateway), step('remove', veth)],
      state([bridge, gateway, veth]),
      [
        'unbind: ip -force -batch -',
        '  address delete 10.0.0.1/24 dev br100',
        '  link delete dev br100',
        '  link delete dev tap1',
      ],
    ],
    [
      'what the kernel takes away with the first address of a subnet is put back (defects-linux-net C12)',
      [step('remove', gateway), step('remove', floating)],
      state(
        [gateway, floating],
        [
          { kind: 'address', device: 'br100', cidr: '10.0.0.7/24', broadcast: '10.0.0.255' },
          { kind: 'address', device: 'br100', cidr: '10.0.1.7/24' },
          { kind: 'address', device: 'eth0', cidr: '10.0.0.8/24' },
          { kind: 'address', device: 'br100', cidr: 'fe80::1/64', scope: 'link' },
        ],
      ),
      [
        'unbind: ip -force -batch -',
        '  address delete 10.0.0.1/24 dev br100',
        '  address delete 203.0.113.9/32 dev eth0',
        '  address add 10.0.0.7/24 broadcast 10.0.0.255 dev br100',
      ],
    ],
    [
      'neighbours are told of a new IPv4 address, and nobody waits for it (defects-linux-net F9)',
      [step('add', floating), step('add', { ...floating, cidr: '2001:db8::9/64' })],
      state(),
      [
        'bind: ip -force -batch -',
        '  address add 203.0.113.9/32 dev eth0',
        '  address add 2001:db8::9/64 dev eth0 nodad',
        'announce: arping -U -q -c 3 -I eth0 203.0.113.9 &',
      ],
    ],
    [
      'the scope of an address is kept',
      [step('add', { kind: 'address', device: 'lo', cidr: '169.254.169.254/32', scope: 'link' })],
      state(),
      ['bind: ip -force -batch -', '  address add 169.254.169.254/32 scope link dev lo'],
    ],
  ])('%s', (_, steps, there, expected) => {
    expect(shown(steps, there)).toEqual(expected)
  })

  it('blames each line on its owner, and the batch on all of them', () => {
    const operations = hostOperations([step('add', bridge, 'network:1'), step('add', tap, 'vif:2')], state())
    expect(operations).toHaveLength(1)
    expect(operations[0]).toMatchObject({
      owners: ['network:1', 'vif:2'],
      lines: [
        { owner: 'network:1' },
        { owner: 'network:1' },
        { owner: 'vif:2' },
        { owner: 'vif:2' },
        { owner: 'vif:2' },
      ],
    })
  })
})

describe('operations on settings, files and daemons', () => {
  const start = "daemons: env NETWORK_ID=1 'WORDS=two words' dnsmasq --conf-file="

  it.each<[string, Step[], HostState, string[]]>([
    [
      'files come before the daemon that reads them, which needs no reload then',
      [step('add', dnsmasq), step('add', hosts)],
      state(),
      ['files: write /n/br100.conf (mode 0644)', start],
    ],
    [
      'another vector is a restart (defects-linux-net D3)',
      [step('change', dnsmasq), step('change', hosts)],
      state([dnsmasq, hosts]),
      ['files: write /n/br100.conf (mode 0644)', 'daemons: stop dnsmasq br100', start.slice('daemons: '.length)],
    ],
    [
      'any number of files is one reload (defects-linux-net B6)',
      [
        step('change', hosts, 'vif:1'),
        step('change', { ...hosts, path: '/n/br100.opts' }, 'vif:2'),
        step('remove', { ...hosts, path: '/n/gone' }, 'vif:3'),
      ],
      state([dnsmasq]),
      [
        'files: write /n/br100.conf (mode 0644)',
        'files: write /n/br100.opts (mode 0644)',
        'files: remove /n/gone',
        'daemons: reload dnsmasq br100',
      ],
    ],
    [
      'a new file that the daemon sees by itself is no reload',
      [step('add', { ...hosts, addedIsSeen: true })],
      state([dnsmasq]),
      ['files: write /n/br100.conf (mode 0644)'],
    ],
    [
      'a changed one is, even then',
      [step('change', { ...hosts, addedIsSeen: true })],
      state([dnsmasq]),
      ['files: write /n/br100.conf (mode 0644)', 'daemons: reload dnsmasq br100'],
    ],
    [
      'what does not run is not reloaded',
      [step('change', hosts)],
      state([hosts]),
      ['files: write /n/br100.conf (mode 0644)'],
    ],
    [
      'a daemon stops before its device goes, and is not reloaded for its files',
      [step('remove', bridge), step('remove', hosts), step('remove', dnsmasq)],
      state([bridge, hosts, dnsmasq]),
      [
        'stop: stop dnsmasq br100',
        'unbind: ip -force -batch -',
        '  link delete dev br100',
        'files: remove /n/br100.conf',
      ],
    ],
    [
      'settings are written, never set back',
      [
        step('add', { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' }),
        step('remove', { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' }),
      ],
      state(),
      ['settings: sysctl net.ipv4.ip_forward = 1'],
    ],
  ])('%s', (_, steps, there, expected) => {
    expect(shown(steps, there)).toEqual(expected)
  })

  it('reloads on behalf of all whose files changed', () => {
    const steps = [step('change', hosts, 'vif:1'), step('change', { ...hosts, path: '/n/o' }, 'vif:2')]
    const reload = hostOperations(steps, state([dnsmasq])).find(({ kind }) => kind === 'reload-daemon')
    expect(reload?.owners).toEqual(['vif:1', 'vif:2'])
  })

  it('shows the rules that go to the packet filter, for reading', () => {
    const command = { argv: ['iptables-restore', '--noflush'] as const, input: '*nat\n-A x\nCOMMIT\n' }
    const operation = { kind: 'ruleset', owners: [], commands: [command], reads: [], after: [] } as const
    expect(describeOperation(operation)).toEqual(['iptables-restore --noflush', '  *nat', '  -A x', '  COMMIT'])
  })
})
