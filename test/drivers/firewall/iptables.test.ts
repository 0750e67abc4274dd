import fc from 'fast-check'
import { type Contribution, FloatingIpAssociateFailed, InvalidInput, type PacketIntent } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import plugin, { iptablesDriver } from '../../../drivers/firewall/iptables.ts'
import noop from '../../../drivers/firewall/noop.ts'
import { canonicalRule } from '../../../drivers/firewall/rule-text.ts'
import { float, rendered } from './rendered-intents.ts'

const settings = { prefix: 'netloom', dropAction: 'DROP', useIpv6: false }
const driver = iptablesDriver(settings)
const dualStack = iptablesDriver({ ...settings, useIpv6: true })

function from(owner: string, ...resources: PacketIntent[]): Contribution {
  return { owner, resources }
}

/** `TABLE CHAIN RULE` of all that a driver adds for these intents to a host that has netloom's base chains. */
function added(wanted: readonly Contribution[], by = driver): string[] {
  const base = by.change(
    [],
    by.reads.map(() => ''),
  ).after
  return by.describe(wanted, base).map((line) => {
    expect(line).toMatch(/^\+ /)
    return line.slice(2)
  })
}

describe('an intent becomes rules', () => {
  test.each(rendered)('%s', (_, intent, lines) => {
    expect(added([from('host', intent)])).toEqual(lines)
  })

  test.each(rendered)('%s: as iptables-save prints them', (_, intent) => {
    for (const line of added([from('host', intent)])) {
      const text = line.split(' ').slice(2).join(' ')
      expect(canonicalRule(text)).toBe(text)
    }
  })

  test.each(rendered)('%s: and goes without a trace (defects-linux-net A7, A27)', (_, intent) => {
    const base = driver.change([], ['']).after
    const there = driver.change([from('host', intent)], base).after
    expect(driver.change([], there).after).toEqual(base)
  })

  test.each([
    ['REJECT', 'REJECT --reject-with icmp-port-unreachable'],
    ['LOGDROP', 'LOGDROP'],
  ])('what is not forwarded goes to iptables_drop_action %s', (dropAction, target) => {
    const wanted = [from('network:1', { kind: 'forwarding', device: 'br100', verdict: 'drop' })]
    expect(added(wanted, iptablesDriver({ ...settings, dropAction }))).toEqual([
      `filter netloom-FORWARD -i br100 -j ${target}`,
      `filter netloom-FORWARD -o br100 -j ${target}`,
    ])
  })
})

describe('order', () => {
  test('rules stand in the order of their owners', () => {
    const wanted = [
      from('floating:b', float('203.0.113.9', '10.0.0.9')),
      from('floating:a', float('203.0.113.3', '10.0.0.3')),
    ]
    expect(added(wanted).filter((line) => line.includes('PREROUTING'))).toEqual([
      'nat netloom-PREROUTING -d 203.0.113.9/32 -j DNAT --to-destination 10.0.0.9',
      'nat netloom-PREROUTING -d 203.0.113.3/32 -j DNAT --to-destination 10.0.0.3',
    ])
  })

  test('exemptions precede the rules of floating IPs, whoever came first', () => {
    const wanted = [
      from('floating:a', float('203.0.113.3', '10.0.0.3')),
      from('network:1', { kind: 'nat-exemption', cidr: '10.0.0.0/24', destination: '192.0.2.1' }),
    ]
    expect(added(wanted).filter((line) => line.includes('POSTROUTING'))).toEqual([
      'nat netloom-POSTROUTING -s 10.0.0.0/24 -d 192.0.2.1/32 -j ACCEPT',
      'nat netloom-POSTROUTING -s 10.0.0.3/32 -m conntrack --ctstate DNAT -j SNAT --to-source 203.0.113.3',
    ])
  })

  test('a network that is not forwarded is out of reach of one that is, whichever came first', () => {
    const wanted = [
      from('network:1', { kind: 'forwarding', device: 'br1', verdict: 'accept' }),
      from('network:2', { kind: 'forwarding', device: 'br2', verdict: 'drop' }),
    ]
    expect(added(wanted)).toEqual([
      'filter netloom-FORWARD -i br2 -j DROP',
      'filter netloom-FORWARD -o br2 -j DROP',
      'filter netloom-FORWARD -i br1 -j ACCEPT',
      'filter netloom-FORWARD -o br1 -j ACCEPT',
    ])
  })
})

test('what limits one network comes after what another may, whichever came first', () => {
  const limited = (device: string, ...peers: string[]) =>
    from(device, { kind: 'forwarding', device, verdict: 'accept', peers })
  const vpn: PacketIntent = {
    ...{ kind: 'accept', path: 'forward', destination: '10.0.0.2', protocol: 'udp', port: 1194 },
  }
  const rules = added([limited('br100', 'br101'), from('vpn', vpn), limited('br101', 'eth0')])
  expect(rules.map((line) => line.split('FORWARD ')[1])).toEqual([
    '-i br100 -o br101 -j ACCEPT',
    '-i br101 -o br100 -j ACCEPT',
    '-i br100 -o br100 -j ACCEPT',
    '-d 10.0.0.2/32 -p udp -m udp --dport 1194 -j ACCEPT',
    '-i br101 -o eth0 -j ACCEPT',
    '-i eth0 -o br101 -j ACCEPT',
    '-i br101 -o br101 -j ACCEPT',
    '-i br100 -j DROP',
    '-o br100 -j DROP',
    '-i br101 -j DROP',
    '-o br101 -j DROP',
  ])
})

describe('change', () => {
  const network = from('network:1', { kind: 'forwarding', device: 'br100', verdict: 'accept' })

  test('reads and writes with one command each', () => {
    expect(driver.reads).toEqual([{ argv: ['iptables-save', '-c'] }])
    const { commands } = driver.change([network], [''])
    expect(commands.map((command) => command.argv)).toEqual([['iptables-restore', '--noflush', '--wait', '10']])
    expect(commands[0]?.input).toContain('-A netloom-FORWARD -i br100 -j ACCEPT\n')
  })

  test('has no command when nothing differs (defects-linux-net B1, lessons C2)', () => {
    const { after } = driver.change([network], [''])
    expect(driver.change([network], after)).toEqual({ commands: [], after })
    expect(driver.describe([network], after)).toEqual([])
  })

  test('wants its base chains when nobody wants anything', () => {
    expect(driver.describe([], [''])).toContain('+ filter chain netloom-FORWARD')
    expect(driver.change([], []).commands).toHaveLength(1)
  })

  test('looks at the host, not at what it did before (defects-linux-net A9, A10)', () => {
    const first = driver.change([network], [''])
    expect(driver.change([network], [''])).toEqual(first)
  })

  test('a network that loses its gateway keeps no accept rules (defects-linux-net A25)', () => {
    const { after } = driver.change([network], [''])
    const closed = from('network:1', { kind: 'forwarding', device: 'br100', verdict: 'drop' })
    expect(driver.describe([closed], after)).toEqual([
      '- filter netloom-FORWARD -i br100 -j ACCEPT',
      '- filter netloom-FORWARD -o br100 -j ACCEPT',
      '+ filter netloom-FORWARD -i br100 -j DROP',
      '+ filter netloom-FORWARD -o br100 -j DROP',
    ])
  })

  test('moving a floating IP changes its own rules only (defects-linux-net A20)', () => {
    const others = [
      from('host', { kind: 'source-nat', cidr: '10.0.0.0/24', to: '203.0.113.7', device: null }),
      from('vpn', {
        kind: 'port-forward',
        address: '203.0.113.7',
        protocol: 'udp',
        port: 1000,
        to: '10.0.0.2',
        toPort: 1194,
      }),
    ]
    const { after } = driver.change([...others, from('floating:a', float('203.0.113.7', '10.0.0.3'))], [''])
    const lines = driver.describe([...others, from('floating:a', float('203.0.113.7', '10.0.0.4'))], after)
    expect(lines).toHaveLength(8)
    for (const line of lines) expect(line).toMatch(/10\.0\.0\.[34]\b/)
  })

  test('resources of the host are none of its business', () => {
    const link = { kind: 'link', name: 'br100', type: 'bridge' } as const
    expect(added([{ owner: 'network:1', resources: [link] }])).toEqual([])
  })
})

describe('IPv6', () => {
  test('has a command of its own when use_ipv6 is set', () => {
    expect(dualStack.reads.map((command) => command.argv[0])).toEqual(['iptables-save', 'ip6tables-save'])
    const { commands, after } = dualStack.change([], ['', ''])
    expect(commands.map((command) => command.argv[0])).toEqual(['iptables-restore', 'ip6tables-restore'])
    expect(commands[1]?.input).not.toMatch(/nat|mangle/)
    expect(dualStack.change([], after).commands).toEqual([])
  })

  test.each<[string, PacketIntent, readonly string[]]>([
    [
      'an opening for any address is made for both',
      { kind: 'accept', path: 'input', device: 'br100', protocol: 'udp', port: 53 },
      [
        'filter netloom-INPUT -i br100 -p udp -m udp --dport 53 -j ACCEPT',
        'ip6 filter netloom-INPUT -i br100 -p udp -m udp --dport 53 -j ACCEPT',
      ],
    ],
    [
      'an opening for an IPv6 address is made for IPv6',
      { kind: 'accept', path: 'input', destination: '2001:DB8::1', protocol: 'tcp', port: 8775 },
      ['ip6 filter netloom-INPUT -d 2001:db8::1/128 -p tcp -m tcp --dport 8775 -j ACCEPT'],
    ],
    [
      'an opening for an IPv4 address is made for IPv4',
      { kind: 'accept', path: 'input', destination: '192.0.2.1', protocol: 'tcp', port: 8775 },
      ['filter netloom-INPUT -d 192.0.2.1/32 -p tcp -m tcp --dport 8775 -j ACCEPT'],
    ],
    [
      'forwarding holds for both',
      { kind: 'forwarding', device: 'br100', verdict: 'drop' },
      [
        'filter netloom-FORWARD -i br100 -j DROP',
        'filter netloom-FORWARD -o br100 -j DROP',
        'ip6 filter netloom-FORWARD -i br100 -j DROP',
        'ip6 filter netloom-FORWARD -o br100 -j DROP',
      ],
    ],
  ])('%s (defects-linux-net A29)', (_, intent, lines) => {
    expect(added([from('network:1', intent)], dualStack)).toEqual(lines)
  })
})

describe('what is refused', () => {
  test.each([
    ['two owners for one public address', 'floating:b', '10.0.0.3'],
    ['two fixed addresses for one public address', 'floating:a', '10.0.0.4'],
  ])('%s, and the message names both (defects-linux-net A21)', (_, owner, fixed) => {
    const wanted = [from('floating:a', float('203.0.113.7', '10.0.0.3')), from(owner, float('203.0.113.7', fixed))]
    expect(() => driver.change(wanted, [''])).toThrow(FloatingIpAssociateFailed)
    expect(() => driver.change(wanted, [''])).toThrow(`floating:a maps it to 10.0.0.3 and ${owner} to ${fixed}`)
  })

  test('the same said twice by one owner is said once', () => {
    const once = from('floating:a', float('203.0.113.7', '10.0.0.3'))
    const twice = from('floating:a', ...(once.resources as PacketIntent[]), ...(once.resources as PacketIntent[]))
    expect(driver.change([twice], [''])).toEqual(driver.change([once], ['']))
  })

  test('an IPv6 address where rules are for IPv4, and the message names the owner', () => {
    expect(() => driver.change([from('floating:a', float('2001:db8::7', '10.0.0.3'))], [''])).toThrow(
      'address of floating:a "2001:db8::7" is not valid: an IPv4 address',
    )
  })

  const hostile = fc.oneof(
    fc.string(),
    fc.constantFrom(
      '10.0.0.3 -j ACCEPT',
      '10.0.0.3\n-A INPUT -j ACCEPT',
      '10.0.0.3\n',
      '10.0.0.0/24\n',
      '10.0.0.3/32 -o eth0',
      'eth0 -j ACCEPT',
      'eth0\nCOMMIT',
      '-o',
      '!',
      '0x7f000001',
      '010.0.0.1',
      '10.1',
      '1e3',
      '::',
      '',
      '__proto__',
      'constructor',
    ),
    fc.constantFrom<unknown>(
      null,
      undefined,
      0,
      -1,
      1.5,
      Number.NaN,
      70_000,
      true,
      {},
      [],
      ['10.0.0.3', '-j'],
      ['eth0 -j'],
    ),
  )

  test('hostile values in any field give valid rules or an error, and never another line or option (defects-linux-net G3)', () => {
    const safe =
      /^(-s [\d./]+ ?)?(-d [\d./]+ ?)?(-i [\w.-]{1,15} ?)?(-o [\w.-]{1,15} ?)?(-p (tcp|udp) -m (tcp|udp) --dport \d+ ?)?(-m addrtype --dst-type LOCAL ?|-m conntrack (! )?--ctstate DNAT ?)?-j (ACCEPT|DROP|SNAT --to-source [\d.]+|DNAT --to-destination [\d.]+(:\d+)?|REDIRECT --to-ports \d+|CHECKSUM --checksum-fill)$/
    const base = driver.change([], ['']).after
    fc.assert(
      fc.property(fc.constantFrom(...rendered), fc.nat(), hostile, ([, intent], at, value) => {
        const fields = Object.keys(intent).filter((field) => field !== 'kind')
        const bent = { ...intent, [fields[at % fields.length]!]: value } as PacketIntent
        let lines: readonly string[]
        try {
          lines = driver.describe([from('network:1', bent)], base)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInput)
          return
        }
        for (const line of lines) {
          const [sign, table, chain, ...text] = line.split(' ')
          expect([sign, table, chain?.startsWith('netloom-')]).toEqual([
            '+',
            expect.stringMatching(/^(filter|nat|mangle)$/),
            true,
          ])
          expect(text.join(' ')).toMatch(safe)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('the plugins', () => {
  const environment = { services: {}, logger: { debug() {}, info() {}, warn() {}, error() {} } }

  test.each(['DROP', 'REJECT', 'LOGDROP'])('iptables_drop_action may be %s', (action) => {
    expect(plugin.check({ use_ipv6: false, iptables_drop_action: action })).toEqual([])
  })

  test.each(['', '-j', 'DROP\n-A INPUT -j ACCEPT', 'DROP -s 1', 'x'.repeat(29)])(
    'iptables_drop_action may not be %j',
    (action) => {
      expect(plugin.check({ use_ipv6: false, iptables_drop_action: action })).toHaveLength(1)
    },
  )

  test('iptables makes a driver for the prefix netloom', () => {
    const made = plugin.create({ flags: { use_ipv6: false, iptables_drop_action: 'DROP' }, ...environment })
    expect((made as typeof driver).change([], [''])).toEqual(driver.change([], ['']))
  })

  test('noop reads nothing and changes nothing', () => {
    const made = noop.create({ flags: {}, ...environment }) as typeof driver
    expect(made.reads).toEqual([])
    expect(made.change([from('floating:a', float('203.0.113.7', '10.0.0.3'))], [])).toEqual({ commands: [], after: [] })
    expect(made.describe([], [])).toEqual([])
  })
})
