import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type HostResource,
  type HostState,
  type LinkResource,
  type ObservedResource,
  resourceKey,
} from '../../../core/contracts/index.ts'
import { CommandFailed } from '../../../core/errors/index.ts'
import { batchInput, parseBatch } from '../../../drivers/host/linux/batch.ts'
import { parseLinks } from '../../../drivers/host/linux/links.ts'
import { missingPrograms } from '../../../drivers/host/linux/programs.ts'
import { refusals } from '../../../drivers/host/linux/refusals.ts'
import { procSysctl, sysctlPath } from '../../../drivers/host/linux/sysctl.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netloom-looking-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('reading links', () => {
  const link = (more: object) => ({
    ifname: 'x',
    flags: ['UP'],
    mtu: 1500,
    address: '02:00:00:00:00:01',
    addr_info: [],
    ...more,
  })
  const common = { kind: 'link', name: 'x', mtu: 1500, macAddress: '02:00:00:00:00:01' }

  it.each<[string, object, object[]]>([
    ['a card', link({}), [{ ...common, type: 'existing' }]],
    ['a bridge', link({ linkinfo: { info_kind: 'bridge' } }), [{ ...common, type: 'bridge' }]],
    ['a tap', link({ linkinfo: { info_kind: 'tun', info_data: { type: 'tap' } } }), [{ ...common, type: 'tap' }]],
    ['a tun', link({ linkinfo: { info_kind: 'tun', info_data: { type: 'tun' } } }), [{ ...common, type: 'existing' }]],
    [
      'a port of a bridge whose other end is elsewhere',
      link({
        link_netnsid: 0,
        master: 'br100',
        linkinfo: { info_kind: 'veth', info_slave_kind: 'bridge', info_slave_data: { hairpin: true } },
      }),
      [{ ...common, type: 'veth', master: 'br100', hairpin: true }],
    ],
    [
      'a VLAN',
      link({ link: 'eth1', linkinfo: { info_kind: 'vlan', info_data: { protocol: '802.1Q', id: 100 } } }),
      [{ ...common, type: 'vlan', parent: 'eth1', vlanId: 100 }],
    ],
    [
      'a VLAN that is down: what it is cannot be set',
      link({ flags: [], link: 'eth1', linkinfo: { info_kind: 'vlan', info_data: { id: 100 } } }),
      [{ kind: 'link', name: 'x', type: 'vlan', parent: 'eth1', vlanId: 100, down: true }],
    ],
    [
      'a port of something else',
      link({ master: 'bond0', linkinfo: { info_slave_kind: 'bond', info_slave_data: {} } }),
      [{ ...common, type: 'existing', master: 'bond0' }],
    ],
    [
      'one that is down, which has nothing to show',
      link({ flags: ['BROADCAST'], master: 'br100', linkinfo: { info_kind: 'veth' } }),
      [{ kind: 'link', name: 'x', type: 'veth', down: true }],
    ],
    [
      'addresses of both families with words of any kind',
      link({
        addr_info: [
          {
            family: 'inet',
            local: '10.0.0.1',
            prefixlen: 24,
            broadcast: '10.0.0.255',
            scope: 'global',
            secondary: true,
            dynamic: true,
          },
          { family: 'inet', local: '169.254.169.254', prefixlen: 32, scope: 'link', noprefixroute: true },
          { family: 'inet6', local: 'fd00::1', prefixlen: 64, scope: 'global', tentative: true },
          {},
        ],
      }),
      [
        { ...common, type: 'existing' },
        { kind: 'address', device: 'x', cidr: '10.0.0.1/24', broadcast: '10.0.0.255' },
        { kind: 'address', device: 'x', cidr: '169.254.169.254/32', scope: 'link' },
        { kind: 'address', device: 'x', cidr: 'fd00::1/64' },
      ],
    ],
  ])('sees %s (defects-linux-net E6, E10)', (_, shown, expected) => {
    expect(parseLinks(JSON.stringify([shown]))).toEqual(expected)
  })

  it('does not take silence for a host without links', () => {
    expect(() => parseLinks('')).toThrow(CommandFailed)
    expect(parseLinks('[]')).toEqual([])
  })
})

describe('what a batch says', () => {
  it.each<[string, string[], { done: number; failed: [number, string][]; rest: string }]>([
    [
      'all went well',
      ['mark!', 'Command failed -:2', 'mark!', 'Command failed -:4'],
      { done: 2, failed: [], rest: '' },
    ],
    [
      'the first line failed',
      ['Cannot find device "x"', 'Command failed -:1', 'mark!', 'Command failed -:2', 'mark!', 'Command failed -:4'],
      { done: 2, failed: [[0, 'Cannot find device "x"']], rest: '' },
    ],
    [
      'a line failed with several messages, another with none',
      [
        'Error: a.',
        'RTNETLINK answers: b',
        'Command failed -:1',
        'm',
        'Command failed -:2',
        'Command failed -:3',
        'm',
        'Command failed -:4',
      ],
      {
        done: 2,
        failed: [
          [0, 'Error: a.; RTNETLINK answers: b'],
          [1, ''],
        ],
        rest: '',
      },
    ],
    [
      'the second line ended the program',
      ['mark!', 'Command failed -:2', 'Error: argument "gone" is wrong: Invalid "netns" value', ''],
      { done: 1, failed: [], rest: 'Error: argument "gone" is wrong: Invalid "netns" value' },
    ],
    [
      'it did not begin',
      ['Cannot open network namespace "gone"'],
      { done: 0, failed: [], rest: 'Cannot open network namespace "gone"' },
    ],
    ['nothing', [''], { done: 0, failed: [], rest: '' }],
  ])('tells that %s', (_, lines, { done, failed, rest }) => {
    expect(parseBatch(lines.join('\n'))).toEqual({ done, failed: new Map(failed), rest })
  })

  it('has two lines of input for each line', () => {
    expect(
      batchInput(['a', 'b'])
        .split('\n')
        .filter((_, i) => i % 2 === 0),
    ).toEqual(['a', 'b', ''])
  })
})

describe('what is refused', () => {
  const bridge: LinkResource = { kind: 'link', name: 'br100', type: 'bridge' }
  const port: LinkResource = { kind: 'link', name: 'eth1', type: 'existing', master: 'br100' }
  const eth1: LinkResource = { kind: 'link', name: 'eth1', type: 'existing' }
  const vlan: LinkResource = { kind: 'link', name: 'vlan100', type: 'vlan', parent: 'eth1', vlanId: 100 }
  const address = (cidr: string, device = 'eth1'): HostResource => ({ kind: 'address', device, cidr })
  const state = (foreign: readonly HostResource[], ours: readonly HostResource[] = []): HostState => ({
    namespaces: new Set(),
    resources: new Map<string, ObservedResource>([
      ...foreign.map((resource) => [resourceKey(resource), { resource, ours: false }] as const),
      ...ours.map((resource) => [resourceKey(resource), { resource, ours: true }] as const),
    ]),
  })

  it.each<[string, HostResource, HostState, RegExp | null]>([
    ['a port without addresses', port, state([eth1]), null],
    ['a port with link-local addresses only', port, state([eth1, address('fe80::1/64')]), null],
    [
      'a port with addresses, all named',
      port,
      state([eth1, address('192.0.2.1/24'), address('2001:db8::1/64')]),
      /192.0.2.1\/24, 2001:db8::1\/64.*br100/,
    ],
    ['a port whose neighbour has addresses', port, state([eth1, address('192.0.2.1/24', 'eth2')]), null],
    ['a port that is one already, with addresses', port, state([port, address('192.0.2.1/24')]), null],
    [
      "a port of an operator's bridge",
      port,
      state([
        { ...port, master: 'virbr0' },
        { ...bridge, name: 'virbr0' },
      ]),
      /port of virbr0/,
    ],
    ['a port of a bridge of ours', port, state([{ ...port, master: 'br9' }], [{ ...bridge, name: 'br9' }]), null],
    ['a bridge where something else is', bridge, state([{ ...bridge, type: 'existing' }]), /is no bridge/],
    ['a bridge where something else of ours is', bridge, state([], [{ ...bridge, type: 'tap' }]), null],
    ["an operator's bridge", bridge, state([bridge]), null],
    ["an operator's VLAN", vlan, state([vlan]), null],
    [
      "an operator's VLAN with another id (defects-linux-net E16)",
      vlan,
      state([{ ...vlan, vlanId: 7 }]),
      /vlan100 is there and is no vlan with id 100 of eth1/,
    ],
    ['a VLAN of ours with another id', vlan, state([], [{ ...vlan, vlanId: 7 }]), null],
    ['a VLAN on a device of two words', { ...vlan, parent: 'eth1 up' }, state([]), /"eth1 up"/],
    ['a veth without another end', { kind: 'link', name: 'tap1', type: 'veth' }, state([]), /no other end/],
    ['a name of two words', { ...bridge, name: 'a b' }, state([]), /"a b"/],
    ['a name that is an option', { ...bridge, name: '-force' }, state([]), /-force/],
    ['an address with a line end', address('10.0.0.1/24\nlink'), state([]), /is no name/],
    [
      'a namespace with a comment sign',
      { ...bridge, type: 'veth', peer: { name: 'eth0', netns: '#x', macAddress: '02:00:00:00:00:01' } },
      state([]),
      /#x/,
    ],
    ['a device that is not there: the kernel says so', port, state([]), null],
  ])('%s', (_, resource, there, reason) => {
    const found = refusals([{ verb: 'add', owner: 'network:1', resource }], there)
    if (reason === null) expect(found).toEqual([])
    else expect(found).toEqual([{ owner: 'network:1', message: expect.stringMatching(reason) }])
  })

  it('lets a port come whose addresses go by the same change', () => {
    const there = state([eth1], [address('192.0.2.1/24')])
    const steps = [
      { verb: 'remove', owner: 'floating:1', resource: address('192.0.2.1/24') },
      { verb: 'add', owner: 'network:1', resource: port },
    ] as const
    expect(refusals(steps, there)).toEqual([])
  })
})

describe('kernel settings', () => {
  it.each([
    ['net.ipv4.ip_forward', 'net/ipv4/ip_forward'],
    ['net.ipv4.conf.eth0/100.rp_filter', 'net/ipv4/conf/eth0.100/rp_filter'],
  ])('%s is the file %s', (key, path) => expect(sysctlPath(key)).toBe(path))

  it.each(['', 'net..x', 'net.//.x', '../etc/passwd', 'net./.x'])('%j is none', (key) =>
    expect(() => sysctlPath(key)).toThrow(TypeError),
  )

  it('reads null for one that is not there, and makes none by writing', () => {
    const sysctl = procSysctl(folder)
    writeFileSync(join(folder, 'range'), '1\t2\n')
    expect(sysctl.read('range')).toBe('1 2')
    sysctl.write('range', '3 4')
    expect(sysctl.read('range')).toBe('3 4')
    expect(sysctl.read('other')).toBeNull()
    expect(() => sysctl.write('other', '1')).toThrow('ENOENT')
    expect(sysctl.read('other')).toBeNull()
  })
})

describe('missing programs', () => {
  it('are those that no folder has as an executable file', () => {
    writeFileSync(join(folder, 'tool'), '')
    chmodSync(join(folder, 'tool'), 0o755)
    writeFileSync(join(folder, 'text'), '')
    chmodSync(join(folder, 'text'), 0o644)
    expect(missingPrograms(['tool', 'text', 'none', 'sh'], `/nowhere:${folder}`)).toEqual(['text', 'none'])
  })
})
