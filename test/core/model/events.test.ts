import { parseEventTypes, parseSince } from 'netloom/contracts'
import { expect, test } from 'vitest'

test('a type is a kind, or the beginning of some', () => {
  expect(parseEventTypes('network.fixed_ip.lease')).toEqual(['network.fixed_ip.lease'])
  expect(parseEventTypes('network.network')).toEqual([
    'network.network.create',
    'network.network.delete',
    'network.network.modify',
  ])
  expect(parseEventTypes('network').length).toBeGreaterThan(10)
  for (const wrong of ['', 'network.', 'network.fix', 'network.fixed_ip.leases', '%']) {
    expect(() => parseEventTypes(wrong), wrong).toThrow('network.floating_ip.associate')
  }
})

const NOW = Date.UTC(2026, 10, 5, 12)

test.each([
  ['30s', '2026-11-05T11:59:30.000Z'],
  ['90m', '2026-11-05T10:30:00.000Z'],
  ['2h', '2026-11-05T10:00:00.000Z'],
  ['7d', '2026-10-29T12:00:00.000Z'],
  ['999999999d', '1970-01-01T00:00:00.000Z'],
  ['2026-11-01', '2026-11-01T00:00:00.000Z'],
  ['2026-11-01T12:00', '2026-11-01T12:00:00.000Z'],
  ['2026-11-01T12:00:00.5Z', '2026-11-01T12:00:00.500Z'],
  ['2026-11-01T12:00:00+02:00', '2026-11-01T10:00:00.000Z'],
])('since %s', (text, time) => {
  expect(parseSince(text, NOW)).toBe(time)
})

test.each(['', 'yesterday', '5', '5w', '-5m', '2026-13-01', '2026-11-01 12:00', '1e9s'])(
  'since %j is refused',
  (text) => {
    expect(() => parseSince(text, NOW)).toThrow('how long ago')
  },
)
