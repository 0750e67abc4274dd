import * as errors from 'netloom/contracts'
import { errorFromJson, parseRange } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'

describe('a range of addresses', () => {
  test.each([
    ['10.0.0.5', '10.0.0.5', '10.0.0.5'],
    ['10.0.0.5-10.0.1.0', '10.0.0.5', '10.0.1.0'],
    ['10.0.0.5-10.0.0.5', '10.0.0.5', '10.0.0.5'],
    ['10.128.0.0/9', '10.128.0.0', '10.255.255.255'],
    ['10.0.0.7/30', '10.0.0.4', '10.0.0.7'],
    ['0.0.0.0/0', '0.0.0.0', '255.255.255.255'],
  ])('%s is %s to %s', (text, first, last) => {
    expect(parseRange(text)).toEqual({ first, last })
  })

  test.each([
    ['', 'InvalidIpAddressError'],
    ['10.0.0', 'InvalidIpAddressError'],
    ['10.0.0.5-', 'InvalidIpAddressError'],
    ['-10.0.0.5', 'InvalidIpAddressError'],
    ['10.0.0.5 - 10.0.0.9', 'InvalidIpAddressError'],
    ['10.0.0.9-10.0.0.5', 'InvalidInput'],
    ['10.0.0.1-10.0.0.2-10.0.0.3', 'InvalidInput'],
    ['10.0.0.1-fd00::1', 'InvalidInput'],
    ['fd00::1', 'InvalidInput'],
    ['fd00::/64', 'InvalidInput'],
    ['10.0.0.0/33', 'InvalidCidr'],
    ['10.0.0.0/24-10.0.1.0/24', 'InvalidCidr'],
  ])('%j is none: %s', (text, code) => {
    expect(() => parseRange(text)).toThrow(expect.objectContaining({ code, exitStatus: 2 }))
  })
})

test('what says that an address is taken is an AddressAlreadyAllocated, on the other side of the bus too', () => {
  const taken = [
    new errors.FixedIpAlreadyInUse({ address: '10.0.0.5', instance_uuid: null }),
    new errors.FixedIpReserved({ address: '10.0.0.5' }),
    new errors.FixedIpInUse({ addresses: ['10.0.0.5'], count: 1 }),
    new errors.FloatingIpExists({ address: '203.0.113.1' }),
    new errors.FloatingIpAssociated({ address: '203.0.113.1' }),
    new errors.FloatingIpInUse({ addresses: ['203.0.113.1'] }),
  ]
  for (const error of taken) {
    const revived = errorFromJson(JSON.parse(JSON.stringify(error)))
    expect(revived, error.code).toBeInstanceOf(errors.AddressAlreadyAllocated)
    expect([revived.code, revived.exitStatus, revived.message]).toEqual([error.code, 4, error.message])
  }
  const full = new errors.NoMoreFixedIps({ network: 'n', cidr: 'c', used: 1, reserved: 0, held: 0 })
  expect(errorFromJson(full.toJSON())).not.toBeInstanceOf(errors.AddressAlreadyAllocated)
})
