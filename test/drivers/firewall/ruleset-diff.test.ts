import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IptablesManager } from '../../../drivers/firewall/iptables-manager.ts'
import { diffRuleset, restoreText } from '../../../drivers/firewall/ruleset-diff.ts'
import { applyRestore, parseRuleset, printRuleset, type Ruleset } from '../../../drivers/firewall/ruleset-text.ts'

type Wish = (manager: IptablesManager) => void

function managerOf(wish: Wish = () => {}, prefix = 'netloom'): IptablesManager {
  const manager = new IptablesManager(prefix)
  wish(manager)
  return manager
}

function restoreFor(manager: IptablesManager, observed: Ruleset): string {
  return restoreText(diffRuleset({ ...manager.ipv4 }, observed, manager.prefix))
}

function apply(manager: IptablesManager, observed: Ruleset): Ruleset {
  return applyRestore(observed, restoreFor(manager, observed))
}

/** `COUNTERS TEXT` of each rule of a chain. */
function rulesOf(ruleset: Ruleset, table: string, chain: string): string[] {
  return (ruleset.get(table)?.get(chain)?.rules ?? []).map((rule) => `${rule.counters} ${rule.text}`)
}

/** A ruleset in which netloom has applied `wish`, and every rule has counted something. */
function counted(wish?: Wish, others = ''): Ruleset {
  const text = printRuleset(apply(managerOf(wish), parseRuleset(others)))
  return parseRuleset(text.replaceAll('[0:0] -A', '[5:300] -A'))
}

/** Wishes for rules of these devices, in this order. */
function devices(...names: readonly string[]): Wish {
  return ({ ipv4 }) => {
    for (const name of names) ipv4.filter.addRule('FORWARD', `-i ${name} -j ACCEPT`)
  }
}

const three = devices('br1', 'br2', 'br3')

describe('the first apply', () => {
  test('on a host that prints nothing makes every table (defects-linux-net A12)', () => {
    expect(restoreFor(managerOf(), parseRuleset(''))).toBe(`*filter
-N netloom-local
-N netloom-INPUT
-N netloom-OUTPUT
-N netloom-FORWARD
-N nova-filter-top
-I INPUT 1 -j netloom-INPUT
-I FORWARD 1 -j nova-filter-top
-I FORWARD 2 -j netloom-FORWARD
-I OUTPUT 1 -j nova-filter-top
-I OUTPUT 2 -j netloom-OUTPUT
-I nova-filter-top 1 -j netloom-local
COMMIT
*nat
-N netloom-PREROUTING
-N netloom-OUTPUT
-N netloom-POSTROUTING
-N netloom-snat
-N netloom-float-snat
-N nova-postrouting-bottom
-A netloom-snat -j netloom-float-snat
-I PREROUTING 1 -j netloom-PREROUTING
-I OUTPUT 1 -j netloom-OUTPUT
-I POSTROUTING 1 -j netloom-POSTROUTING
-I POSTROUTING 2 -j nova-postrouting-bottom
-I nova-postrouting-bottom 1 -j netloom-snat
COMMIT
*mangle
-N netloom-POSTROUTING
-I POSTROUTING 1 -j netloom-POSTROUTING
COMMIT
`)
  })

  test('comes before the rules of others, and shares what another program has made', () => {
    const observed = parseRuleset(`*nat
:POSTROUTING ACCEPT [0:0]
:nova-compute-POSTROUTING - [0:0]
:nova-compute-snat - [0:0]
:nova-postrouting-bottom - [0:0]
[15:900] -A POSTROUTING -j nova-compute-POSTROUTING
[15:900] -A POSTROUTING -j nova-postrouting-bottom
[6:360] -A POSTROUTING -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE
[15:900] -A nova-postrouting-bottom -j nova-compute-snat
COMMIT
`)
    const after = apply(managerOf(), observed)
    expect(rulesOf(after, 'nat', 'POSTROUTING')).toEqual([
      '[0:0] -j netloom-POSTROUTING',
      '[15:900] -j nova-compute-POSTROUTING',
      '[15:900] -j nova-postrouting-bottom',
      '[6:360] -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE',
    ])
    expect(rulesOf(after, 'nat', 'nova-postrouting-bottom')).toEqual([
      '[0:0] -j netloom-snat',
      '[15:900] -j nova-compute-snat',
    ])
  })
})

describe('a later apply', () => {
  test('has nothing to say when nothing differs', () => {
    expect(restoreFor(managerOf(three), counted(three))).toBe('')
  })

  test.each<[string, Wish, string]>([
    ['adds at the end', devices('br1', 'br2', 'br3', 'br4'), '-A netloom-FORWARD -i br4 -j ACCEPT'],
    ['adds in the middle', devices('br1', 'new', 'br2', 'br3'), '-I netloom-FORWARD 2 -i new -j ACCEPT'],
    ['takes one away', devices('br1', 'br3'), '-D netloom-FORWARD -i br2 -j ACCEPT'],
    [
      'moves one',
      devices('br2', 'br3', 'br1'),
      '-D netloom-FORWARD -i br1 -j ACCEPT\n-A netloom-FORWARD -i br1 -j ACCEPT',
    ],
    ['empties a chain', devices(), '-F netloom-FORWARD'],
  ])('%s in the fewest steps', (_, wish, lines) => {
    expect(restoreFor(managerOf(wish), counted(three))).toBe(`*filter\n${lines}\nCOMMIT\n`)
  })

  test('keeps the counters of rules that stay (defects-linux-net A5, lessons C4)', () => {
    const after = apply(managerOf(devices('new', 'br1', 'br2', 'br3')), counted(three))
    expect(rulesOf(after, 'filter', 'netloom-FORWARD')).toEqual([
      '[0:0] -i new -j ACCEPT',
      '[5:300] -i br1 -j ACCEPT',
      '[5:300] -i br2 -j ACCEPT',
      '[5:300] -i br3 -j ACCEPT',
    ])
    expect(rulesOf(after, 'filter', 'FORWARD')).toEqual(['[5:300] -j nova-filter-top', '[5:300] -j netloom-FORWARD'])
  })

  test('puts back what a flush took (defects-linux-net A10)', () => {
    const before = counted(three)
    const flushed = applyRestore(
      before,
      '*filter\n-F INPUT\n-F FORWARD\n-F OUTPUT\n-F netloom-FORWARD\n-F nova-filter-top\nCOMMIT\n',
    )
    const after = apply(managerOf(three), flushed)
    for (const chain of ['INPUT', 'FORWARD', 'OUTPUT', 'nova-filter-top', 'netloom-FORWARD']) {
      expect(rulesOf(after, 'filter', chain).map((rule) => rule.replace('[0:0]', '[5:300]'))).toEqual(
        rulesOf(before, 'filter', chain),
      )
    }
  })

  test('takes doubles and strangers out of our own chains', () => {
    const meddled = applyRestore(
      counted(three),
      '*filter\n-A netloom-FORWARD -i br1 -j ACCEPT\n-I netloom-FORWARD 2 -j LOG\n-A netloom-INPUT -j DROP\nCOMMIT\n',
    )
    const after = apply(managerOf(three), meddled)
    expect(rulesOf(after, 'filter', 'netloom-FORWARD').map((rule) => rule.split(' ').slice(1).join(' '))).toEqual([
      '-i br1 -j ACCEPT',
      '-i br2 -j ACCEPT',
      '-i br3 -j ACCEPT',
    ])
    expect(rulesOf(after, 'filter', 'netloom-INPUT')).toEqual([])
  })
})

describe('thousands of rules', () => {
  const many = Array.from({ length: 3000 }, (_, index) => `d${index}`)
  const everySecond = many.filter((_, index) => index % 2 === 0)

  test('many go by position, which iptables finds without a search, and the others keep their counters', () => {
    const before = counted(devices(...many))
    expect(restoreFor(managerOf(devices(...everySecond)), before)).toMatch(
      /^\*filter\n(-D netloom-FORWARD \d+\n){1500}COMMIT\n$/,
    )
    const after = apply(managerOf(devices('new', ...everySecond)), before)
    expect(rulesOf(after, 'filter', 'netloom-FORWARD')).toEqual([
      '[0:0] -i new -j ACCEPT',
      ...everySecond.map((name) => `[5:300] -i ${name} -j ACCEPT`),
    ])
  })

  test('doubles go by position too', () => {
    const doubled = counted(devices(...many))
    const lines = many.map((name) => `-A netloom-FORWARD -i ${name} -j ACCEPT\n`).join('')
    const after = apply(managerOf(devices(...everySecond)), applyRestore(doubled, `*filter\n${lines}COMMIT\n`))
    expect(rulesOf(after, 'filter', 'netloom-FORWARD')).toEqual(everySecond.map((name) => `[0:0] -i ${name} -j ACCEPT`))
  })

  test('a few go by text, which iptables refuses when the chain has changed since the look', () => {
    expect(restoreFor(managerOf(devices(...many.slice(1))), counted(devices(...many)))).toBe(
      '*filter\n-D netloom-FORWARD -i d0 -j ACCEPT\nCOMMIT\n',
    )
  })
})

describe('chains that nobody wants any more', () => {
  const withGuest: Wish = ({ ipv4 }) => {
    ipv4.filter.addChain('guest')
    ipv4.filter.addChain('inner')
    ipv4.filter.addRule('guest', '-j $inner')
    ipv4.filter.addRule('inner', '-j DROP')
    ipv4.filter.addRule('local', '-i br1 -j $guest')
    ipv4.filter.addRule('INPUT', '-j $guest', false)
  }

  test('go, with their rules and the jumps to them (defects-linux-net A7)', () => {
    const after = apply(managerOf(), counted(withGuest))
    expect(printRuleset(after)).not.toMatch(/guest|inner/)
    expect(rulesOf(after, 'filter', 'INPUT')).toEqual(['[5:300] -j netloom-INPUT'])
  })

  test('are emptied but stay while a rule of somebody else jumps to them', () => {
    const used = applyRestore(counted(withGuest), '*filter\n-A INPUT -i eth9 -j netloom-guest\nCOMMIT\n')
    const after = apply(managerOf(), used)
    expect(rulesOf(after, 'filter', 'netloom-guest')).toEqual([])
    expect(rulesOf(after, 'filter', 'INPUT')).toEqual(['[5:300] -j netloom-INPUT', '[0:0] -i eth9 -j netloom-guest'])
    expect(restoreFor(managerOf(), after)).toBe('')
  })

  test("are not somebody else's whose prefix begins like ours (defects-linux-net A3)", () => {
    const ours = managerOf(() => {}, 'nova-api')
    const theirs = managerOf(({ ipv4 }) => {
      ipv4.filter.addChain('inst-1')
      ipv4.filter.addRule('inst-1', '-j DROP')
      ipv4.filter.addRule('local', '-j $inst-1')
    }, 'nova-api-metadata')
    const before = apply(theirs, parseRuleset(''))
    const after = apply(ours, before)
    for (const chain of before.get('filter')!.keys()) {
      if (chain.startsWith('nova-api-metadat'))
        expect(rulesOf(after, 'filter', chain)).toEqual(rulesOf(before, 'filter', chain))
    }
    expect(rulesOf(after, 'filter', 'INPUT')).toEqual(['[0:0] -j nova-api-INPUT', '[0:0] -j nova-api-metadat-INPUT'])
    expect(restoreFor(theirs, after)).toBe('')
    expect(restoreFor(ours, after)).toBe('')
  })
})

describe('rules of others', () => {
  const others = `*filter
:INPUT DROP [100:2000]
:FORWARD DROP [5:300]
:OUTPUT ACCEPT [90:1800]
:DOCKER-USER - [0:0]
[7:420] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
[1:60] -A INPUT -m limit --limit 1/sec -j LOG
[1:60] -A INPUT -m limit --limit 1/sec -j LOG
[1:60] -A INPUT -m comment --comment "netloom-INPUT is next, -j netloom-gone" -j ACCEPT
[9:540] -A FORWARD -j DOCKER-USER
[9:540] -A FORWARD -j nova-filter-top-x
[9:540] -A DOCKER-USER -j RETURN
COMMIT
`
  const otherLines = others.split('\n').filter((line) => line.startsWith('['))
  const linesOf = (ruleset: Ruleset) =>
    printRuleset(ruleset)
      .split('\n')
      .filter((line) => /^\[[1-9]/.test(line))

  test('keep text, order, counters, doubles and comments (defects-linux-net A3, A4, A6, A16)', () => {
    const after = apply(managerOf(three), parseRuleset(others))
    expect(linesOf(after)).toEqual(otherLines)
    expect(after.get('filter')?.get('INPUT')).toMatchObject({ policy: 'DROP', counters: '[100:2000]' })
    expect(linesOf(apply(managerOf(), after))).toEqual(otherLines)
  })

  test('that are put before our jumps later stay there (defects-linux-net A14)', () => {
    const inserted = applyRestore(counted(three), '*filter\n-I FORWARD 1 -i eth9 -j DROP\nCOMMIT\n')
    expect(restoreFor(managerOf(three), inserted)).toBe('')
  })

  test('a jump that is missing goes behind the one that precedes it', () => {
    const damaged = applyRestore(
      counted(three),
      '*filter\n-D FORWARD -j netloom-FORWARD\n-I FORWARD 1 -i eth9 -j DROP\n-A FORWARD -i eth8 -j DROP\nCOMMIT\n',
    )
    expect(restoreFor(managerOf(three), damaged)).toBe('*filter\n-I FORWARD 3 -j netloom-FORWARD\nCOMMIT\n')
  })

  test('a rule for a chain of somebody else waits until the chain is there', () => {
    const wish: Wish = ({ ipv4 }) => ipv4.filter.addRule('DOCKER-USER', '-i br1 -j ACCEPT', false)
    expect(restoreFor(managerOf(wish), parseRuleset(''))).not.toContain('DOCKER')
    expect(rulesOf(apply(managerOf(wish), parseRuleset(others)), 'filter', 'DOCKER-USER')).toEqual([
      '[0:0] -i br1 -j ACCEPT',
      '[9:540] -j RETURN',
    ])
  })
})

test('two programs that take turns come to rest (defects-linux-net A15)', () => {
  const a = managerOf(three)
  const b = managerOf(three, 'other')
  let ruleset = apply(b, apply(a, parseRuleset('')))
  const rest = printRuleset(ruleset)
  for (let turn = 0; turn < 4; turn += 1) {
    ruleset = apply(turn % 2 === 0 ? a : b, ruleset)
    expect(printRuleset(ruleset)).toBe(rest)
  }
  expect(rulesOf(ruleset, 'filter', 'FORWARD')).toEqual([
    '[0:0] -j nova-filter-top',
    '[0:0] -j other-FORWARD',
    '[0:0] -j netloom-FORWARD',
  ])
})

describe('whatever is there and whatever is wanted (property)', () => {
  const ownChains = [
    'netloom-INPUT',
    'netloom-FORWARD',
    'netloom-local',
    'netloom-old',
    'netloom-older',
    'nova-filter-top',
  ]
  const othersChains = ['INPUT', 'FORWARD', 'OUTPUT', 'DOCKER-USER', 'netloom-b-INPUT', 'netloom-b-x']
  const chains = [...ownChains, ...othersChains]
  const text = fc.oneof(
    fc.nat({ max: 9 }).map((index) => `-i br${index} -j ACCEPT`),
    fc
      .constantFrom(...chains.filter((chain) => !['INPUT', 'FORWARD', 'OUTPUT'].includes(chain)))
      .chain((chain) =>
        fc.constantFrom(
          `-j ${chain}`,
          `-i eth0 -j ${chain}`,
          `-g ${chain}`,
          `-m comment --comment "-j ${chain}" -j DROP`,
        ),
      ),
  )
  const observed = fc
    .tuple(fc.subarray(chains), fc.array(fc.tuple(fc.nat(), text, fc.nat({ max: 99 })), { maxLength: 40 }))
    .map(([present, rules]) => {
      const there = new Set([...present, 'INPUT', 'FORWARD', 'OUTPUT'])
      const names = [...there]
      const lines = rules
        .filter(([, rule]) => chains.every((chain) => !rule.includes(chain) || there.has(chain) || rule.includes('"')))
        .map(([at, rule, count]) => `[${count}:${count}] -A ${names[at % names.length]} ${rule}`)
      return parseRuleset(
        `*filter\n${names.map((name) => `:${name} - [0:0]`).join('\n')}\n${lines.join('\n')}\nCOMMIT\n`,
      )
    })
  const wanted = fc.array(
    fc.tuple(
      fc.constantFrom('INPUT', 'FORWARD', 'local'),
      fc.nat({ max: 9 }).map((index) => `-i br${index} -j ACCEPT`),
      fc.boolean(),
    ),
    { maxLength: 20 },
  )

  test('our chains hold what is wanted, others keep theirs, and then there is nothing left to do', () => {
    fc.assert(
      fc.property(observed, wanted, (before, rules) => {
        const manager = managerOf(({ ipv4 }) => {
          for (const [chain, rule, top] of rules) ipv4.filter.addRule(chain, rule, true, top)
        })
        const after = apply(manager, before)
        const there = (ruleset: Ruleset, chain: string) =>
          rulesOf(ruleset, 'filter', chain).map((rule) => rule.replace(/^\S+ /, ''))
        for (const chain of manager.ipv4.filter.wrappedChains) {
          expect(there(after, chain)).toEqual(manager.ipv4.filter.rulesOf(chain).map((rule) => rule.text))
        }
        const theirs = before.get('filter')!.has('netloom-b-INPUT')
        const isOurs = (rule: string) =>
          /^-j (nova-filter-top|netloom-\S+)$/.test(rule) && !(theirs && /^-j netloom-b-/.test(rule))
        for (const chain of [
          'INPUT',
          'FORWARD',
          'OUTPUT',
          'DOCKER-USER',
          ...(theirs ? ['netloom-b-INPUT', 'netloom-b-x'] : []),
        ]) {
          const notOurs = (rule: string) => !isOurs(rule.replace(/^\S+ /, ''))
          expect(rulesOf(after, 'filter', chain).filter(notOurs)).toEqual(
            rulesOf(before, 'filter', chain).filter(notOurs),
          )
        }
        expect(restoreFor(manager, after)).toBe('')
      }),
      { numRuns: 1000 },
    )
  })

  test('as many rules as can be keep their counters', () => {
    const order = fc.shuffledSubarray(['br0', 'br1', 'br2', 'br3', 'br4', 'br5', 'br6'])
    fc.assert(
      fc.property(order, order, (first, second) => {
        const after = apply(managerOf(devices(...second)), counted(devices(...first)))
        const kept = rulesOf(after, 'filter', 'netloom-FORWARD').filter((rule) => rule.startsWith('[5:300]')).length
        expect(kept).toBe(longestCommon(first, second))
      }),
      { numRuns: 500 },
    )
  })
})

/** The textbook recursion, to be compared with. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return 0
  if (a.at(-1) === b.at(-1)) return 1 + longestCommon(a.slice(0, -1), b.slice(0, -1))
  return Math.max(longestCommon(a.slice(0, -1), b), longestCommon(a, b.slice(0, -1)))
}
