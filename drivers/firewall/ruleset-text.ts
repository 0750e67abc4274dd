/**
 * What `iptables-save -c` prints, as data, and what `iptables-restore --noflush` makes of it. The second is an
 * interpreter of the few commands that netloom gives: it says what the host will print next, without asking it.
 */
import { ruleTarget } from './rule-text.ts'

export interface SavedRule {
  /** Without `-A CHAIN`. */
  readonly text: string
  /** `[packets:bytes]`. */
  readonly counters: string
}

export interface SavedChain {
  /** `-` for a chain that is not built in. */
  readonly policy: string
  readonly counters: string
  readonly rules: readonly SavedRule[]
}

/** Chains by name, in the order in which they were printed. */
export type SavedTable = ReadonlyMap<string, SavedChain>
/** Tables by name. */
export type Ruleset = ReadonlyMap<string, SavedTable>

const ZERO = '[0:0]'

/** The chains of a table that nobody has used yet: the nf_tables back end prints nothing for it. */
export const BUILT_IN_CHAINS: Readonly<Record<string, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
}

interface MutableChain {
  readonly policy: string
  readonly counters: string
  readonly rules: SavedRule[]
}

/**
 * Reads the output of `iptables-save`, with or without `-c`. Lines that are none of a table's (comments, warnings) are
 * passed over, tables may be missing, and an empty text is no tables (defects-linux-net A12, A13, lessons C9).
 */
export function parseRuleset(text: string): Ruleset {
  const tables = new Map<string, Map<string, MutableChain>>()
  let table: Map<string, MutableChain> | null = null
  for (const line of text.split('\n')) {
    const start = /^\*(\S+)\s*$/.exec(line)
    if (start) {
      table = tables.get(start[1]!) ?? new Map()
      tables.set(start[1]!, table)
    } else if (line.trimEnd() === 'COMMIT') {
      table = null
    } else if (table !== null) {
      readLine(table, line.trimEnd())
    }
  }
  return tables
}

function readLine(table: Map<string, MutableChain>, line: string): void {
  const chain = /^:(\S+) (\S+)(?: (\[\d+:\d+\]))?$/.exec(line)
  if (chain) {
    const rules = table.get(chain[1]!)?.rules ?? []
    table.set(chain[1]!, { policy: chain[2]!, counters: chain[3] ?? ZERO, rules })
    return
  }
  const rule = /^(?:(\[\d+:\d+\]) )?-A (\S+)(?: (.*))?$/.exec(line)
  if (!rule) return
  const saved = { text: rule[3] ?? '', counters: rule[1] ?? ZERO }
  const known = table.get(rule[2]!)
  if (known) known.rules.push(saved)
  else table.set(rule[2]!, { policy: '-', counters: ZERO, rules: [saved] })
}

/** The text that `iptables-save -c` prints, without its comment lines. */
export function printRuleset(ruleset: Ruleset): string {
  const lines: string[] = []
  for (const [name, table] of ruleset) {
    lines.push(`*${name}`)
    for (const [chain, { policy, counters }] of table) lines.push(`:${chain} ${policy} ${counters}`)
    for (const [chain, { rules }] of table) {
      for (const rule of rules) lines.push(`${rule.counters} -A ${chain} ${rule.text}`.trimEnd())
    }
    lines.push('COMMIT')
  }
  return lines.map((line) => `${line}\n`).join('')
}

/**
 * What `iptables-restore --noflush` makes of a ruleset. Knows `*TABLE`, `-N`, `-A`, `-I`, `-D` (by position, or by text:
 * the first rule that is the same), `-F`, `-X` and `COMMIT`. The ruleset that is given stays as it is.
 * @throws {Error} where iptables refuses: a chain that is missing, there already or still in use, a rule that is
 * missing, a position behind the end
 */
export function applyRestore(ruleset: Ruleset, text: string): Ruleset {
  const tables = new Map(ruleset)
  let table: Map<string, MutableChain> | null = null
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue
    const fail = (reason: string): Error => new Error(`line ${index + 1} (${line}): ${reason}`)
    const start = /^\*(\S+)$/.exec(line)
    if (start) {
      table = copyTable(start[1]!, ruleset.get(start[1]!))
      tables.set(start[1]!, table)
    } else if (table === null) {
      throw fail('no table')
    } else if (line === 'COMMIT') {
      table = null
    } else {
      const refused = runLine(table, line)
      if (refused !== null) throw fail(refused)
    }
  }
  if (table !== null) throw new Error('the last table has no COMMIT')
  return tables
}

function copyTable(name: string, table: SavedTable | undefined): Map<string, MutableChain> {
  const copy = new Map<string, MutableChain>()
  for (const [chain, saved] of table ?? []) copy.set(chain, { ...saved, rules: [...saved.rules] })
  for (const chain of BUILT_IN_CHAINS[name] ?? []) {
    if (!copy.has(chain)) copy.set(chain, { policy: 'ACCEPT', counters: ZERO, rules: [] })
  }
  return copy
}

/** @returns why iptables refuses the line; null when it is done. */
function runLine(table: Map<string, MutableChain>, line: string): string | null {
  const parts = /^-([NAIDFX]) (\S+)(?: (.*))?$/.exec(line)
  if (!parts) return 'not a command'
  const [, command, name = '', rest = ''] = parts
  const chain = table.get(name)
  if (command === 'N') {
    if (chain) return 'the chain is there already'
    table.set(name, { policy: '-', counters: ZERO, rules: [] })
    return null
  }
  if (!chain) return 'no such chain'
  if (command === 'A') {
    chain.rules.push({ text: rest, counters: ZERO })
  } else if (command === 'I') {
    const [, position = '', rule = ''] = /^(\d+)(?: (.*))?$/.exec(rest) ?? []
    const at = Number(position) - 1
    if (position === '' || at < 0 || at > chain.rules.length) return 'no such position'
    chain.rules.splice(at, 0, { text: rule, counters: ZERO })
  } else if (command === 'D') {
    const at = /^\d+$/.test(rest) ? Number(rest) - 1 : chain.rules.findIndex((rule) => rule.text === rest)
    if (at < 0 || at >= chain.rules.length) return 'no such rule'
    chain.rules.splice(at, 1)
  } else if (command === 'F') {
    chain.rules.length = 0
  } else {
    if (chain.policy !== '-') return 'a built-in chain stays'
    if (chain.rules.length > 0) return 'the chain is not empty'
    if (isTarget(table, name)) return 'the chain is in use'
    table.delete(name)
  }
  return null
}

/** True when a rule of the table jumps or goes to the chain. */
function isTarget(table: SavedTable, chain: string): boolean {
  for (const { rules } of table.values()) {
    for (const { text } of rules) if (text.includes(chain) && ruleTarget(text) === chain) return true
  }
  return false
}
