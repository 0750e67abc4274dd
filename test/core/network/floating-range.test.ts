import { aNetwork } from 'netloom/testing'
import { expect, test } from 'vitest'
import { floatingRange, refuseFixedAddresses } from '../../../core/network/floating-range.ts'

test.each([
  ['203.0.113.5', ['203.0.113.5']],
  ['203.0.113.0/30', ['203.0.113.1', '203.0.113.2']],
  ['203.0.113.6/29', ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4', '203.0.113.5', '203.0.113.6']],
])('%s is %o', (range, addresses) => expect(floatingRange(range)).toEqual(addresses))

test('a /16 is the most at once', () => expect(floatingRange('10.0.0.0/16')).toHaveLength(65_534))

test.each([
  ['10.0.0.0/15', 'InvalidInput'],
  ['0.0.0.0/0', 'InvalidInput'],
  ['203.0.113.4/31', 'InvalidInput'],
  ['203.0.113.4/32', 'InvalidInput'],
  ['fd00::1', 'InvalidInput'],
  ['fd00::/120', 'InvalidInput'],
  ['203.0.113', 'InvalidIpAddressError'],
  ['203.0.113.1-9', 'InvalidIpAddressError'],
  ['203.0.113.0/x', 'InvalidCidr'],
  ['', 'InvalidIpAddressError'],
])('%s: %s', (range, code) => expect(() => floatingRange(range)).toThrow(expect.objectContaining({ code })))

test.each([
  ['10.0.0.9', true],
  ['10.0.0.0/30', true],
  ['10.0.0.0/8', true],
  ['10.0.1.0/24', false],
  ['203.0.113.9', false],
])('beside the network 10.0.0.0/24 the range %s is refused: %s', (range, refused) => {
  const check = () => refuseFixedAddresses(range, [aNetwork({ cidr: null }), aNetwork({ cidr: '10.0.0.0/24' })])
  if (refused) expect(check).toThrow(expect.objectContaining({ code: 'CidrConflict' }))
  else expect(check).not.toThrow()
})
