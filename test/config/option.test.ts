import { describe, expect, test } from 'vitest'
import { type Option, option } from '../../config/option.ts'

const of = (kind: (d: { default: never; help: string }) => Option<unknown>) => kind({ default: '' as never, help: '' })
const range = option.integer({ default: 1, min: 1, max: 4094, help: '' })
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
    ['a-name-that-is-long', option.optionalDevice({ help: '' }), 'must be a device name'],
    ['../x', option.optionalDevice({ help: '' }), 'must be a device name'],
  ])('%j is refused (%#)', (text, declared, wish) => {
    expect(() => declared.parse([text])).toThrow(TypeError)
    expect(() => declared.parse([text])).toThrow(wish)
  })
})
