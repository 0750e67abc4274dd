/** The table `inet netloom` as `nft -j list table` prints it, as data and back. Source: libnftables-json(5). */

/** Of one program: nobody else has rules in it. */
export const TABLE = 'inet netloom'

/** Elements by their key, in nft's words; the value is '' in a set. */
export type Elements = ReadonlyMap<string, string>

export interface TableRule {
  /** Its words, which it also carries as its comment: how nft prints a rule differs between versions. */
  readonly text: string
  /** By which it is deleted; null for one that was made since the look. */
  readonly handle: number | null
}

export interface TableChain {
  /** Where a base chain hooks in, `nat prerouting -110 accept`; '' for one that is only jumped to. */
  readonly hook: string
  readonly rules: readonly TableRule[]
}

export interface Table {
  /** Sets and maps by name. */
  readonly sets: ReadonlyMap<string, Elements>
  readonly chains: ReadonlyMap<string, TableChain>
}

/** Any of what JSON can hold; what is not as expected becomes a text that differs from all that is wanted. */
type Json = { readonly [key: string]: unknown }

/**
 * @param text what `nft -j -s list table inet netloom` printed
 * @returns null when there is no such table, or when nft said nothing that can be read
 */
export function parseTable(text: string): Table | null {
  const objects = listedObjects(text)
  if (!objects.some((object) => 'table' in object)) return null
  const sets = new Map<string, Elements>()
  const chains = new Map<string, { readonly hook: string; readonly rules: TableRule[] }>()
  for (const object of objects) {
    const set = record(object.set ?? object.map)
    if (set) sets.set(String(set.name), elementsOf(set.elem))
    const chain = record(object.chain)
    if (chain) {
      const hook = chain.hook === undefined ? '' : `${chain.type} ${chain.hook} ${chain.prio} ${chain.policy}`
      chains.set(String(chain.name), { hook, rules: [] })
    }
    const rule = record(object.rule)
    if (rule) {
      const text = String(rule.comment ?? JSON.stringify(rule.expr))
      chains.get(String(rule.chain))?.rules.push({ text, handle: typeof rule.handle === 'number' ? rule.handle : null })
    }
  }
  return { sets, chains }
}

/** What `parseTable` reads, a line each for chains, rules and elements. */
export function printTable({ sets, chains }: Table): string {
  const lines = [
    JSON.stringify({ table: { family: 'inet', name: 'netloom' } }),
    ...[...sets].map(([name, elements]) => {
      const elem = [...elements].map((element) => JSON.stringify(element))
      return `{"set":{"name":${JSON.stringify(name)},"elem":[\n${elem.join('\n,')}\n]}}`
    }),
    ...[...chains].map(([name, { hook }]) => {
      const [type, place, prio, policy] = hook.split(' ')
      return JSON.stringify({ chain: { name, ...(hook && { type, hook: place, prio, policy }) } })
    }),
    ...[...chains].flatMap(([chain, { rules }]) =>
      rules.map(({ text, handle }) => JSON.stringify({ rule: { chain, comment: text, handle } })),
    ),
  ]
  return `{"nftables":[\n${lines.join('\n,')}\n]}\n`
}

function listedObjects(text: string): readonly Json[] {
  try {
    const { nftables } = JSON.parse(text)
    return Array.isArray(nftables) ? nftables.map((object) => record(object) ?? {}) : []
  } catch {
    return []
  }
}

function record(value: unknown): Json | null {
  return typeof value === 'object' && value !== null ? (value as Json) : null
}

function elementsOf(elem: unknown): Elements {
  const all: readonly unknown[] = Array.isArray(elem) ? elem : []
  return new Map(all.map((each) => (Array.isArray(each) ? [words(each[0]), words(each[1])] : [words(each), ''])))
}

/** A key or value in the words in which nft takes it. */
function words(value: unknown): string {
  const { concat, elem } = record(value) ?? {}
  if (Array.isArray(concat)) return concat.map(words).join(' . ')
  if (elem !== undefined) return words(record(elem)?.val)
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
