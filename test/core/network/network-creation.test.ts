import fc from 'fast-check'
import {
  type CreateNetworksRequest,
  type CreationDefaults,
  carve,
  cidrOf,
  contains,
  overlaps,
  parseCidr,
  planNetworks,
  prefixForSize,
  toInteger,
} from 'netloom/contracts'
import { aNetwork, SeededRandom, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'

const defaults: CreationDefaults = {
  fixed_range: null,
  num_networks: 1,
  network_size: 256,
  multi_host: false,
  flat_network_dns: '8.8.4.4',
  bridge: 'br100',
  bridge_interface: null,
  bridgeFlag: 'flat_network_bridge',
  ownBridge: false,
}

const used = (...cidrs: readonly string[]) =>
  cidrs.map((cidr, index) => aNetwork({ id: index + 1, cidr, label: `net${index}` }))

function plan(request: CreateNetworksRequest, values: Partial<CreationDefaults> = {}, existing = used()) {
  const random = new SeededRandom()
  return planNetworks({ label: 'private', ...request }, { ...defaults, ...values }, existing, () => random.uuid())
}

const cidrs = (request: CreateNetworksRequest, values?: Partial<CreationDefaults>, existing = used()) =>
  plan(request, values, existing).map(({ cidr }) => cidr)

test.each([
  [1, 32],
  [2, 31],
  [3, 30],
  [4, 30],
  [5, 29],
  [256, 24],
  [257, 23],
  [2 ** 29 - 1, 3],
  [2 ** 29, 3],
  [2 ** 29 + 1, 2],
  [2 ** 31, 1],
  [2 ** 31 + 1, 0],
  [2 ** 32, 0],
])('%i addresses need a /%i: exact for every size (defects-manager D11)', (size, prefix) => {
  expect(prefixForSize(size)).toBe(prefix)
})

describe('blocks are carved', () => {
  const blocks = (range: string, count: number, size: number, ...taken: readonly string[]) =>
    carve(parseCidr(range), count, size, used(...taken)).map(({ text }) => text)

  test('from the beginning of the range', () => {
    expect(blocks('10.0.0.0/8', 3, 16)).toEqual(['10.0.0.0/28', '10.0.0.16/28', '10.0.0.32/28'])
  })

  test('around all that are used (defects-manager D1)', () => {
    expect(blocks('192.168.0.0/16', 4, 256, '192.168.2.0/24', '192.168.4.0/24')).toEqual([
      '192.168.0.0/24',
      '192.168.1.0/24',
      '192.168.3.0/24',
      '192.168.5.0/24',
    ])
  })

  test('around a larger network, a smaller one, and one that is not aligned with them', () => {
    expect(blocks('10.0.0.0/16', 2, 256, '10.0.0.0/20', '10.0.16.128/25')).toEqual(['10.0.17.0/24', '10.0.18.0/24'])
  })

  test('in the same way whatever the order of networks, and never over one (defects-manager D2)', () => {
    for (const taken of [
      ['192.168.3.0/25', '192.168.2.0/25'],
      ['192.168.2.0/25', '192.168.3.0/25'],
    ]) {
      expect(() => blocks('192.168.2.0/23', 1, 256, ...taken)).toThrow(
        expect.objectContaining({ code: 'CidrConflict' }),
      )
    }
  })

  test.each([
    ['a block larger than the range (defects-manager D3)', '10.0.0.0/24', 1, 512, [], 'NetworkRangeTooSmall'],
    ['more blocks than fit', '10.0.0.0/24', 3, 128, [], 'NetworkRangeTooSmall'],
    ['a range that is inside a network', '10.0.5.0/24', 1, 256, ['10.0.0.0/8'], 'CidrConflict'],
    ['a range that is a network', '10.0.5.0/24', 1, 256, ['10.0.5.0/24'], 'CidrConflict'],
    ['too few free blocks', '10.0.0.0/23', 2, 256, ['10.0.1.0/24'], 'CidrConflict'],
  ])('not for %s', (_what, range, count, size, taken, code) => {
    expect(() => blocks(range, count, size, ...taken)).toThrow(expect.objectContaining({ code }))
  })

  test('disjoint, inside the range, as many as asked for, over no network, for any networks there are', () => {
    const block = fc.tuple(fc.nat(2 ** 16 - 1), fc.integer({ min: 18, max: 30 })).map(([offset, prefix]) => {
      const first = (toInteger('10.1.0.0') + BigInt(offset)) >> BigInt(32 - prefix)
      return cidrOf(first << BigInt(32 - prefix), prefix, 4).text
    })
    const range = parseCidr('10.1.0.0/16')
    fc.assert(
      fc.property(
        fc.array(block, { maxLength: 6 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 4, max: 4096 }),
        (taken, count, size) => {
          const made = carve(range, count, size, used(...taken))
          expect(made).toHaveLength(count)
          for (const [index, one] of made.entries()) {
            expect(one.prefix).toBe(prefixForSize(size))
            expect(range.first <= one.first && one.last <= range.last).toBe(true)
            expect(made.some((other, place) => place !== index && overlaps(one, other))).toBe(false)
            expect(taken.some((text) => overlaps(one, parseCidr(text)))).toBe(false)
          }
          expect(carve(range, count, size, used(...taken.toReversed()))).toEqual(made)
        },
      ),
    )
  })
})

describe('the size that is not asked for (defects-manager D4)', () => {
  test.each([
    ['10.0.0.0/24', 1, ['10.0.0.0/24']],
    ['10.0.0.0/24', 2, ['10.0.0.0/25', '10.0.0.128/25']],
    ['10.0.0.0/24', 3, ['10.0.0.0/26', '10.0.0.64/26', '10.0.0.128/26']],
    ['10.0.0.0/22', 1, ['10.0.0.0/24']],
    ['10.0.0.77/24', 1, ['10.0.0.0/24']],
  ])('%s for %i: %o', (cidr, num_networks, expected) => {
    expect(cidrs({ cidr, num_networks })).toEqual(expected)
  })

  test('is refused when a share has no room for a network', () => {
    expect(() => plan({ cidr: '10.0.0.0/29', num_networks: 3 })).toThrow(
      '10.0.0.0/29 has room for 2 network(s) of 4 addresses, not for 3',
    )
  })
})

describe('a network', () => {
  const [network] = plan({ cidr: '10.0.0.0/24' })

  test('has its gateway first, the pool after it, and what is special is reserved', () => {
    expect(network).toMatchObject({
      label: 'private',
      cidr: '10.0.0.0/24',
      netmask: '255.255.255.0',
      broadcast: '10.0.0.255',
      gateway: '10.0.0.1',
      dhcp_server: '10.0.0.1',
      dhcp_start: '10.0.0.2',
      bridge: 'br100',
      dns1: '8.8.4.4',
      dns2: null,
      multi_host: false,
      host: null,
      project_id: null,
      enable_dhcp: true,
      range: { first: '10.0.0.0', last: '10.0.0.255' },
      reserved: ['10.0.0.0', '10.0.0.255', '10.0.0.1'],
    })
  })

  interface Case {
    readonly request: CreateNetworksRequest
    readonly gateway: string
    readonly dhcp_server: string
    readonly dhcp_start: string
  }
  const cases: readonly Case[] = [
    { request: { gateway: '10.0.0.254' }, gateway: '10.0.0.254', dhcp_server: '10.0.0.254', dhcp_start: '10.0.0.1' },
    { request: { gateway: '10.0.0.1' }, gateway: '10.0.0.1', dhcp_server: '10.0.0.1', dhcp_start: '10.0.0.2' },
    { request: { dhcp_server: '10.0.0.2' }, gateway: '10.0.0.1', dhcp_server: '10.0.0.2', dhcp_start: '10.0.0.3' },
    {
      request: { allowed_start: '10.0.0.16' },
      gateway: '10.0.0.16',
      dhcp_server: '10.0.0.16',
      dhcp_start: '10.0.0.17',
    },
    {
      request: { allowed_start: '10.0.0.16', gateway: '10.0.0.1' },
      gateway: '10.0.0.1',
      dhcp_server: '10.0.0.1',
      dhcp_start: '10.0.0.16',
    },
    {
      request: { fixed_cidr: '10.0.0.128/25', gateway: '10.0.0.1' },
      gateway: '10.0.0.1',
      dhcp_server: '10.0.0.1',
      dhcp_start: '10.0.0.128',
    },
  ]
  test.each(cases)('$request: gateway $gateway, DHCP $dhcp_server from $dhcp_start', ({ request, ...expected }) => {
    expect(plan({ cidr: '10.0.0.0/24', ...request })[0]).toMatchObject(expected)
  })

  test('a part of it as pool loses nothing at its ends (defects-manager D9)', () => {
    const [part] = plan({ cidr: '10.0.0.0/24', fixed_cidr: '10.0.0.128/26', gateway: '10.0.0.1' })
    expect(part).toMatchObject({ range: { first: '10.0.0.128', last: '10.0.0.191' } })
    expect(part!.reserved).toEqual(['10.0.0.0', '10.0.0.255', '10.0.0.1'])
  })

  test('each of several has a server, a number and a UUID of its own (defects-manager D10)', () => {
    const made = plan({ cidr: '10.0.0.0/24', num_networks: 2 })
    expect(made.map(({ label, dhcp_server }) => [label, dhcp_server])).toEqual([
      ['private_0', '10.0.0.1'],
      ['private_1', '10.0.0.129'],
    ])
    expect(new Set(made.map(({ uuid }) => uuid)).size).toBe(2)
  })

  test('takes what the request says before what the flags say', () => {
    const given = {
      dns1: '9.9.9.9',
      dns2: '1.1.1.1',
      bridge: 'br7',
      bridge_interface: 'eth1',
      mtu: 1400,
      project_id: 'acme',
      uuid: uuidOf(1),
    }
    expect(plan({ cidr: '10.0.0.0/24', ...given }, { fixed_range: '10.9.0.0/24' })[0]).toMatchObject(given)
    expect(cidrs({}, { fixed_range: '10.9.0.0/24' })).toEqual(['10.9.0.0/24'])
  })

  test('has at least one address for a guest, whatever is asked for; all its addresses are inside it', () => {
    const address = fc.option(
      fc.integer({ min: 0, max: 15 }).map((last) => `10.0.0.${last}`),
      { nil: undefined },
    )
    const request = fc.record({ gateway: address, dhcp_server: address, allowed_start: address, allowed_end: address })
    fc.assert(
      fc.property(request, (wish) => {
        const given = Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined))
        let made: ReturnType<typeof plan>
        try {
          made = plan({ cidr: '10.0.0.0/28', ...given })
        } catch (error) {
          expect(['InvalidInput', 'AddressOutOfRange']).toContain((error as { code: string }).code)
          return
        }
        const [{ range, reserved, gateway, dhcp_server, dhcp_start }] = made as unknown as [(typeof made)[0]]
        for (const each of [gateway, dhcp_server, dhcp_start, ...reserved]) {
          expect(contains(parseCidr('10.0.0.0/28'), each!)).toBe(true)
        }
        const pool = Array.from({ length: 16 }, (_, last) => `10.0.0.${last}`).filter(
          (each) => toInteger(each) >= toInteger(range!.first) && toInteger(each) <= toInteger(range!.last),
        )
        expect(pool.some((each) => !reserved.includes(each))).toBe(true)
        expect(reserved).toEqual(expect.arrayContaining(['10.0.0.0', '10.0.0.15', gateway, dhcp_server]))
      }),
      { numRuns: 500 },
    )
  })
})

test.each<[string, CreateNetworksRequest, Partial<CreationDefaults>]>([
  ['NetworkNotCreated', { label: '', cidr: '10.0.0.0/24' }, {}],
  ['NetworkNotCreated', {}, {}],
  ['NetworkNotCreated', { cidr: '10.0.0.0/24' }, { bridge: null }],
  ['LabelTooLong', { label: 'x'.repeat(256), cidr: '10.0.0.0/24' }, {}],
  ['InvalidInput', { label: 'a/b', cidr: '10.0.0.0/24' }, {}],
  ['InvalidCidr', { cidr: '10.0.0.0' }, {}],
  ['InvalidCidr', { cidr: '10.0.0.0/33' }, {}],
  ['InvalidInput', { cidr: 'fd00::/64' }, {}],
  ['InvalidIntValue', { cidr: '10.0.0.0/24', num_networks: 1.5 }, {}],
  ['InvalidIntValue', { cidr: '10.0.0.0/24', network_size: Number.NaN }, {}],
  ['InvalidInput', { cidr: '10.0.0.0/24', num_networks: 0 }, {}],
  ['NetworkRangeTooSmall', { cidr: '10.0.0.0/24', network_size: 2 }, {}],
  ['NetworkRangeTooSmall', { cidr: '10.0.0.0/31' }, {}],
  ['InvalidInput', { cidr: '10.0.0.0/24', num_networks: 2, uuid: uuidOf(1) }, {}],
  ['InvalidUUID', { cidr: '10.0.0.0/24', uuid: '1' }, {}],
  ['InvalidAddress', { cidr: '10.0.0.0/24', gateway: 'fd00::1' }, {}],
  ['AddressOutOfRange', { cidr: '10.0.0.0/24', gateway: '10.0.1.1' }, {}],
  ['InvalidInput', { cidr: '10.0.0.0/24', gateway: '10.0.0.0' }, {}],
  ['InvalidInput', { cidr: '10.0.0.0/24', dhcp_server: '10.0.0.255' }, {}],
  ['AddressOutOfRange', { cidr: '10.0.0.0/24', fixed_cidr: '10.0.1.0/25' }, {}],
  ['AddressOutOfRange', { cidr: '10.0.0.0/24', num_networks: 2, fixed_cidr: '10.0.0.0/26' }, {}],
  ['InvalidInput', { cidr: '10.0.0.0/24', allowed_start: '10.0.0.9', allowed_end: '10.0.0.8' }, {}],
  ['InvalidInput', { cidr: '10.0.0.0/24', allowed_start: '10.0.0.9', allowed_end: '10.0.0.9' }, {}],
  ['InvalidInput', { cidr: '10.0.0.0/24', bridge: 'bridge0123456789' }, {}],
  ['InvalidInput', { cidr: '10.0.0.0/24', bridge_interface: 'eth 1' }, {}],
  ['InvalidInput', { cidr: '10.0.0.0/24', mtu: 20 }, {}],
  ['InvalidInput', { cidr: '10.0.0.0/24', num_networks: 2 }, { ownBridge: true }],
])('%s for %o with %o', (code, request, values) => {
  expect(() => plan(request, values)).toThrow(expect.objectContaining({ code }))
})
