/**
 * From the rules that are there to the rules that are wanted, in the fewest steps, and only in what is ours:
 *
 * - chains with our prefix are ours with all that is in them. Rules that stay are not touched, so they keep their
 *   counters (defects-linux-net A5); chains that nobody wants any more go.
 * - in the built-in chains and in those that programs share, ours are the wanted rules and what is exactly a jump to
 *   one of our own chains. They come before what others have there when they are first made, and are not moved
 *   afterwards (defects-linux-net A14, A15), but for rules of others that are to stay first or last.
 * - all else is somebody else's: it is never written, so it cannot be lost (defects-linux-net A3, A4, A11).
 */
import type { IptablesTable } from './iptables-manager.ts'
import { ruleTarget } from './rule-text.ts'
import { BUILT_IN_CHAINS, type Ruleset, type SavedTable } from './ruleset-text.ts'
import { editSharedChain, type ForeignOrder, isJumpToOwn } from './shared-chain.ts'

/** Removals from one chain beyond which they are made by position. */
const MANY = 50

/** One step; steps of a table are right in the order given. `position` counts from 1; a removal without one is by text. */
export type Edit =
  | { readonly kind: 'new-chain'; readonly chain: string }
  | { readonly kind: 'append'; readonly chain: string; readonly rule: string }
  | { readonly kind: 'insert'; readonly chain: string; readonly rule: string; readonly position: number }
  | { readonly kind: 'delete'; readonly chain: string; readonly rule: string; readonly position?: number }
  | { readonly kind: 'flush'; readonly chain: string; readonly rules: readonly string[] }
  | { readonly kind: 'delete-chain'; readonly chain: string }

/** The steps of one table; never none. */
export interface TableEdits {
  readonly table: string
  readonly edits: readonly Edit[]
}

/**
 * The steps from `observed` to `wanted`.
 * @param wanted tables by name; tables that are not named are left alone
 * @param prefix of our own chains
 */
export function diffRuleset(
  wanted: Readonly<Record<string, IptablesTable>>,
  observed: Ruleset,
  prefix: string,
  order: ForeignOrder = { first: null, last: null },
): readonly TableEdits[] {
  const isOwn = ownership(wanted, observed, prefix)
  return Object.entries(wanted)
    .map(([table, rules]) => ({
      table,
      edits: diffTable(rules, observed.get(table) ?? new Map(), BUILT_IN_CHAINS[table] ?? [], isOwn, order),
    }))
    .filter(({ edits }) => edits.length > 0)
}

/** The input for `iptables-restore --noflush`; '' when there is nothing to do. */
export function restoreText(changes: readonly TableEdits[]): string {
  return changes.map(({ table, edits }) => `*${table}\n${edits.map(restoreLine).join('')}COMMIT\n`).join('')
}

/**
 * A chain is made with `-N`, which fails when it is there: the line `:CHAIN - [0:0]` would empty it, and others may have
 * made a chain that we share, and filled it, since we looked.
 */
function restoreLine(edit: Edit): string {
  switch (edit.kind) {
    case 'new-chain':
      return `-N ${edit.chain}\n`
    case 'append':
      return `-A ${edit.chain} ${edit.rule}\n`
    case 'insert':
      return `-I ${edit.chain} ${edit.position} ${edit.rule}\n`
    case 'delete':
      return `-D ${edit.chain} ${edit.position ?? edit.rule}\n`
    case 'flush':
      return `-F ${edit.chain}\n`
    case 'delete-chain':
      return `-X ${edit.chain}\n`
  }
}

/**
 * Tells our chains by name. The prefix alone does not do: `nova-api-metadat-INPUT` begins with `nova-api-` and is not
 * of the program `nova-api` (defects-linux-net A3). Every program wraps built-in chains, so a chain that is named like
 * a wrapped built-in one, and that we do not want, shows another program's prefix.
 */
function ownership(
  wanted: Readonly<Record<string, IptablesTable>>,
  observed: Ruleset,
  prefix: string,
): (chain: string) => boolean {
  const tables = Object.values(wanted)
  const isWanted = (chain: string) => tables.some((table) => table.wrappedChains.has(chain))
  const others = new Set<string>()
  for (const table of observed.values()) {
    for (const chain of table.keys()) {
      const other = /^(.+)-(?:PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$/.exec(chain)?.[1]
      if (other?.startsWith(`${prefix}-`) && !isWanted(chain)) others.add(`${other}-`)
    }
  }
  return (chain) => {
    if (isWanted(chain)) return true
    if (!chain.startsWith(`${prefix}-`) || tables.some((table) => table.unwrappedChains.has(chain))) return false
    return ![...others].some((other) => chain.startsWith(other))
  }
}

function diffTable(
  wanted: IptablesTable,
  observed: SavedTable,
  builtIn: readonly string[],
  isOwn: (chain: string) => boolean,
  order: ForeignOrder,
): readonly Edit[] {
  const textsOf = (chain: string) => wanted.rulesOf(chain).map((rule) => rule.text)
  const thereIn = (chain: string) => (observed.get(chain)?.rules ?? []).map((rule) => rule.text)
  // A rule for somebody else's chain waits until the chain is there: iptables would refuse all the other steps with it.
  const foreign = wanted.chainsWithRules.filter((chain) => observed.has(chain) && !wanted.wrappedChains.has(chain))
  const shared = new Set([...builtIn, ...wanted.unwrappedChains, ...foreign])

  const made = [...wanted.wrappedChains, ...wanted.unwrappedChains]
    .filter((chain) => !observed.has(chain))
    .map((chain): Edit => ({ kind: 'new-chain', chain }))
  const own = [...wanted.wrappedChains].flatMap((chain) => editOwnChain(chain, thereIn(chain), textsOf(chain)))
  const jumps = [...shared].flatMap((chain) => editSharedChain(chain, thereIn(chain), textsOf(chain), isOwn, order))

  const edits = [...made, ...own, ...jumps]
  const stale = new Set([...observed.keys()].filter((chain) => isOwn(chain) && !wanted.wrappedChains.has(chain)))
  if (stale.size === 0) return edits
  const flushed = [...stale]
    .filter((chain) => thereIn(chain).length > 0)
    .map((chain): Edit => ({ kind: 'flush', chain, rules: thereIn(chain) }))
  const used = targetsLeft(wanted, observed, shared, isOwn)
  const dropped = [...stale].filter((chain) => !used.has(chain)).map((chain): Edit => ({ kind: 'delete-chain', chain }))
  return [...edits, ...flushed, ...dropped]
}

/** Ours alone: ends with exactly the wanted rules, and as many of those that are there as can be stay untouched. */
function editOwnChain(chain: string, observed: readonly string[], wanted: readonly string[]): readonly Edit[] {
  const append = (rule: string): Edit => ({ kind: 'append', chain, rule })
  // Of several that are the same the last one counts, as `-D` takes the first of its text.
  const lastAt = new Map(observed.map((rule, at) => [rule, at]))
  const single = observed.filter((rule, at) => lastAt.get(rule) === at)
  const kept = keptRules(single, wanted)
  if (kept.size === 0) {
    const flush: readonly Edit[] = observed.length > 0 ? [{ kind: 'flush', chain, rules: observed }] : []
    return [...flush, ...wanted.map(append)]
  }
  const gone = [...observed.entries()].filter(([at, rule]) => lastAt.get(rule) !== at || !kept.has(rule))
  const edits = removals(chain, gone)
  let keptAhead = kept.size
  for (const [index, rule] of wanted.entries()) {
    if (kept.has(rule)) keptAhead -= 1
    else if (keptAhead === 0) edits.push(append(rule))
    else edits.push({ kind: 'insert', chain, rule, position: index + 1 })
  }
  return edits
}

/**
 * By text, which iptables refuses when somebody has changed the chain since the look. It searches the whole chain for
 * each (4 ms in 5,000 rules of the nf_tables back end), so many go by position, from the last to the first.
 */
function removals(chain: string, gone: readonly (readonly [at: number, rule: string])[]): Edit[] {
  const byPosition = gone.length > MANY
  const edits = gone.map(
    ([at, rule]): Edit => ({ kind: 'delete', chain, rule, ...(byPosition ? { position: at + 1 } : {}) }),
  )
  return byPosition ? edits.reverse() : edits
}

/**
 * The largest set of rules that are in both lists in the same order: the longest rising run of their positions, found
 * in n log n steps as no list has a rule twice.
 */
function keptRules(observed: readonly string[], wanted: readonly string[]): ReadonlySet<string> {
  const positionOf = new Map(observed.map((rule, at) => [rule, at]))
  const common = wanted.filter((rule) => positionOf.has(rule))
  const positions = common.map((rule) => positionOf.get(rule)!)
  /** By length of a run less one: the index of its lowest possible last element. */
  const lastOfRun: number[] = []
  const previous: number[] = []
  for (const [index, position] of positions.entries()) {
    let low = 0
    let high = lastOfRun.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (positions[lastOfRun[middle]!]! < position) low = middle + 1
      else high = middle
    }
    previous.push(low > 0 ? lastOfRun[low - 1]! : -1)
    lastOfRun[low] = index
  }
  const kept = new Set<string>()
  for (let at = lastOfRun.at(-1) ?? -1; at >= 0; at = previous[at]!) kept.add(common[at]!)
  return kept
}

/**
 * The chains to which a rule will still jump that is wanted or not ours. iptables does not delete such a
 * chain, and would refuse all the other steps with it.
 */
function targetsLeft(
  wanted: IptablesTable,
  observed: SavedTable,
  shared: ReadonlySet<string>,
  isOwn: (chain: string) => boolean,
): ReadonlySet<string | null> {
  const targets = new Set<string | null>()
  for (const chain of wanted.chainsWithRules) {
    for (const { text } of wanted.rulesOf(chain)) targets.add(ruleTarget(text))
  }
  for (const [chain, { rules }] of observed) {
    if (isOwn(chain)) continue
    for (const { text } of rules) if (!(shared.has(chain) && isJumpToOwn(text, isOwn))) targets.add(ruleTarget(text))
  }
  return targets
}
