/**
 * From the table that is there to the one that is wanted: elements and rules that stay are not touched, so they keep their
 * counters (defects-linux-net A5). When the frame is not as it is made, the whole table is made anew, in one step.
 */
import { type Elements, TABLE, type Table, type TableChain, type TableRule } from './table.ts'
import { keyTypes, RULE_CHAINS, type RuleChain, type WantedTable } from './wanted-table.ts'

/** Elements in one command: with many thousands, lines stay short enough to be read in an error. */
const ELEMENTS_PER_LINE = 500

export interface ElementEdit {
  readonly set: string
  readonly key: string
  readonly value: string
}

export interface RuleEdits {
  readonly chain: RuleChain
  /** All rules of the chain go first: those that were made since the look cannot be deleted one by one. */
  readonly flush: boolean
  readonly gone: readonly TableRule[]
  readonly added: readonly string[]
  /** What the chain then has. */
  readonly after: readonly TableRule[]
}

export interface TableEdits {
  /** The table is made anew: `missing` when there was none. */
  readonly frame: 'kept' | 'missing' | 'broken'
  readonly removed: readonly ElementEdit[]
  readonly added: readonly ElementEdit[]
  readonly rules: readonly RuleEdits[]
}

/** @param observed null when there is no table. @returns null when nothing is to be done */
export function diffTable(wanted: WantedTable, observed: Table | null): TableEdits | null {
  const frame = observed === null ? 'missing' : isFramed(wanted, observed) ? 'kept' : 'broken'
  const there = frame === 'kept' ? observed! : emptyTable(wanted)
  const sets = Object.entries(wanted.elements)
  const removed = sets.flatMap(([set, elements]) => missingFrom(set, there.sets.get(set)!, elements))
  const added = sets.flatMap(([set, elements]) => missingFrom(set, elements, there.sets.get(set)!))
  const rules = RULE_CHAINS.map((chain) =>
    diffRules(chain, there.chains.get(chain)!.rules, wanted.rules[chain]),
  ).filter(({ gone, added, flush }) => flush || gone.length > 0 || added.length > 0)
  const isDone = frame === 'kept' && removed.length === 0 && added.length === 0 && rules.length === 0
  return isDone ? null : { frame, removed, added, rules }
}

/** The sets and chains that are always there, and the rules that are always in them: those and no others. */
function isFramed(wanted: WantedTable, { sets, chains }: Table): boolean {
  const isRuleChain = (name: string) => (RULE_CHAINS as readonly string[]).includes(name)
  const setNames = Object.keys(wanted.sets)
  if (sets.size !== setNames.length || !setNames.every((name) => sets.has(name))) return false
  if (chains.size !== wanted.chains.size) return false
  return [...wanted.chains].every(([name, { hook, rules }]) => {
    const chain = chains.get(name)
    if (chain?.hook !== hook) return false
    const texts = chain.rules.map(({ text }) => text)
    return (
      isRuleChain(name) || (texts.length === rules.length && rules.every((rule, at) => comment(rule) === texts[at]))
    )
  })
}

function emptyTable(wanted: WantedTable): Table {
  const chains = [...wanted.chains].map(([name, { hook, rules }]): [string, TableChain] => [
    name,
    { hook, rules: rules.map((rule) => ({ text: comment(rule), handle: null })) },
  ])
  return { sets: new Map(Object.keys(wanted.sets).map((name) => [name, new Map()])), chains: new Map(chains) }
}

/** Elements of the first that the second does not have, or has with another value. */
function missingFrom(set: string, first: Elements, second: Elements): readonly ElementEdit[] {
  return [...first].filter(([key, value]) => second.get(key) !== value).map(([key, value]) => ({ set, key, value }))
}

function diffRules(chain: RuleChain, observed: readonly TableRule[], wanted: ReadonlySet<string>): RuleEdits {
  const ruleOf = new Map([...wanted].map((rule) => [comment(rule), rule]))
  const seen = new Set<string>()
  const kept: TableRule[] = []
  const gone: TableRule[] = []
  for (const rule of observed) {
    const stays = ruleOf.has(rule.text) && !seen.has(rule.text)
    seen.add(rule.text)
    if (stays) kept.push(rule)
    else gone.push(rule)
  }
  const added = [...ruleOf].filter(([text]) => !seen.has(text)).map(([, rule]) => rule)
  const after = [...kept, ...added.map((rule) => ({ text: comment(rule), handle: null }))]
  const inOrder = chain === 'exemptions' || [...ruleOf.keys()].every((text, at) => text === after[at]?.text)
  if (inOrder && gone.every(({ handle }) => handle !== null)) return { chain, flush: false, gone, added, after }
  const all = [...wanted].map((rule) => ({ text: comment(rule), handle: null }))
  return { chain, flush: true, gone: observed, added: [...wanted], after: all }
}

/** What `nft -f` takes: all or nothing is done (nft(8)). */
export function nftText(wanted: WantedTable, { frame, removed, added, rules }: TableEdits): string {
  const lines = [
    ...(frame === 'kept' ? [] : frameLines(wanted)),
    ...elementLines('delete', removed),
    ...elementLines('add', added),
  ]
  for (const { chain, flush, gone, added } of rules) {
    if (flush) lines.push(`flush chain ${TABLE} ${chain}`)
    else for (const { handle } of gone) lines.push(`delete rule ${TABLE} ${chain} handle ${handle}`)
    lines.push(...added.map((rule) => ruleLine(chain, rule)))
  }
  return lines.map((line) => `${line}\n`).join('')
}

/** A table is deleted only when it is there, so it is made first (nft(8)). */
function frameLines(wanted: WantedTable): readonly string[] {
  const chains = [...wanted.chains].map(([name, { hook }]) => {
    const [type, place, prio, policy] = hook.split(' ')
    const base = hook === '' ? '' : ` { type ${type} hook ${place} priority ${prio}; policy ${policy}; }`
    return `add chain ${TABLE} ${name}${base}`
  })
  return [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    `add table ${TABLE}`,
    ...Object.values(wanted.sets).map((set) => `add ${set.replace(' ', ` ${TABLE} `)}`),
    ...chains,
    ...[...wanted.chains].flatMap(([name, { rules }]) => rules.map((rule) => ruleLine(name, rule))),
  ]
}

function elementLines(verb: 'add' | 'delete', edits: readonly ElementEdit[]): readonly string[] {
  const bySet = new Map<string, string[]>()
  for (const { set, key, value } of edits) {
    const element = verb === 'delete' || value === '' ? quoteDevices(set, key) : `${quoteDevices(set, key)} : ${value}`
    const some = bySet.get(set)
    if (some) some.push(element)
    else bySet.set(set, [element])
  }
  return [...bySet].flatMap(([set, elements]) => {
    const lines: string[] = []
    for (let at = 0; at < elements.length; at += ELEMENTS_PER_LINE) {
      const some = elements.slice(at, at + ELEMENTS_PER_LINE).join(', ')
      lines.push(`${verb} element ${TABLE} ${set} { ${some} }`)
    }
    return lines
  })
}

/** A device may have a name that is a number or a word of nft's. */
function quoteDevices(set: string, key: string): string {
  const types = keyTypes(set)
  if (!types.includes('ifname')) return key
  const parts = key.split(' . ')
  return parts.map((part, at) => (types[at] === 'ifname' ? `"${part}"` : part)).join(' . ')
}

function ruleLine(chain: string, rule: string): string {
  return `add rule ${TABLE} ${chain} ${rule} comment "${comment(rule)}"`
}

/** The comment by which a rule is known. */
function comment(rule: string): string {
  return rule.replaceAll('"', '')
}

/** What the table is like when the edits are made. */
export function applyEdits(wanted: WantedTable, observed: Table | null, edits: TableEdits): Table {
  const there = edits.frame === 'kept' ? observed! : emptyTable(wanted)
  const sets = new Map([...there.sets].map(([name, elements]) => [name, new Map(elements)]))
  for (const { set, key } of edits.removed) sets.get(set)?.delete(key)
  for (const { set, key, value } of edits.added) sets.get(set)?.set(key, value)
  const chains = new Map(there.chains)
  for (const { chain, after } of edits.rules) chains.set(chain, { hook: '', rules: after })
  return { sets, chains }
}
