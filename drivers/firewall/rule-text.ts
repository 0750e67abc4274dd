/**
 * Rules as `iptables-save` prints them. The difference between what is wanted and what is there is a comparison of
 * texts, so each rule has one spelling. Source: iptables-save of iptables 1.8.9, both back ends.
 */
import { InvalidInput, parseAddress, parseCidr } from 'netloom/contracts'

const SHORT_NAMES: Readonly<Record<string, string>> = {
  '--source': '-s',
  '--src': '-s',
  '--destination': '-d',
  '--dst': '-d',
  '--in-interface': '-i',
  '--out-interface': '-o',
  '--protocol': '-p',
  '--proto': '-p',
  '--match': '-m',
  '--jump': '-j',
  '--goto': '-g',
  '--source-port': '--sport',
  '--destination-port': '--dport',
}

const TO_OPTIONS: Readonly<Record<string, string>> = {
  DNAT: '--to-destination',
  SNAT: '--to-source',
  REDIRECT: '--to-ports',
}

/** What every rule may have, in the order in which iptables-save prints it. */
const COMMON = ['-s', '-d', '-i', '-o', '-p']

function invalid(rule: string, want: string): Error {
  return new InvalidInput({ what: 'rule', value: rule, want })
}

/** The words of a rule; a quoted text is one word and keeps its quotes. */
function words(rule: string): string[] {
  return rule.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []
}

/** A block in CIDR form; '' is every address. @throws {InvalidInput} */
function block(text: string): string {
  if (text.includes('/')) {
    const cidr = parseCidr(text)
    return cidr.prefix === 0 ? '' : cidr.text
  }
  const address = parseAddress(text)
  return `${address}/${address.includes(':') ? 128 : 32}`
}

/**
 * The spelling that `iptables-save` prints for a rule without its `-A CHAIN`; a canonical rule comes back as it is.
 * Takes the spellings that nova used: `-s 10.0.0.3 -j SNAT --to 203.0.113.7 -o eth0`, long names of common options,
 * addresses without a prefix length, `--dport` without `-m`. Other matches and targets are kept as they are written.
 * @throws {InvalidInput} on more than one line, an option without a value, or an address that is none
 */
export function canonicalRule(rule: string): string {
  if (/\p{Cc}/u.test(rule)) throw invalid(rule, 'one line without control characters')
  const common = new Map<string, string>()
  const matches: string[] = []
  const target: string[] = []
  const loaded = new Set<string>()
  let protocol = ''
  let negation = ''
  let rest = matches
  const all = words(rule)
  for (let at = 0; at < all.length; at += 1) {
    const option = SHORT_NAMES[all[at]!] ?? all[at]!
    const value = (): string => {
      at += 1
      const next = all[at]
      if (next === undefined) throw invalid(rule, `a value after ${option}`)
      return next
    }
    if (option === '!') {
      negation = '! '
      continue
    }
    if (COMMON.includes(option)) {
      const text = option === '-s' || option === '-d' ? block(value()) : value()
      if (option === '-p') protocol = text
      if (text === '' && negation) throw invalid(rule, 'not the negation of every address')
      if (text !== '') common.set(option, `${negation}${option} ${text}`)
    } else if (option === '-j' || option === '-g') {
      target.push(option, value())
      rest = target
    } else if (option === '-m') {
      const name = value()
      loaded.add(name)
      matches.push(option, name)
      rest = matches
    } else {
      const isPort = option === '--dport' || option === '--sport'
      if (isPort) rest = matches
      if (isPort && protocol !== '' && !loaded.has(protocol)) {
        loaded.add(protocol)
        matches.push('-m', protocol)
      }
      const spelled = rest === target && option === '--to' ? (TO_OPTIONS[target[1]!] ?? option) : option
      rest.push(`${negation}${spelled}`)
    }
    negation = ''
  }
  const first = COMMON.map((option) => common.get(option)).filter((text) => text !== undefined)
  return [...first, ...matches, ...target].join(' ')
}

/** The chain or extension that a rule jumps or goes to; null for a rule that only counts. */
export function ruleTarget(rule: string): string | null {
  const all = words(rule)
  const at = all.findIndex((word) => word === '-j' || word === '-g')
  return at < 0 ? null : (all[at + 1] ?? null)
}
