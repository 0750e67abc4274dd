import { expect, test } from 'vitest'
import { nearestName } from '../../config/nearest-name.ts'

const known = ['network_manager', 'network_size', 'host', 'flat_network_bridge', 'use_ipv6']

test.each([
  ['network_manger', 'network_manager'],
  ['netwrok_size', 'network_size'],
  ['flat_netwok_brige', 'flat_network_bridge'],
  ['hots', 'host'],
  ['use_ipv4', 'use_ipv6'],
  ['colour', null],
  ['', null],
  ['h', null],
])('%s is near to %s', (name, expected) => {
  expect(nearestName(name, known)).toBe(expected)
})

test('a limit narrows what is near', () => {
  expect(nearestName('flat_netwok_brige', known, 1)).toBe(null)
})
