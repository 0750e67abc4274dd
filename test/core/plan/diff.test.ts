import fc from 'fast-check'
import { type HostResource, type HostState, resourceKey, type Step } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import type { OwnedResource } from '../../../core/plan/desired-state.ts'
import { applySteps, describeResource, diffResources } from '../../../core/plan/diff.ts'
import { anyResources, anyState } from './resources.ts'

const bridge = { kind: 'link', name: 'br1', type: 'bridge', macAddress: '02:6e:00:00:00:01' } as const
const port = { kind: 'link', name: 'tap1', type: 'tap', master: 'br1', hairpin: true } as const
const pair = {
  ...port,
  type: 'veth',
  peer: { name: 'eth0', netns: 'guest1', macAddress: 'fa:16:3e:00:00:01' },
} as const
const eth1 = { kind: 'link', name: 'eth1', type: 'existing', master: 'br1' } as const
const vlan = {
  ...port,
  name: 'vlan7',
  type: 'vlan',
  parent: 'eth1',
  vlanId: 7,
  macAddress: '02:6e:00:00:00:01',
} as const
const address = { kind: 'address', device: 'br1', cidr: '10.0.0.1/24' } as const
const forward = { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' } as const
const file = { kind: 'file', path: '/n/a', content: 'one\n', mode: 0o644 } as const
const daemon = { kind: 'daemon', name: 'd', argv: ['d', '-x'], environment: { A: '1' }, pidFile: '/n/pid' } as const

function stateOf(resources: readonly HostResource[], ours = true, namespaces: readonly string[] = []): HostState {
  const entries = resources.map((resource) => [resourceKey(resource), { resource, ours }] as const)
  return { resources: new Map(entries), namespaces: new Set(namespaces) }
}

const owned = (resources: readonly HostResource[]): readonly OwnedResource[] =>
  resources.map((resource) => ({ owner: 'o', resource }))

/** What nobody wants, as the look at a whole host finds it. */
const unwantedIn = (state: HostState, wanted: readonly HostResource[]) =>
  new Map(
    [...state.resources.keys()].filter((key) => !wanted.some((w) => resourceKey(w) === key)).map((key) => [key, 'o']),
  )

const verbs = (steps: readonly Step[]) => steps.map(({ verb, resource }) => `${verb} ${resourceKey(resource)}`)

test('a setting whose module is not there is passed over', () => {
  const wanted = owned([{ ...forward, module: 'forward' }])
  const state = { ...stateOf([]), lacking: new Set(['sysctl net.ipv4.ip_forward']) }
  expect(diffResources(wanted, state).steps).toEqual([])
})

describe('what is wanted and what is there', () => {
  interface Case {
    readonly what: string
    readonly wanted: HostResource
    readonly there: HostResource | null
    readonly ours?: boolean
    readonly step: Step['verb'] | null
  }
  const cases: readonly Case[] = [
    { what: 'the same VLAN', wanted: vlan, there: vlan, step: null },
    { what: 'another VLAN of that name', wanted: vlan, there: { ...vlan, vlanId: 8 }, step: 'change' },
    { what: 'one on another device', wanted: vlan, there: { ...vlan, parent: 'eth2' }, ours: false, step: 'change' },
    {
      what: 'a VLAN with the MAC of its device',
      wanted: vlan,
      there: { ...vlan, macAddress: '02:00:00:00:00:02' },
      step: 'change',
    },
    { what: 'nothing is there', wanted: bridge, there: null, step: 'add' },
    { what: 'the same', wanted: bridge, there: bridge, step: null },
    { what: 'more than was asked for', wanted: bridge, there: { ...bridge, mtu: 1500 }, step: null },
    {
      what: 'another MAC on our bridge',
      wanted: bridge,
      there: { ...bridge, macAddress: '02:6e:00:00:00:02' },
      step: 'change',
    },
    {
      what: 'another MAC on a stranger’s bridge',
      wanted: bridge,
      there: { ...bridge, macAddress: '02:6e:00:00:00:02' },
      ours: false,
      step: null,
    },
    { what: 'another MTU', wanted: { ...bridge, mtu: 1400 }, there: { ...bridge, mtu: 1500 }, step: 'change' },
    {
      what: 'another MTU on a stranger’s bridge',
      wanted: { ...bridge, mtu: 1400 },
      there: { ...bridge, mtu: 1500 },
      ours: false,
      step: null,
    },
    { what: 'another type', wanted: port, there: { ...port, type: 'veth' }, step: 'change' },
    { what: 'a port of another bridge', wanted: port, there: { ...port, master: 'br2' }, step: 'change' },
    { what: 'a port without hairpin', wanted: port, there: { ...port, hairpin: false }, step: 'change' },
    {
      what: 'a pair into another namespace',
      wanted: pair,
      there: { ...pair, peer: { ...pair.peer, netns: 'guest2' } },
      step: 'change',
    },
    { what: 'a pair whose other end nobody knows', wanted: pair, there: { ...port, type: 'veth' }, step: null },
    {
      what: 'an operator’s device that is no port yet',
      wanted: eth1,
      there: { kind: 'link', name: 'eth1', type: 'existing' },
      ours: false,
      step: 'change',
    },
    { what: 'an operator’s device that is one', wanted: eth1, there: { ...eth1, mtu: 9000 }, ours: false, step: null },
    { what: 'the address', wanted: address, there: { ...address, broadcast: '10.0.0.255' }, step: null },
    { what: 'the address on another device', wanted: address, there: { ...address, device: 'br2' }, step: 'add' },
    {
      what: 'another value of a setting',
      wanted: forward,
      there: { ...forward, value: '0' },
      ours: false,
      step: 'change',
    },
    {
      what: 'a setting that comes with a module',
      wanted: { ...forward, module: 'forward' },
      there: null,
      step: 'add',
    },
    {
      what: 'a pair that gave its guest no address',
      wanted: { ...pair, peer: { ...pair.peer, addresses: ['10.0.0.2/24'] } },
      there: pair,
      step: 'change',
    },
    {
      what: 'a file of others that is to be kept',
      wanted: { ...file, keepsOthers: true },
      there: { ...file, content: 'two\n' },
      ours: false,
      step: null,
    },
    { what: 'another content', wanted: file, there: { ...file, content: 'two\n' }, step: 'change' },
    { what: 'another mode', wanted: file, there: { ...file, mode: 0o600 }, step: 'change' },
    { what: 'other words of a daemon', wanted: daemon, there: { ...daemon, argv: ['d'] }, step: 'change' },
    {
      what: 'words of a daemon in another order',
      wanted: { ...daemon, argv: ['d', 'a', 'b'] },
      there: { ...daemon, argv: ['d', 'b', 'a'] },
      step: 'change',
    },
    {
      what: 'another environment of a daemon',
      wanted: daemon,
      there: { ...daemon, environment: { A: '2' } },
      step: 'change',
    },
    {
      what: 'more environment of a daemon',
      wanted: daemon,
      there: { ...daemon, environment: { A: '1', PATH: '/' } },
      step: null,
    },
  ]

  test.each(cases)('$what: $step', ({ wanted, there, ours = true, step }) => {
    const others = wanted.kind === 'link' && wanted.name !== 'br1' ? [bridge] : []
    const state = stateOf(there === null ? others : [there, ...others], ours, ['guest1'])
    const { steps, waiting } = diffResources(owned([wanted]), state)
    expect(verbs(steps)).toEqual(step === null ? [] : [`${step} ${resourceKey(wanted)}`])
    expect(waiting).toEqual([])
  })

  test('a guest’s port waits for its namespace, and only to be made', () => {
    expect(diffResources(owned([pair]), stateOf([]))).toMatchObject({
      steps: [],
      waiting: [{ owner: 'o', text: 'veth tap1 to eth0 in guest1 on br1 waits for namespace guest1' }],
    })
    const elsewhere = { ...pair, master: 'br2' }
    expect(verbs(diffResources(owned([pair]), stateOf([elsewhere, bridge])).steps)).toEqual(['change link tap1'])
  })

  test('a guest’s port waits for a bridge that nobody makes, and takes one that is there or made with it', () => {
    const waiting = [{ owner: 'o', text: 'tap tap1 on br1 waits for bridge br1' }]
    expect(diffResources(owned([port]), stateOf([]))).toMatchObject({ steps: [], waiting })
    expect(verbs(diffResources(owned([port]), stateOf([bridge], false)).steps)).toEqual(['add link tap1'])
    expect(verbs(diffResources(owned([port, bridge]), stateOf([])).steps)).toEqual(['add link tap1', 'add link br1'])
  })

  test('what nobody wants goes when it is ours; settings and what is to be kept stay', () => {
    const kept = { ...bridge, name: 'br2', keep: true }
    const mine = stateOf([bridge, kept, address, forward, file, daemon])
    expect(verbs(diffResources([], mine, unwantedIn(mine, [])).steps)).toEqual([
      'remove link br1',
      'remove address 10.0.0.1/24 br1',
      'remove file /n/a',
      'remove daemon /n/pid',
    ])
  })
})

describe('for any wanted and any observed resources', () => {
  test('a step is for its owner, and is made true by being run: afterwards nothing is to be done', () => {
    fc.assert(
      fc.property(anyResources, anyState, (wanted, state) => {
        const { steps } = diffResources(owned(wanted), state, unwantedIn(state, wanted))
        const after = applySteps(state, steps)
        expect(diffResources(owned(wanted), after, unwantedIn(after, wanted)).steps).toEqual([])
        expect(steps.every(({ owner }) => owner === 'o')).toBe(true)
      }),
    )
  })

  test('everything wanted is there afterwards, and all else of ours is gone', () => {
    fc.assert(
      fc.property(anyResources, anyState, (wanted, state) => {
        const { steps, waiting } = diffResources(owned(wanted), state, unwantedIn(state, wanted))
        const { resources } = applySteps(state, steps)
        const waits = (resource: HostResource) =>
          waiting.some(({ text }) => text.startsWith(`${describeResource(resource)} `))
        for (const resource of wanted)
          if (!waits(resource)) expect([...resources.keys()]).toContain(resourceKey(resource))
        for (const [key, { resource, ours }] of resources) {
          const mayStay = resource.kind === 'sysctl' || (resource.kind === 'link' && resource.keep)
          if (ours && !mayStay) expect(wanted.map(resourceKey)).toContain(key)
        }
      }),
    )
  })

  test('what others made is never removed, and stays theirs', () => {
    fc.assert(
      fc.property(anyResources, anyState, (wanted, state) => {
        const { steps } = diffResources(owned(wanted), state, unwantedIn(state, wanted))
        const { resources } = applySteps(state, steps)
        for (const [key, { ours }] of state.resources) if (!ours) expect(resources.get(key)?.ours).toBe(false)
      }),
    )
  })
})

test.each([
  [bridge, 'bridge br1'],
  [pair, 'veth tap1 to eth0 in guest1 on br1'],
  [eth1, 'device eth1 on br1'],
  [vlan, 'vlan vlan7 with id 7 of eth1 on br1'],
  [address, 'address 10.0.0.1/24 on br1'],
  [forward, 'sysctl net.ipv4.ip_forward = 1'],
  [file, 'file /n/a'],
  [daemon, 'daemon d'],
])('%o in words: %s', (resource, words) => expect(describeResource(resource)).toBe(words))
