import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalRule, ruleTarget } from '../../../drivers/firewall/rule-text.ts'

const written: readonly (readonly [written: string, printed: string])[] = [
  ['-d 203.0.113.7 -j DNAT --to 10.0.0.3', '-d 203.0.113.7/32 -j DNAT --to-destination 10.0.0.3'],
  ['-s 10.0.0.3 -j SNAT --to 203.0.113.7 -o eth0', '-s 10.0.0.3/32 -o eth0 -j SNAT --to-source 203.0.113.7'],
  ['-s 10.0.0.3 -j SNAT --to 203.0.113.7 -d 10.0.0.3', '-s 10.0.0.3/32 -d 10.0.0.3/32 -j SNAT --to-source 203.0.113.7'],
  [
    '-s 0.0.0.0/0 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:8775',
    '-d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:8775',
  ],
  [
    '-s 10.0.0.0/24 -d 0.0.0.0/0 -j SNAT --to-source 192.0.2.1 -o eth0',
    '-s 10.0.0.0/24 -o eth0 -j SNAT --to-source 192.0.2.1',
  ],
  [
    '-d 192.0.2.1 -p udp --dport 1000 -j DNAT --to 10.0.0.2:1194',
    '-d 192.0.2.1/32 -p udp -m udp --dport 1000 -j DNAT --to-destination 10.0.0.2:1194',
  ],
  ['--in-interface br100 -j ACCEPT', '-i br100 -j ACCEPT'],
  ['-o br100 -i br9 -j ACCEPT', '-i br9 -o br100 -j ACCEPT'],
  ['-p tcp -m tcp --dport 8775 -d 192.0.2.1 -j ACCEPT', '-d 192.0.2.1/32 -p tcp -m tcp --dport 8775 -j ACCEPT'],
  ['-p tcp --dport 80 -j REDIRECT --to 8775', '-p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8775'],
  [
    '-s 10.0.0.0/24 -d 10.0.0.0/24 -m conntrack ! --ctstate DNAT -j ACCEPT',
    '-s 10.0.0.0/24 -d 10.0.0.0/24 -m conntrack ! --ctstate DNAT -j ACCEPT',
  ],
  ['! -d 10.0.0.0/8 -s 10.0.0.9 -j ACCEPT', '-s 10.0.0.9/32 ! -d 10.0.0.0/8 -j ACCEPT'],
  ['-s 10.0.0.77/24 -j DROP', '-s 10.0.0.0/24 -j DROP'],
  ['-s ::/0 -d 2001:DB8::1 -j DROP', '-d 2001:db8::1/128 -j DROP'],
  ['-m comment --comment "a -j b" -j DROP', '-m comment --comment "a -j b" -j DROP'],
  ['  -i   br100   -j ACCEPT  ', '-i br100 -j ACCEPT'],
  ['-j CHECKSUM --checksum-fill -o br100', '-o br100 -j CHECKSUM --checksum-fill'],
]

describe('canonicalRule', () => {
  test.each(written)('%s', (rule, printed) => {
    expect(canonicalRule(rule)).toBe(printed)
    expect(canonicalRule(printed)).toBe(printed)
  })

  test.each([
    '-s 10.0.0.300 -j DROP',
    '-s 10.0.0.1,10.0.0.2 -j DROP',
    '-d 10.0.0.0/33 -j DROP',
    '-d example.org -j DROP',
    '-d',
    '-i br100 -j',
    '! -s 0.0.0.0/0 -j DROP',
    '-j DROP\n-A INPUT -j ACCEPT',
    '-j DROP\rCOMMIT',
    '-j DROP\u0000',
  ])('refuses %j', (rule) => {
    expect(() => canonicalRule(rule)).toThrow(/is not/)
  })

  test('has one spelling whatever the order of its options, and that spelling is a fixed point (property)', () => {
    const options = ['-s 10.0.0.1', '! -d 10.0.0.0/8', '-i br100', '--out-interface eth0', '-p udp --dport 53']
    const anyOrder = fc.shuffledSubarray(options)
    fc.assert(
      fc.property(anyOrder, fc.nat({ max: options.length }), (chosen, at) => {
        const target = '-j SNAT --to 192.0.2.1'
        const rule = [...chosen.slice(0, at), target, ...chosen.slice(at)].join(' ')
        const sorted = [...options.filter((option) => chosen.includes(option)), target].join(' ')
        expect(canonicalRule(rule)).toBe(canonicalRule(sorted))
        expect(canonicalRule(canonicalRule(rule))).toBe(canonicalRule(rule))
      }),
    )
  })
})

test.each([
  ['-i br100 -j ACCEPT', 'ACCEPT'],
  ['-g netloom-local', 'netloom-local'],
  ['-m comment --comment "x -j netloom-local" -j DROP', 'DROP'],
  ['-m comment --comment "x -j netloom-local"', null],
])('ruleTarget of %s is %s', (rule, target) => {
  expect(ruleTarget(rule)).toBe(target)
})
