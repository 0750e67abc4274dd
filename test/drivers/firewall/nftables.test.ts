import fc from 'fast-check'
import { type Contribution, FloatingIpAssociateFailed, InvalidInput, type PacketIntent } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { iptablesDriver } from '../../../drivers/firewall/iptables.ts'
import { parseTable } from '../../../drivers/firewall/nftables/table.ts'
import plugin, { nftablesDriver } from '../../../drivers/firewall/nftables.ts'
import { float, rendered } from './rendered-intents.ts'

const driver = nftablesDriver({ dropAction: 'DROP', useIpv6: false })
const base = driver.change([], []).after

const from = (owner: string, ...resources: PacketIntent[]): Contribution => ({ owner, resources })
const added = (...wanted: readonly Contribution[]) => driver.describe(wanted, base)
/** The lines that nft is given to come from one to the other. */
const linesOf = (wanted: readonly Contribution[], observed: readonly string[] = base) =>
  driver.change(wanted, observed).commands.flatMap(({ input = '' }) => input.split('\n').filter(Boolean))

const NETWORK: readonly PacketIntent[] = [
  { kind: 'nat-exemption', cidr: '10.0.0.0/24', destination: '10.0.0.0/24', undnatted: true },
  { kind: 'source-nat', cidr: '10.0.0.0/24', to: '192.0.2.1', device: 'eth0' },
  { kind: 'forwarding', device: 'br100', verdict: 'drop' },
]

describe('an intent becomes', () => {
  const vpn = { kind: 'port-forward', address: '192.0.2.1', protocol: 'udp', port: 1000, toPort: 1194 } as const
  test.each<[string, PacketIntent, readonly string[]]>([
    [
      'elements: a floating IP with a device',
      float('203.0.113.7', '10.0.0.3', 'eth0'),
      [
        'add element inet netloom floating { 203.0.113.7 : 10.0.0.3 }',
        'add element inet netloom floating_source { 10.0.0.3 : 203.0.113.7 }',
        'add element inet netloom floating_by_device { 10.0.0.3 . "eth0" : 203.0.113.7 }',
      ],
    ],
    [
      'elements: a floating IP without a device',
      float('203.0.113.7', '10.0.0.3'),
      [
        'add element inet netloom floating { 203.0.113.7 : 10.0.0.3 }',
        'add element inet netloom floating_source { 10.0.0.3 : 203.0.113.7 }',
        'add element inet netloom floating_anywhere { 10.0.0.3 : 203.0.113.7 }',
      ],
    ],
    [
      'elements: a VPN',
      { ...vpn, to: '10.0.0.2', local: true },
      [
        'add element inet netloom forwards { 192.0.2.1 . udp . 1000 : 10.0.0.2 . 1194 }',
        'add element inet netloom local_forwards { 192.0.2.1 . udp . 1000 : 10.0.0.2 . 1194 }',
      ],
    ],
    [
      'an element: the metadata service at 127.0.0.1 (defects-linux-net A28)',
      { ...vpn, to: '127.0.0.1' },
      ['add element inet netloom redirects { 192.0.2.1 . udp . 1000 : 1194 }'],
    ],
    [
      'a rule: outgoing traffic of a network',
      { kind: 'source-nat', cidr: '10.0.0.0/24', to: '192.0.2.1', device: 'eth-0.5' },
      [
        'add rule inet netloom source_nat ip saddr 10.0.0.0/24 oifname "eth-0.5" counter snat ip to 192.0.2.1' +
          ' comment "ip saddr 10.0.0.0/24 oifname eth-0.5 counter snat ip to 192.0.2.1"',
      ],
    ],
    [
      'a rule: an exemption inside of a network',
      { kind: 'nat-exemption', cidr: '0.0.0.0/0', destination: '10.0.0.0/24', undnatted: true },
      [
        'add rule inet netloom exemptions meta nfproto ipv4 ip daddr 10.0.0.0/24 ct status & dnat == 0 counter accept' +
          ' comment "meta nfproto ipv4 ip daddr 10.0.0.0/24 ct status & dnat == 0 counter accept"',
      ],
    ],
    [
      'an element: a network that is not forwarded',
      { kind: 'forwarding', device: '1234', verdict: 'drop' },
      ['add element inet netloom not_forwarded { "1234" }'],
    ],
    [
      'an element: a network that is forwarded',
      { kind: 'forwarding', device: '1234', verdict: 'accept' },
      ['add element inet netloom forwarded { "1234" }'],
    ],
    [
      'elements: a network that is forwarded with one other device',
      { kind: 'forwarding', device: 'br100', verdict: 'accept', peers: ['eth0'] },
      [
        'add element inet netloom limited { "br100" }',
        'add element inet netloom forwarded_pairs { "br100" . "br100", "br100" . "eth0", "eth0" . "br100" }',
      ],
    ],
    [
      'an element: a bridge whose ports talk to each other',
      { kind: 'forwarding', device: 'br-eth1', verdict: 'within' },
      ['add element inet netloom forwarded_pairs { "br-eth1" . "br-eth1" }'],
    ],
    [
      'an element: the way to a server',
      { kind: 'accept', path: 'forward', destination: '10.0.0.2', protocol: 'udp', port: 1194 },
      ['add element inet netloom forwarded_to { 10.0.0.2 . udp . 1194 }'],
    ],
    [
      'a rule: outgoing traffic to one place',
      { kind: 'source-nat', cidr: '10.0.0.0/24', destination: '198.51.100.0/24', to: '192.0.2.1', device: null },
      [
        'add rule inet netloom source_nat ip saddr 10.0.0.0/24 ip daddr 198.51.100.0/24 counter snat ip to 192.0.2.1' +
          ' comment "ip saddr 10.0.0.0/24 ip daddr 198.51.100.0/24 counter snat ip to 192.0.2.1"',
      ],
    ],
    ['nothing: an opening', { kind: 'accept', path: 'input', device: 'br100', protocol: 'udp', port: 67 }, []],
    ['nothing: checksums', { kind: 'checksum-fill', device: 'br100' }, []],
  ])('%s', (_, intent, lines) => {
    expect(linesOf([from('host', intent)])).toEqual(lines)
  })

  test.each(rendered)('what goes without a trace: %s (defects-linux-net A7, A27)', (_, intent) => {
    const there = driver.change([from('host', intent)], base).after
    expect(driver.change([], there).after).toEqual(base)
  })
})

describe('of two floating IPs of one guest', () => {
  const [first, second] = [float('203.0.113.7', '10.0.0.3', 'eth0'), float('203.0.113.8', '10.0.0.3', 'eth1')]
  const anywhere = float('203.0.113.9', '10.0.0.3')
  const sources = (...floats: readonly PacketIntent[]) =>
    added(...floats.map((each, at) => from(`floating:${at}`, each)))
      .filter((line) => /floating_/.test(line))
      .map((line) => line.replace('+ inet netloom floating_', ''))

  test('each is the source on its device, and the first one where traffic came by a floating IP', () => {
    expect(sources(first, second)).toEqual([
      'source 10.0.0.3 : 203.0.113.7',
      'by_device 10.0.0.3 . eth0 : 203.0.113.7',
      'by_device 10.0.0.3 . eth1 : 203.0.113.8',
    ])
  })

  test('one without a device has what is left, or all when it came first, as with iptables', () => {
    expect(sources(first, anywhere)).toContain('by_device 10.0.0.3 . eth0 : 203.0.113.7')
    expect(sources(first, anywhere)).toContain('anywhere 10.0.0.3 : 203.0.113.9')
    expect(sources(anywhere, first)).toEqual(['source 10.0.0.3 : 203.0.113.9', 'anywhere 10.0.0.3 : 203.0.113.9'])
  })

  test('the other is the source when the first goes', () => {
    const both = driver.change([from('a', first), from('b', second)], base).after
    expect(linesOf([from('b', second)], both)).toEqual([
      'delete element inet netloom floating { 203.0.113.7 }',
      'delete element inet netloom floating_source { 10.0.0.3 }',
      'delete element inet netloom floating_by_device { 10.0.0.3 . "eth0" }',
      'add element inet netloom floating_source { 10.0.0.3 : 203.0.113.8 }',
    ])
  })
})

describe('change', () => {
  test('looks with one nft and writes with one, and the table is made in one step (defects-linux-net B1)', () => {
    expect(driver.reads).toEqual([
      { argv: ['nft', '-j', '-s', 'list', 'table', 'inet', 'netloom'] },
      { argv: ['iptables-save', '-c'] },
    ])
    const { commands } = driver.change([from('network:1', ...NETWORK)], [])
    expect(commands.map(({ argv }) => argv)).toEqual([['nft', '-f', '-']])
    expect(commands[0]?.input).toMatch(/^add table inet netloom\ndelete table inet netloom\nadd table inet netloom\n/)
  })

  test('one floating IP more beside 5000 is three elements, and none is read back', () => {
    const floats = Array.from({ length: 5001 }, (_, at) =>
      from(`floating:${at}`, float(`203.0.${at >> 8}.${at & 255}`, `10.0.${at >> 8}.${at & 255}`, 'eth0')),
    )
    const { after } = driver.change(floats.slice(0, 5000), base)
    expect(driver.change(floats, after).commands).toHaveLength(1)
    expect(linesOf(floats, after)).toHaveLength(3)
    expect(linesOf(floats.slice(0, 4999), after)).toHaveLength(3)
  })

  const other = from('network:2', { kind: 'source-nat', cidr: '10.1.0.0/24', to: '192.0.2.1', device: 'eth0' })
  /** As after a look: rules have the handles that nft gave them. */
  const withHandles = ([text = '', ...rest]: readonly string[]) => {
    let handle = 0
    return [text.replace(/"handle":null/g, () => `"handle":${++handle}`), ...rest]
  }

  test('a rule that goes is deleted by its handle, so that others keep their counters (defects-linux-net A5)', () => {
    const seen = withHandles(driver.change([from('network:1', ...NETWORK), other], base).after)
    expect(linesOf([from('network:1', ...NETWORK)], seen)).toEqual([
      expect.stringMatching(/^delete rule inet netloom source_nat handle \d+$/),
    ])
  })

  test('one that was made since the look goes with its chain, which is filled again in the same step', () => {
    const { after } = driver.change([from('network:1', ...NETWORK), other], base)
    expect(linesOf([other], after).filter((line) => line.includes('source_nat'))).toEqual([
      'flush chain inet netloom source_nat',
      expect.stringMatching(/^add rule inet netloom source_nat ip saddr 10\.1\.0\.0\/24 /),
    ])
  })

  test('the order of ways out is that of their owners, and of exemptions it is all one', () => {
    const there = withHandles(driver.change([from('network:1', ...NETWORK), other], base).after)
    expect(linesOf([other, from('network:1', ...NETWORK)], there)).toEqual([
      'flush chain inet netloom source_nat',
      expect.stringContaining('10.1.0.0/24'),
      expect.stringContaining('10.0.0.0/24'),
    ])
    const exempt = (destination: string) =>
      from(destination, { kind: 'nat-exemption', cidr: '10.0.0.0/24', destination })
    const both = driver.change([exempt('192.0.2.1'), exempt('192.0.2.2')], base).after
    expect(driver.change([exempt('192.0.2.2'), exempt('192.0.2.1')], both).commands).toEqual([])
  })

  test.each<[string, (table: string) => string]>([
    ['a rule that is gone', (table) => table.replace(/,\{"rule":\{"chain":"prerouting".*\n/, '')],
    ['a rule that is not ours', (table) => table.replace('"comment":"jump exemptions"', '"expr":[{"accept":null}]')],
    ['a chain that drops', (table) => table.replace('"prio":"-10","policy":"accept"', '"prio":-10,"policy":"drop"')],
    ['a chain of another', (table) => table.replace(/\n\]\}\n$/, '\n,{"chain":{"name":"theirs"}}\n]}\n')],
    ['a map that is gone', (table) => table.replace('"name":"forwards"', '"name":"theirs"')],
  ])('%s: the table is made anew, with all that is wanted', (_, bend) => {
    const wanted = [from('network:1', ...NETWORK), from('a', float('203.0.113.7', '10.0.0.3'))]
    const { after } = driver.change(wanted, base)
    const bent = bend(after[0]!)
    expect(bent).not.toBe(after[0])
    const mended = driver.change(wanted, [bent, ''])
    expect(mended.after).toEqual(driver.change(wanted, []).after)
    expect(driver.describe(wanted, [bent, ''])[0]).toBe('- table inet netloom, which others changed')
  })

  const intents = fc.array(
    fc.oneof(
      fc.tuple(fc.nat(5), fc.nat(3), fc.constantFrom(null, 'eth0', 'eth1')).map(([at, fixed, device]) => {
        return from(`floating:${at}`, float(`203.0.113.${at}`, `10.0.0.${fixed}`, device))
      }),
      fc.constantFrom(...rendered).map(([what, intent]) => from(what, intent)),
    ),
  )
  test('leads from any wish to any other, and twice to nothing (property)', () => {
    const unique = (all: readonly Contribution[]) => [...new Map(all.map((each) => [each.owner, each])).values()]
    const contents = ([text = '']: readonly string[]) => {
      const { sets, chains } = parseTable(text)!
      const exemptions = chains.get('exemptions')!.rules.map((rule) => rule.text)
      const rules = [...chains].filter(([name]) => name !== 'exemptions')
      const sorted = [...sets].map(([name, elements]) => [name, [...elements].sort()])
      return { sorted, rules, exemptions: exemptions.sort() }
    }
    fc.assert(
      fc.property(intents.map(unique), intents.map(unique), fc.boolean(), (first, second, looked) => {
        let there: readonly string[]
        try {
          there = driver.change(first, base).after
          driver.change(second, base)
        } catch (error) {
          expect(error).toBeInstanceOf(FloatingIpAssociateFailed)
          return
        }
        const { after } = driver.change(second, looked ? withHandles(there) : there)
        const plain = after.map((text) => text.replace(/"handle":\d+/g, '"handle":null'))
        expect(contents(plain)).toEqual(contents(driver.change(second, base).after))
        expect(driver.change(second, after)).toEqual({ commands: [], after })
      }),
    )
  })
})

describe('what the iptables driver left', () => {
  test('goes, and rules of others and shared chains stay (lessons C9)', () => {
    const foreign = '*nat\n:PREROUTING ACCEPT [0:0]\n[7:70] -A PREROUTING -i eth9 -j ACCEPT\nCOMMIT\n'
    const iptables = iptablesDriver({ prefix: 'netloom', dropAction: 'DROP', useIpv6: false })
    const [left = ''] = iptables.change(
      [from('a', float('203.0.113.7', '10.0.0.3')), from('n', ...NETWORK)],
      [foreign],
    ).after
    const { commands, after } = driver.change([], [base[0]!, left])
    expect(commands.map(({ argv }) => argv[0])).toEqual(['iptables-restore'])
    expect(after[1]).not.toContain('netloom-')
    expect(after[1]).toContain('[7:70] -A PREROUTING -i eth9 -j ACCEPT\n')
    expect(after[1]).toContain(':nova-filter-top ')
    expect(driver.change([], after).commands).toEqual([])
    expect(driver.describe([], [base[0]!, left])).toContain('- nat chain netloom-PREROUTING')
  })
})

describe('what is refused', () => {
  test('two owners for one public address (defects-linux-net A21)', () => {
    const wanted = [from('a', float('203.0.113.7', '10.0.0.3')), from('b', float('203.0.113.7', '10.0.0.3'))]
    expect(() => driver.change(wanted, base)).toThrow(FloatingIpAssociateFailed)
  })

  const hostile = fc.oneof(
    fc.string(),
    fc.constantFrom(
      '10.0.0.3 }',
      '10.0.0.3\nflush ruleset',
      'eth0"; flush ruleset',
      'eth0\n',
      '*',
      '@floating',
      '::',
      '',
    ),
    fc.constantFrom<unknown>(null, undefined, 0, -1, 1.5, Number.NaN, 70_000, true, {}, [], ['10.0.0.3']),
  )
  test('hostile values in any field give one valid command or an error (defects-linux-net G3)', () => {
    const address = String.raw`\d+\.\d+\.\d+\.\d+`
    const device = String.raw`"\w[\w.-]{0,14}"`
    const devices = `(${device}|${device} \\. ${device})`
    const element = `(${address}|${address} \\. ${device}|${address} \\. (tcp|udp) \\. \\d+|${devices}(, ${devices})*)( : ${address}( \\. \\d+)?| : \\d+)?`
    const block = `${address}(/\\d+)?`
    const rule = `(meta nfproto ipv4 )?(ip saddr ${block} )?(ip daddr ${block} )?(oifname ${device} )?(ct status & dnat == 0 )?counter (accept|snat ip to ${address})`
    const safe = new RegExp(
      `^add (element inet netloom \\w+ \\{ ${element} \\}|rule inet netloom \\w+ ${rule} comment "[\\w./ &=-]+")$`,
    )
    fc.assert(
      fc.property(fc.constantFrom(...rendered), fc.nat(), hostile, ([, intent], at, value) => {
        const fields = Object.keys(intent).filter((field) => field !== 'kind')
        const bent = { ...intent, [fields[at % fields.length]!]: value } as PacketIntent
        try {
          for (const line of linesOf([from('network:1', bent)])) expect(line).toMatch(safe)
        } catch (error) {
          if (!(error instanceof InvalidInput)) throw error
        }
      }),
      { numRuns: 2000 },
    )
  })

  test.each(['LOGDROP', ''])('iptables_drop_action %j: there are no chains of others in the table', (action) => {
    expect(plugin.check({ use_ipv6: false, iptables_drop_action: action })).toHaveLength(1)
    expect(plugin.check({ use_ipv6: false, iptables_drop_action: 'REJECT' })).toEqual([])
  })
})

test('what nft says that is no table is none (lessons C9)', () => {
  for (const text of ['', 'Error: No such file or directory', '{}', '{"nftables": [{"metainfo": {}}]}', 'null']) {
    expect(parseTable(text)).toBeNull()
  }
})
