import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeDollars, interpolate } from '../../config/interpolate.ts'

const names: Readonly<Record<string, string>> = { host: 'node1', state_path: '/var/lib/x', empty: '' }
const lookup = (name: string) => names[name] ?? null

test.each([
  ['$state_path/networks/$host', '/var/lib/x/networks/node1'],
  ['${host}s', 'node1s'],
  ['$host.example.org', 'node1.example.org'],
  ['[$empty]', '[]'],
  ['$$host', '$host'],
  ['\\$host', '$host'],
  ['$$$host', '$node1'],
  ['costs 5$', 'costs 5$'],
  ['$5 $ ${', '$5 $ ${'],
])('%s becomes %s', (text, expected) => {
  expect(interpolate(text, lookup)).toBe(expected)
})

test('an unknown name is refused, all of them at once; a secret keeps it', () => {
  expect(() => interpolate('$a-${b}-$a-$host', lookup)).toThrow(
    new TypeError('must not refer to $a, $b: there is no such flag (write $$ for a dollar sign)'),
  )
  expect(interpolate('pa$word${x}$$$host', lookup, true)).toBe('pa$word${x}$node1')
})

test('a text that becomes absurdly long is refused', () => {
  expect(() => interpolate('$x$x', () => 'y'.repeat(40_000))).toThrow('must not become longer than 64 KiB')
})

test('escaped text comes back as it was', () => {
  fc.assert(
    // A backslash before a dollar sign has its own meaning, and no fact holds one.
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      fc.pre(!text.includes('\\$'))
      expect(interpolate(escapeDollars(text), lookup)).toBe(text)
    }),
  )
})
