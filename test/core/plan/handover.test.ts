import { type Carried, type HostResource, type HostState, resourceKey } from 'netloom/contracts'
import { expect, test } from 'vitest'
import { DesiredState } from '../../../core/plan/desired-state.ts'
import { applySteps, describeResource, diffResources } from '../../../core/plan/diff.ts'

const MAC = '52:54:00:00:00:07'
const bridge = { kind: 'link', name: 'br1', type: 'bridge', macAddress: '02:6e:00:00:00:01' } as const
const eth1 = { kind: 'link', name: 'eth1', type: 'existing', macAddress: MAC } as const
const port = { kind: 'link', name: 'eth1', type: 'existing', master: 'br1' } as const
const handover = { kind: 'handover', device: 'eth1', bridge: 'br1' } as const
const carried: Carried = {
  addresses: [{ cidr: '192.0.2.7/24', words: '192.0.2.7/24' }],
  routes: [{ destination: 'default', words: '0.0.0.0/0 via 192.0.2.1' }],
}
const wanted = [bridge, port, handover].map((resource) => ({ owner: 'network:1', resource }))

function state(resources: readonly HostResource[], carries?: Readonly<Record<string, Carried | null>>): HostState {
  const entries = resources.map((resource) => {
    const ours = resource.kind === 'handover' || resource === bridge
    return [resourceKey(resource), { resource, ours }] as const
  })
  return {
    resources: new Map(entries),
    namespaces: new Set(),
    ...(carries ? { carried: new Map(Object.entries(carries)) } : {}),
  }
}

test('what a device carries is moved when it is made a port, and the bridge is made with its MAC address', () => {
  const before = state([eth1], { eth1: carried })
  const { steps, lookAgain } = diffResources(wanted, before)
  expect(lookAgain).toBe(false)
  expect(steps).toEqual([
    { verb: 'add', owner: 'network:1', resource: { ...bridge, macAddress: MAC } },
    { verb: 'change', owner: 'network:1', resource: port },
    { verb: 'add', owner: 'network:1', resource: { ...handover, macAddress: MAC, carried } },
  ])
  expect(describeResource(steps[2]!.resource)).toBe('addresses 192.0.2.7/24 and routes default of eth1 on br1')
  expect(diffResources(wanted, applySteps(before, steps)).steps).toEqual([])
})

test('a device that carries nothing is made a port, and nothing else', () => {
  const { steps } = diffResources(wanted, state([eth1, bridge], { eth1: null }))
  expect(steps.map(({ resource }) => resourceKey(resource))).toEqual(['link eth1'])
})

test('a bridge that runs keeps the MAC address that its guests know', () => {
  const { steps } = diffResources(wanted, state([eth1, bridge], { eth1: carried }))
  expect(steps.map(({ resource }) => resourceKey(resource))).toEqual(['link eth1', 'handover eth1'])
  expect(steps[1]!.resource).toEqual({ ...handover, carried })
})

test('what comes to a port later, or was left on it by a move that was cut off, goes the same way', () => {
  const there = [
    { ...eth1, master: 'br1' },
    { ...bridge, macAddress: MAC },
    { ...handover, macAddress: MAC },
  ]
  const { steps } = diffResources(wanted, state(there, { eth1: carried }))
  expect(steps).toEqual([{ verb: 'change', owner: 'network:1', resource: { ...handover, macAddress: MAC, carried } }])
})

test('what the bridge carries goes back before it is taken away, as it is at that moment', () => {
  const there = state([{ ...eth1, master: 'br1' }, bridge, handover], { br1: carried })
  const gone = new Map([handover, bridge].map((resource) => [resourceKey(resource), 'network:1']))
  const { steps, lookAgain } = diffResources([], there, gone)
  expect(steps).toEqual([
    { verb: 'remove', owner: 'network:1', resource: { ...handover, carried } },
    { verb: 'remove', owner: 'network:1', resource: bridge },
  ])
  expect(lookAgain).toBe(true)
  expect(applySteps(there, steps).carried?.has('eth1')).toBe(false)
})

test.each([
  ['a state that did not look at it', state([eth1]), true],
  ['one that looked at other devices', state([eth1], { eth2: null }), true],
  ['one that saw nothing on it', state([eth1], { eth1: null }), false],
])('whether to look again before a move: %s', (_what, there, expected) => {
  expect(diffResources(wanted, there).lookAgain).toBe(expected)
})

test('two networks that want one device on different bridges are a conflict, on the same one they are not', () => {
  const desired = new DesiredState()
  desired.set('network:1', [port, handover])
  desired.set('network:2', [port, handover])
  expect(desired.resources()).toHaveLength(2)
  const other = [
    { ...port, master: 'br2' },
    { ...handover, bridge: 'br2' },
  ]
  expect(() => desired.set('network:3', other)).toThrow('network:1 and network:3 want link eth1 differently')
})
