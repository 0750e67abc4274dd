import { describe, expect, test } from 'vitest'
import { type Option, option } from '../../config/option.ts'
import { parsePool } from '../../core/model/names.ts'

const of = (kind: (d: { default: never; help: string }) => Option<unknown>) => kind({ default: '' as never, help: '' })
const range = option.integer({ default: 1, min: 1, max: 4094, help: '' })
const ipv4 = option.addresses({ default: [], family: 4, help: '' })
const ipv6Block = option.cidrs({ default: [], family: 6, help: '' })
const pool = option.name('pool', parsePool, { default: 'nova', help: '' })
const choice = option.oneOf(['a', 'b'], { default: 'a', help: '' })

describe('kinds of flags', () => {
  test.each<[string, Option<unknown>, string[], unknown]>([
    ['the last text counts', of(option.text), ['a', 'b'], 'b'],
    ['empty text is no value', option.optionalText({ help: '' }), [''], null],
    ['a whole number', range, [' 07 '], 7],
    ['a port', of(option.port), ['65535'], 65535],
    ['seconds', of(option.seconds), ['0'], 0],
    ['yes in any case', of(option.boolean), ['YES'], true],
    ['no', of(option.boolean), ['off'], false],
    ['one of several', choice, ['b'], 'b'],
    ['a list of lines and commas', of(option.list), ['a, b', 'c,', ''], ['a', 'b', 'c']],
    ['an address in its canonical form', of(option.address), ['2001:DB8::0:1'], '2001:db8::1'],
    ['no address', option.optionalAddress({ help: '' }), [''], null],
    ['a block without host bits', option.optionalCidr({ help: '' }), ['10.0.0.5/24'], '10.0.0.0/24'],
    ['addresses of one family', ipv4, ['10.0.0.1, 10.0.0.2', '10.0.0.3'], ['10.0.0.1', '10.0.0.2', '10.0.0.3']],
    ['no addresses', ipv4, [''], []],
    ['blocks of one family', ipv6Block, ['FD00::1/64'], ['fd00::/64']],
    ['a path in its shortest form', of(option.path), ['//var/./lib//x/../netloom/'], '/var/lib/netloom'],
    ['the root', of(option.path), ['/'], '/'],
    ['no path', option.optionalPath({ help: '' }), [''], null],
    ['a path with what a name may hold', of(option.path), ['/my files/a,b="c"'], '/my files/a,b="c"'],
    ['a domain', of(option.domain), ['Cloud-1.example.org'], 'Cloud-1.example.org'],
    ['no domain', of(option.domain), [''], ''],
    ['a name of the model', pool, ['public.1'], 'public.1'],
    ['a device', option.optionalDevice({ help: '' }), ['eth0.100'], 'eth0.100'],
  ])('%s', (_, declared, raw, expected) => {
    expect(declared.parse(raw)).toEqual(expected)
  })

  test.each<[string, Option<unknown>, string]>([
    ['4095', range, 'must be a whole number in 1..4094'],
    ['1.5', range, 'must be a whole number'],
    ['0x10', range, 'must be a whole number'],
    ['', range, 'must be a whole number'],
    ['0', of(option.port), 'must be a whole number in 1..65535'],
    ['-1', of(option.seconds), 'must be a whole number in 0..'],
    ['99999999999999999999', of(option.integer), `must be a whole number in ${Number.MIN_SAFE_INTEGER}..`],
    ['', of(option.boolean), 'must be true or false'],
    ['A', choice, 'must be one of a, b'],
    ['10.0.0.300', of(option.address), 'must be an IP address'],
    ['10.1', of(option.address), 'must be an IP address'],
    ['10.0.0.0', option.optionalCidr({ help: '' }), 'must be a network in CIDR form'],
    ['::1', ipv4, 'must be an IPv4 address'],
    ['10.0.0.1, x', ipv4, 'must be an IPv4 address'],
    ['10.0.0.0/24', ipv6Block, 'must be an IPv6 network in CIDR form, like fd00::/64'],
    ['var/lib', of(option.path), 'must be an absolute path'],
    ['', of(option.path), 'must be an absolute path'],
    ['/var\n/lib', of(option.path), 'without control characters'],
    ['/var\0', option.optionalPath({ help: '' }), 'without control characters'],
    ['a..b', of(option.domain), 'must be a domain'],
    ['example.org.', of(option.domain), 'must be a domain'],
    ['-a.org', of(option.domain), 'must be a domain'],
    ['a_b.org', of(option.domain), 'must be a domain'],
    [`${'a'.repeat(64)}.org`, of(option.domain), 'must be a domain'],
    [`${'a.'.repeat(127)}a`, of(option.domain), 'must be a domain'],
    ['a,b', pool, 'must be 1 to 255 letters, digits, ".", "_" or "-"'],
    ['a-name-that-is-long', option.optionalDevice({ help: '' }), 'must be a device name'],
    ['../x', option.optionalDevice({ help: '' }), 'must be a device name'],
  ])('%j is refused (%#)', (text, declared, wish) => {
    expect(() => declared.parse([text])).toThrow(TypeError)
    expect(() => declared.parse([text])).toThrow(wish)
  })
})

test('empty text as a default is no value either', () => {
  expect(option.optionalAddress({ help: '', default: '' }).default).toBeNull()
})
