import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import plugin, { iptablesDriver } from '../../../drivers/firewall/iptables.ts'
import { parseRuleset } from '../../../drivers/firewall/ruleset-text.ts'

const TOP = '-j ADMINTOP'
const BOTTOM = '-j ADMINBOT'
const OTHER = '-i eth9 -j ACCEPT'
const OURS = ['-j nova-filter-top', '-j netloom-FORWARD']

const settings = { prefix: 'netloom', dropAction: 'DROP', useIpv6: false }
const driver = iptablesDriver({ ...settings, foreignOrder: { first: /ADMINTOP/, last: /FORWARD .*ADMINBOT/ } })
const unordered = iptablesDriver(settings)

/** A ruleset whose FORWARD has these rules. */
function saved(rules: readonly string[]): string {
  const lines = rules.map((rule, index) => `[${index + 1}:10] -A FORWARD ${rule}\n`)
  const own = rules.includes('-j netloom-FORWARD') ? ':netloom-FORWARD - [0:0]\n' : ''
  return `*filter\n:FORWARD ACCEPT [5:300]\n:nova-filter-top - [0:0]\n:ADMINTOP - [0:0]\n:ADMINBOT - [0:0]\n${own}${lines.join('')}COMMIT\n`
}

function forwardOf(text: string): string[] {
  return parseRuleset(text)
    .get('filter')!
    .get('FORWARD')!
    .rules.map((rule) => rule.text)
}

describe('ours among rules of others', () => {
  test.each([
    ['nothing of ours yet', [BOTTOM, OTHER, TOP], [BOTTOM, OTHER, TOP, ...OURS]],
    ['nothing of ours yet, and none that is to be last', [OTHER, TOP, OTHER], [OTHER, TOP, ...OURS, OTHER]],
    ['nothing of ours yet, and none that is to be first', [OTHER, BOTTOM], [...OURS, OTHER, BOTTOM]],
    ['several that are to be first', [TOP, OTHER, TOP, BOTTOM], [TOP, OTHER, TOP, ...OURS, BOTTOM]],
    ['in place', [TOP, OTHER, ...OURS, OTHER, BOTTOM], [TOP, OTHER, ...OURS, OTHER, BOTTOM]],
    ['apart, and in place', [TOP, OURS[0]!, OTHER, OURS[1]!, BOTTOM], [TOP, OURS[0]!, OTHER, OURS[1]!, BOTTOM]],
    ['one that is to be first came behind ours', [...OURS, OTHER, TOP], [OTHER, TOP, ...OURS]],
    ['one that is to be first came between ours', [OURS[0]!, TOP, OURS[1]!], [TOP, ...OURS]],
    ['one that is to be last came before ours', [BOTTOM, ...OURS], [...OURS, BOTTOM]],
    ['a second copy of ours behind what is to be last', [...OURS, BOTTOM, ...OURS], [...OURS, BOTTOM]],
  ])('%s (defects-linux-net A14)', (_what, before, expected) => {
    const { after } = driver.change([], [saved(before)])
    expect(forwardOf(after[0]!)).toEqual(expected)
    expect(driver.change([], after).commands).toEqual([])
  })

  test('those of others keep their order and their counters, ours are right and stay (property) (defects-linux-net A14, A15)', () => {
    const rule = fc.constantFrom(TOP, BOTTOM, OTHER, ...OURS)
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 9 }), (rules) => {
        const foreign = (text: string) =>
          text.split('\n').filter((line) => line.includes('-A FORWARD') && !OURS.some((own) => line.endsWith(own)))
        const before = saved(rules)
        const { after } = driver.change([], [before])
        const chain = forwardOf(after[0]!)
        const places = OURS.map((own) => chain.indexOf(own))
        expect(foreign(after[0]!)).toEqual(foreign(before))
        expect(places[0]).toBeGreaterThan(chain.lastIndexOf(TOP))
        if (chain.includes(BOTTOM) && chain.indexOf(BOTTOM) > chain.lastIndexOf(TOP))
          expect(Math.max(...places)).toBeLessThan(chain.indexOf(BOTTOM))
        expect(driver.change([], after).commands).toEqual([])
      }),
    )
  })

  test('a second program comes to rest with the first, whatever each is told of the order (defects-linux-net A15)', () => {
    const other = iptablesDriver({ ...settings, prefix: 'other', foreignOrder: { first: /ADMINTOP/, last: null } })
    let text = driver.change([], [saved([OTHER, TOP, BOTTOM])]).after
    text = other.change([], text).after
    expect(driver.change([], text).commands).toEqual([])
    expect(other.change([], text).commands).toEqual([])
  })

  test('without the flags ours stay where they are', () => {
    const { after } = unordered.change([], [saved([BOTTOM, ...OURS, TOP])])
    expect(forwardOf(after[0]!)).toEqual([BOTTOM, ...OURS, TOP])
  })
})

test('what is no regular expression is refused where it is read', () => {
  const option = plugin.options.iptables_top_regex!
  expect(option.parse(['-j (A|B)'])).toBe('-j (A|B)')
  expect(option.parse([''])).toBeNull()
  expect(() => option.parse(['-j (A'])).toThrow('must be a regular expression')
})
