import fc from 'fast-check'
import { type PacketIntent, type Resource, resourceKey } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { DesiredState } from '../../../core/plan/desired-state.ts'
import { anyResources } from './resources.ts'

const bridge = { kind: 'link', name: 'br1', type: 'bridge' } as const
const file = { kind: 'file', path: '/n/a', content: 'one\n', mode: 0o644 } as const
const snat: PacketIntent = { kind: 'source-nat', cidr: '10.0.0.0/24', to: '192.0.2.1', device: null }
const nat = (address: string): PacketIntent => ({
  kind: 'one-to-one-nat',
  publicAddress: address,
  fixedAddress: '10.0.0.2',
  device: null,
})

function desired(contributions: Readonly<Record<string, readonly Resource[]>>): DesiredState {
  const state = new DesiredState()
  for (const [owner, resources] of Object.entries(contributions)) state.set(owner, resources)
  return state
}

describe('a contribution', () => {
  test('is replaced whole: what is not said again is not wanted any more', () => {
    const state = desired({ o: [bridge, file, snat] })
    state.set('o', [file])
    expect(state.resources()).toEqual([{ owner: 'o', resource: file }])
    expect(state.intents()).toEqual([])
    expect(state.wanted('link br1')).toBeNull()
  })

  test('of nothing takes its owner away', () => {
    const state = desired({ o: [bridge, snat] })
    state.set('o', [])
    expect([state.owners, state.resources(), state.intents()]).toEqual([[], [], []])
  })

  test('of the host driver and of the firewall driver are told apart', () => {
    const state = desired({ o: [bridge, snat], p: [file] })
    expect(state.resources().map(({ owner, resource }) => [owner, resource])).toEqual([
      ['o', bridge],
      ['p', file],
    ])
    expect(state.intents()).toEqual([{ owner: 'o', resources: [snat] }])
    expect(state.intentsOf('p')).toEqual([])
    expect([...state.keysOf(['o', 'p', 'nobody'])]).toEqual(['link br1', 'file /n/a'])
  })
})

describe('two owners', () => {
  test('may want the same: it stays until the last of them does not', () => {
    const state = desired({ o: [bridge], p: [bridge] })
    expect(state.resources()).toEqual([{ owner: 'o', resource: bridge }])
    state.set('o', [])
    expect(state.resources()).toEqual([{ owner: 'p', resource: bridge }])
    state.set('p', [])
    expect(state.resources()).toEqual([])
  })

  test('may not want one thing differently: both are named, and what was said before holds', () => {
    const state = desired({ o: [bridge], p: [file, snat] })
    const refusal = () => state.set('p', [{ ...bridge, mtu: 1400 }])
    expect(refusal).toThrow('o and p want link br1 differently')
    expect(refusal).toThrow(expect.objectContaining({ code: 'PlanConflict', exitStatus: 4 }))
    expect(state.resources().map(({ resource }) => resource)).toEqual([bridge, file])
    expect(state.intents()).toEqual([{ owner: 'p', resources: [snat] }])
  })

  test('keep their order, which is that of their rules; one that comes back comes last', () => {
    const state = desired({ a: [nat('203.0.113.1')], b: [nat('203.0.113.2')], c: [nat('203.0.113.3')] })
    state.set('a', [nat('203.0.113.4')])
    expect(state.intents().map(({ owner }) => owner)).toEqual(['a', 'b', 'c'])
    state.set('a', [])
    state.set('a', [nat('203.0.113.1')])
    expect(state.intents().map(({ owner }) => owner)).toEqual(['b', 'c', 'a'])
  })
})

test('whatever owners said before, what is wanted is what each said last', () => {
  const history = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), anyResources), { maxLength: 12 })
  fc.assert(
    fc.property(history, (said) => {
      const state = new DesiredState()
      const last = new Map<string, readonly Resource[]>()
      for (const [owner, resources] of said) {
        try {
          state.set(owner, resources)
          last.set(owner, resources)
        } catch (error) {
          expect(error).toMatchObject({ code: 'PlanConflict' })
        }
      }
      const wanted = new Map([...last.values()].flat().map((resource) => [resourceKey(resource as never), resource]))
      expect(new Map(state.resources().map(({ resource }) => [resourceKey(resource), resource]))).toEqual(wanted)
      expect([...state.owners].sort()).toEqual(
        [...last]
          .filter(([, all]) => all.length > 0)
          .map(([owner]) => owner)
          .sort(),
      )
    }),
  )
})
