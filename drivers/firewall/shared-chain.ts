/** Our rules among those of others, in the built-in chains and in those that programs share. */
import type { Edit } from './ruleset-diff.ts'

/** Rules of others, as `-A CHAIN RULE`, that ours are put behind and before; null: none. */
export interface ForeignOrder {
  readonly first: RegExp | null
  readonly last: RegExp | null
}

/**
 * Others have rules there: only what is missing of ours is put in, jumps to our chains that are not wanted go, and ours
 * are moved where they stand before what is to be first, or behind what is to be last.
 */
export function editSharedChain(
  chain: string,
  observed: readonly string[],
  wanted: readonly string[],
  isOwn: (chain: string) => boolean,
  order: ForeignOrder,
): readonly Edit[] {
  const isOldJump = (rule: string) => isJumpToOwn(rule, isOwn) && !wanted.includes(rule)
  const foreign = observed.filter((rule) => !wanted.includes(rule) && !isOldJump(rule))
  const { low, high } = placeAmong(
    foreign.map((rule) => `-A ${chain} ${rule}`),
    order,
  )
  const misplaced = new Set<string>()
  let ahead = 0
  for (const rule of observed.filter((each) => !isOldJump(each))) {
    if (!wanted.includes(rule)) ahead += 1
    else if (ahead < low || ahead > high) misplaced.add(rule)
  }
  const goes = (rule: string) => isOldJump(rule) || misplaced.has(rule)
  const current = observed.filter((rule) => !goes(rule))
  const edits = observed.filter(goes).map((rule): Edit => ({ kind: 'delete', chain, rule }))
  const start = low === 0 ? 0 : current.lastIndexOf(foreign[low - 1]!) + 1
  for (const [index, rule] of wanted.entries()) {
    if (current.includes(rule)) continue
    const before = wanted[index - 1]
    const at = before === undefined ? start : current.indexOf(before) + 1
    current.splice(at, 0, rule)
    edits.push({ kind: 'insert', chain, rule, position: at + 1 })
  }
  return edits
}

/**
 * How many rules of others may stand before ours. Where a rule that is to be last stands before one that is to be
 * first, ours come right behind the first ones: rules of others are not moved.
 */
function placeAmong(foreign: readonly string[], { first, last }: ForeignOrder): { low: number; high: number } {
  const low = first === null ? 0 : foreign.findLastIndex((rule) => first.test(rule)) + 1
  const end = last === null ? -1 : foreign.findIndex((rule) => last.test(rule))
  return { low, high: Math.max(low, end === -1 ? foreign.length : end) }
}

/** True for exactly a jump to one of our chains, without any condition. */
export function isJumpToOwn(rule: string, isOwn: (chain: string) => boolean): boolean {
  return isOwn(/^-j (\S+)$/.exec(rule)?.[1] ?? '')
}
