import { type AddressSpan, addressHistory, type EventDraft, eventOf, type NetworkEvent } from 'netloom/contracts'
import { expect, test } from 'vitest'

const at = (hour: number) => `2026-01-01T${String(hour).padStart(2, '0')}:00:00.000Z`

/** What happened to one address, an hour after each other from one o'clock on. */
function history(...drafts: readonly EventDraft[]): readonly NetworkEvent[] {
  return drafts.map((draft, index) => {
    const event = eventOf({ address: '10.0.0.2', ...draft }, { request_id: null, user_id: null })
    return { ...event, id: index + 1, created_at: at(index + 1) } as NetworkEvent
  })
}

const of = (instance: string) => ({ instance_uuid: instance, project_id: `of ${instance}` })
const gone = (instance: string) => ({ instance_uuid: instance, project_id: null })
const taken = (instance: string): EventDraft => {
  return { type: 'network.fixed_ip.allocate', ...of(instance), payload: { mac: `mac ${instance}` } }
}
const lease = (instance: string): EventDraft => {
  return { type: 'network.fixed_ip.lease', ...of(instance), payload: { mac: `mac ${instance}` } }
}
const letGo = (instance: string, leased: boolean): EventDraft => {
  return { type: 'network.fixed_ip.deallocate', ...of(instance), payload: { mac: `mac ${instance}`, leased } }
}
const released = (instance: string, free: boolean): EventDraft => {
  return { type: 'network.fixed_ip.release', ...gone(instance), payload: { mac: `mac ${instance}`, free } }
}
const timedOut = (instance: string): EventDraft => {
  return { type: 'network.fixed_ip.timeout', ...gone(instance), payload: { mac: `mac ${instance}` } }
}
const floating = (event: 'allocate' | 'deallocate'): EventDraft => {
  const type = `network.floating_ip.${event}` as const
  return { type, project_id: 'acme', payload: { pool: 'nova', auto_assigned: false } }
}
const led = (instance: string): EventDraft => {
  const payload = { fixed_address: `fixed ${instance}`, mac: `mac ${instance}` }
  return { type: 'network.floating_ip.associate', project_id: 'acme', instance_uuid: instance, payload }
}
const unled = (instance: string): EventDraft => {
  const payload = { fixed_address: `fixed ${instance}` }
  return { type: 'network.floating_ip.disassociate', project_id: 'acme', instance_uuid: instance, payload }
}

/** Hours; 0: not known, or not yet. */
type Brief = readonly [who: string, from: number, until: number]

const cases: readonly (readonly [what: string, kind: 'fixed' | 'floating', NetworkEvent[], readonly Brief[]])[] = [
  ['nothing is known', 'fixed', [], []],
  ['one has it', 'fixed', [taken('a'), lease('a')], [['a of a', 1, 0]]],
  ['one had it without a lease', 'fixed', [taken('a'), letGo('a', false)], [['a of a', 1, 2]]],
  [
    'a lease outlives the use, and the next one is another',
    'fixed',
    [taken('a'), lease('a'), letGo('a', true), released('a', true), taken('b')],
    [
      ['a of a', 1, 4],
      ['b of b', 5, 0],
    ],
  ],
  ['a lease ends before the use', 'fixed', [taken('a'), lease('a'), released('a', false)], [['a of a', 1, 0]]],
  ['a lease was never given back', 'fixed', [taken('a'), letGo('a', true), timedOut('a')], [['a of a', 1, 3]]],
  [
    'the same one has it again',
    'fixed',
    [taken('a'), letGo('a', false), taken('a')],
    [
      ['a of a', 1, 2],
      ['a of a', 3, 0],
    ],
  ],
  ['the beginning is forgotten', 'fixed', [lease('a'), letGo('a', false)], [['a of a', 0, 2]]],
  ['all but the end is forgotten', 'fixed', [timedOut('a')], [['a of null', 0, 1]]],
  ['what is of a floating IP is not of a fixed one', 'fixed', [floating('allocate'), led('a')], []],
  [
    'a floating IP leads nowhere, to one, to another, and is given back',
    'floating',
    [floating('allocate'), led('a'), unled('a'), led('b'), unled('b'), floating('deallocate')],
    [
      ['null of acme', 1, 2],
      ['a of acme', 2, 3],
      ['null of acme', 3, 4],
      ['b of acme', 4, 5],
      ['null of acme', 5, 6],
    ],
  ],
  [
    'a floating IP of which only the end is known',
    'floating',
    [unled('a'), floating('deallocate')],
    [
      ['a of acme', 0, 1],
      ['null of acme', 1, 2],
    ],
  ],
  [
    'a floating IP whose allocation is forgotten',
    'floating',
    [led('a')],
    [
      ['null of acme', 0, 1],
      ['a of acme', 1, 0],
    ],
  ],
].map(([what, kind, drafts, spans]) => [what, kind, history(...(drafts as EventDraft[])), spans] as never)

test.each(cases)('who had an address: %s', (_, kind, events, expected) => {
  const hour = (time: string | null) => (time === null ? 0 : Number(time.slice(11, 13)))
  const brief = ({ instance_uuid, project_id, from, until }: AddressSpan) => {
    return [`${instance_uuid} of ${project_id?.replace(/^of /, '') ?? null}`, hour(from), hour(until)]
  }
  expect(addressHistory(kind, events).map(brief)).toEqual(expected)
})

test('a span tells the MAC address, and what a floating IP led to', () => {
  expect(addressHistory('fixed', history(taken('a')))).toMatchObject([
    { address: '10.0.0.2', mac: 'mac a', fixed_address: null },
  ])
  expect(addressHistory('floating', history(floating('allocate'), led('a')))[1]).toMatchObject({
    mac: 'mac a',
    fixed_address: 'fixed a',
  })
})
