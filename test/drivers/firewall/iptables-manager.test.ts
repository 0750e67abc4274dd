import { describe, expect, test } from 'vitest'
import { IptablesManager, IptablesTable } from '../../../drivers/firewall/iptables-manager.ts'

function linesOf(table: IptablesTable): string[] {
  return table.chainsWithRules.flatMap((chain) => table.rulesOf(chain).map(String)).sort()
}

function table(...chains: string[]): IptablesTable {
  const made = new IptablesTable('netloom')
  for (const chain of chains) made.addChain(chain)
  return made
}

describe('a new manager', () => {
  const { ipv4, ipv6 } = new IptablesManager('netloom')

  test.each([
    [
      'filter',
      ipv4.filter,
      ['netloom-local', 'netloom-INPUT', 'netloom-OUTPUT', 'netloom-FORWARD'],
      ['nova-filter-top'],
      [
        '-A FORWARD -j netloom-FORWARD',
        '-A FORWARD -j nova-filter-top',
        '-A INPUT -j netloom-INPUT',
        '-A OUTPUT -j netloom-OUTPUT',
        '-A OUTPUT -j nova-filter-top',
        '-A nova-filter-top -j netloom-local',
      ],
    ],
    [
      'nat',
      ipv4.nat,
      ['netloom-PREROUTING', 'netloom-OUTPUT', 'netloom-POSTROUTING', 'netloom-snat', 'netloom-float-snat'],
      ['nova-postrouting-bottom'],
      [
        '-A OUTPUT -j netloom-OUTPUT',
        '-A POSTROUTING -j netloom-POSTROUTING',
        '-A POSTROUTING -j nova-postrouting-bottom',
        '-A PREROUTING -j netloom-PREROUTING',
        '-A netloom-snat -j netloom-float-snat',
        '-A nova-postrouting-bottom -j netloom-snat',
      ],
    ],
    ['mangle', ipv4.mangle, ['netloom-POSTROUTING'], [], ['-A POSTROUTING -j netloom-POSTROUTING']],
  ])('has the chains and jumps of nova in %s', (_, made, wrapped, unwrapped, rules) => {
    expect([...made.wrappedChains].sort()).toEqual([...wrapped].sort())
    expect([...made.unwrappedChains]).toEqual(unwrapped)
    expect(linesOf(made)).toEqual(rules)
  })

  test('has the same filter table for IPv6', () => {
    expect(linesOf(ipv6.filter)).toEqual(linesOf(ipv4.filter))
  })

  test('visits nova-filter-top before its own chain, and its POSTROUTING before the bottom', () => {
    expect(ipv4.filter.rulesOf('FORWARD').map((rule) => rule.text)).toEqual([
      '-j nova-filter-top',
      '-j netloom-FORWARD',
    ])
    expect(ipv4.nat.rulesOf('POSTROUTING').map((rule) => rule.text)).toEqual([
      '-j netloom-POSTROUTING',
      '-j nova-postrouting-bottom',
    ])
  })

  test('keeps 16 characters of its prefix', () => {
    const long = new IptablesManager('nova-api-metadata')
    expect(long.prefix).toBe('nova-api-metadat')
    expect(long.ipv4.nat.hasChain('POSTROUTING')).toBe(true)
    expect([...long.ipv4.mangle.wrappedChains]).toEqual(['nova-api-metadat-POSTROUTING'])
  })

  test.each(['', '-x', 'a b', 'a\nb', '!a'])('refuses the prefix %j', (prefix) => {
    expect(() => new IptablesManager(prefix)).toThrow(/chain prefix/)
  })
})

describe('chains', () => {
  test('a name of 28 characters is the longest (defects-linux-net A22)', () => {
    const made = table()
    made.addChain('x'.repeat(20))
    expect([...made.wrappedChains][0]).toHaveLength(28)
    expect(() => made.addChain('x'.repeat(21))).toThrow(/at most 28 characters, it would have 29/)
    expect(() => made.addChain('x'.repeat(29), false)).toThrow(/at most 28 characters/)
    expect(made.wrappedChains.size + made.unwrappedChains.size).toBe(1)
  })

  test.each(['a b', '', '-j', 'a\nb', '!x', 'ü'])('refuses the name %j', (name) => {
    expect(() => table().addChain(name)).toThrow(/chain/)
    expect(() => table().addRule(name, '-j DROP', false)).toThrow(/chain/)
  })

  test('removing inst-1 leaves inst-10 and the jump to it (defects-linux-net A1)', () => {
    const made = table('inst-1', 'inst-10', 'local')
    made.addRule('local', '-j $inst-1')
    made.addRule('local', '-j $inst-10')
    made.addRule('local', '-s 10.0.0.3 -g $inst-1')
    made.addRule('inst-1', '-j DROP')
    made.addRule('inst-10', '-j DROP')
    expect(made.removeChain('inst-1')).toBe(true)
    expect(linesOf(made)).toEqual(['-A netloom-inst-10 -j DROP', '-A netloom-local -j netloom-inst-10'])
    expect(made.hasChain('inst-1')).toBe(false)
    expect(made.hasChain('inst-10')).toBe(true)
  })

  test('removing a wrapped INPUT leaves the rules of the built-in one (defects-linux-net A2)', () => {
    const made = table('INPUT', 'local')
    made.addRule('INPUT', '-j DROP')
    made.addRule('INPUT', '-j $INPUT', false)
    made.addRule('INPUT', '-j $local', false)
    made.removeChain('INPUT')
    expect(linesOf(made)).toEqual(['-A INPUT -j netloom-local'])
  })

  test('a jump that only a comment names stays', () => {
    const made = table('a', 'b')
    made.addRule('b', '-m comment --comment "-j netloom-a" -j DROP')
    made.removeChain('a')
    expect(made.rulesOf('netloom-b')).toHaveLength(1)
  })

  test('removing or emptying what is not there changes nothing', () => {
    const made = table('a')
    made.addRule('a', '-j DROP')
    expect(made.removeChain('b')).toBe(false)
    expect(made.removeChain('a', false)).toBe(false)
    made.emptyChain('b')
    made.emptyChain('a', false)
    expect(linesOf(made)).toEqual(['-A netloom-a -j DROP'])
  })

  test('an emptied chain stays', () => {
    const made = table('a')
    made.addRule('a', '-j DROP')
    made.emptyChain('a')
    expect(made.hasChain('a')).toBe(true)
    expect(linesOf(made)).toEqual([])
  })
})

describe('rules', () => {
  test('a wrapped chain that is not there is an error', () => {
    expect(() => table().addRule('x', '-j DROP')).toThrow("Unknown chain: 'x'")
    expect(() => table().addCanonicalRule('x', '-j DROP')).toThrow("Unknown chain: 'x'")
  })

  test('adding twice is adding once, however it is spelled, and removing once removes it (defects-linux-net A19)', () => {
    const made = table('snat')
    made.addRule('snat', '-s 10.0.0.3 -j SNAT --to 203.0.113.7')
    made.addRule('snat', '-s 10.0.0.3/32 -j SNAT --to-source 203.0.113.7')
    expect(linesOf(made)).toEqual(['-A netloom-snat -s 10.0.0.3/32 -j SNAT --to-source 203.0.113.7'])
    expect(made.removeRule('snat', '--source 10.0.0.3 -j SNAT --to 203.0.113.7')).toBe(true)
    expect(made.removeRule('snat', '-s 10.0.0.3 -j SNAT --to 203.0.113.7')).toBe(false)
    expect(linesOf(made)).toEqual([])
  })

  test('a rule that is added again keeps its place', () => {
    const made = table('a')
    for (const rule of ['-i b1 -j DROP', '-i b2 -j DROP', '-i b1 -j DROP']) made.addRule('a', rule)
    expect(made.rulesOf('netloom-a').map((rule) => rule.text)).toEqual(['-i b1 -j DROP', '-i b2 -j DROP'])
  })

  test('$ names a wrapped chain when adding and when removing (defects-linux-net A18)', () => {
    const made = table('a', 'local')
    made.addRule('local', '-s 10.0.0.3 -j $a')
    expect(linesOf(made)).toEqual(['-A netloom-local -s 10.0.0.3/32 -j netloom-a'])
    expect(made.removeRule('local', '-s 10.0.0.3 -j $a')).toBe(true)
  })

  test('top rules precede the others and keep the order among themselves (defects-linux-net A17)', () => {
    const made = table('a')
    made.addRule('a', '-i b1 -j DROP')
    made.addRule('a', '-i b2 -j DROP', true, true)
    made.addRule('a', '-i b3 -j DROP', true, true)
    expect(made.rulesOf('netloom-a').map((rule) => rule.text)).toEqual([
      '-i b2 -j DROP',
      '-i b3 -j DROP',
      '-i b1 -j DROP',
    ])
  })

  test('50 000 rules are added, found again and removed (defects-linux-net B2, B3)', () => {
    const made = table('a')
    const rule = (index: number) => `-s 10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32 -j DROP`
    for (let index = 0; index < 50_000; index += 1) made.addRule('a', rule(index))
    for (let index = 0; index < 50_000; index += 1) made.addRule('a', rule(index))
    expect(made.rulesOf('netloom-a')).toHaveLength(50_000)
    for (let index = 0; index < 50_000; index += 1) expect(made.removeRule('a', rule(index))).toBe(true)
    expect(made.rulesOf('netloom-a')).toHaveLength(0)
  })
})
