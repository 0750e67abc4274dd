import { accountAddress, eui64Address, guestAddressV6, macOfAccount, macOfEui64 } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'

describe('the IPv6 address that a guest makes', () => {
  test.each([
    ['2001:db8::/64', '02:16:3e:33:44:55', '2001:db8::16:3eff:fe33:4455'],
    ['2001:db8:0:1::/64', 'de:ad:be:ef:00:01', '2001:db8:0:1:dcad:beff:feef:1'],
    ['fd00:0:0:64::/64', 'fa:16:3e:4a:11:01', 'fd00::64:f816:3eff:fe4a:1101'],
  ])('of %s and %s is %s, and back (RFC 2462)', (prefix, mac, address) => {
    expect(eui64Address(prefix, mac)).toBe(address)
    expect(guestAddressV6('rfc2462', prefix, mac, 'any')).toBe(address)
    expect(macOfEui64(address)).toBe(mac)
  })

  test('of project and MAC address, and as much of it back as there is', () => {
    const address = '2001:db8::a94a:8fe5:ff33:4455'
    expect(accountAddress('2001:db8::/64', '02:16:3e:33:44:55', 'test')).toBe(address)
    expect(guestAddressV6('account_identifier', '2001:db8::/64', 'fa:00:00:33:44:55', 'test')).toBe(address)
    expect(macOfAccount(address)).toBe('02:16:3e:33:44:55')
  })

  test('is refused for what is no prefix or no MAC address, naming it', () => {
    for (const [prefix, mac, code, named] of [
      ['10.0.0.0/24', '02:16:3e:33:44:55', 'InvalidCidr', '10.0.0.0/24'],
      ['fd00::/80', '02:16:3e:33:44:55', 'InvalidCidr', 'fd00::/80'],
      ['nothing', '02:16:3e:33:44:55', 'InvalidCidr', 'nothing'],
      ['fd00::/64', '02:16:3e', 'InvalidMacAddress', '02:16:3e'],
    ] as const) {
      for (const make of [() => eui64Address(prefix, mac), () => accountAddress(prefix, mac, 'test')]) {
        expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining(named) }))
      }
    }
    expect(() => macOfEui64('10.0.0.1')).toThrow(expect.objectContaining({ code: 'InvalidIpAddressError' }))
  })
})
