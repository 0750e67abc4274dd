/**
 * The rules that one program wants, as nova's linux_net modelled them: tables of chains whose names are *wrapped* with
 * the program's prefix, so that programs do not meet in them, and *unwrapped* ones: the built-in chains and those that
 * programs share. Only a model: `ruleset-diff.ts` makes it true.
 */
import { InvalidInput } from 'netloom/contracts'
import { canonicalRule, ruleTarget } from './rule-text.ts'

/** iptables refuses 29 characters. */
const MAX_CHAIN_NAME = 28
/** What is left of 28 when the longest built-in name, `-POSTROUTING`, is put behind a prefix. */
const MAX_PREFIX = 16

/** Chains that programs share: made when they are missing, never deleted. */
export const SHARED_CHAINS = ['nova-filter-top', 'nova-postrouting-bottom'] as const

function checkName(what: string, name: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) {
    throw new InvalidInput({
      what,
      value: name,
      want: 'letters, digits, ".", "_" or "-", beginning with no "." or "-"',
    })
  }
  return name
}

/** One rule. You should not need to use this class directly, it is only used by IptablesTable. */
export class IptablesRule {
  /** The chain's name in the kernel. */
  readonly chain: string
  /** Canonical, without `-A CHAIN`. */
  readonly text: string
  /** Stands before all rules of the chain that are not top. */
  readonly top: boolean

  constructor(chain: string, text: string, top: boolean) {
    this.chain = chain
    this.text = text
    this.top = top
  }

  toString(): string {
    return `-A ${this.chain} ${this.text}`
  }
}

/** Chains and rules of one table. */
export class IptablesTable {
  readonly #prefix: string
  readonly #wrapped = new Set<string>()
  readonly #unwrapped = new Set<string>()
  /** Rules by their text, by chain: what is there already is found without a search (defects-linux-net B2). */
  readonly #rules = new Map<string, Map<string, IptablesRule>>()

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** The names in the kernel of the chains that are this program's own. */
  get wrappedChains(): ReadonlySet<string> {
    return this.#wrapped
  }

  /** The chains that programs share and that are made when they are missing. */
  get unwrappedChains(): ReadonlySet<string> {
    return this.#unwrapped
  }

  /** The names in the kernel of all chains that have a rule here, built-in ones too. */
  get chainsWithRules(): readonly string[] {
    return [...this.#rules].filter(([, rules]) => rules.size > 0).map(([chain]) => chain)
  }

  /** The wanted rules of a chain, given its name in the kernel: the top ones first, else in the order they were added. */
  rulesOf(kernelChain: string): readonly IptablesRule[] {
    const rules = [...(this.#rules.get(kernelChain)?.values() ?? [])]
    return [...rules.filter((rule) => rule.top), ...rules.filter((rule) => !rule.top)]
  }

  /**
   * Adds a named chain; one that is there stays as it is. The name is wrapped to be unique for the program, so that
   * different programs can create chains of the same name: `FORWARD` of `netloom` is `netloom-FORWARD`.
   * @throws {InvalidInput} when the name in the kernel would have more than 28 characters (defects-linux-net A22)
   */
  addChain(name: string, wrap = true): void {
    const kernelName = this.#kernelName(checkName('chain', name), wrap)
    if (kernelName.length > MAX_CHAIN_NAME) {
      const want = `at most ${MAX_CHAIN_NAME} characters, it would have ${kernelName.length}`
      throw new InvalidInput({ what: 'chain', value: kernelName, want })
    }
    this.#chains(wrap).add(kernelName)
  }

  hasChain(name: string, wrap = true): boolean {
    return this.#chains(wrap).has(this.#kernelName(name, wrap))
  }

  /**
   * Removes a chain, its rules, and all rules in other chains that jump to it: to it alone, not to one whose name
   * begins in the same way (defects-linux-net A1, A2, A16).
   * @returns false when it is not there
   */
  removeChain(name: string, wrap = true): boolean {
    const kernelName = this.#kernelName(name, wrap)
    if (!this.#chains(wrap).delete(kernelName)) return false
    this.#rules.delete(kernelName)
    for (const rules of this.#rules.values()) {
      for (const text of rules.keys()) if (ruleTarget(text) === kernelName) rules.delete(text)
    }
    return true
  }

  /** Removes all rules from a chain; the chain stays. */
  emptyChain(chain: string, wrap = true): void {
    this.#rules.delete(this.#kernelName(chain, wrap))
  }

  /**
   * Adds a rule at the end of a chain. It is what you would feed to iptables without the `-A CHAIN`; a word that
   * begins with `$` is one of your wrapped chains. A rule that is there keeps its place.
   * @param top stands before the rules of the chain that are not
   * @throws {RangeError} on a wrapped chain that is not there
   * @throws {InvalidInput} on a rule that is more than one line or names no valid address
   */
  addRule(chain: string, rule: string, wrap = true, top = false): void {
    this.#insert(this.#known(chain, wrap), this.#expand(rule), top)
  }

  /**
   * The same for a wrapped chain and a text that is canonical already, which is not read again: reading is what takes
   * time when there are thousands of rules.
   * @throws {RangeError} on a chain that is not there
   */
  addCanonicalRule(chain: string, text: string, top = false): void {
    this.#insert(this.#known(chain, true), text, top)
  }

  /**
   * Removes a rule, given the text that added it or one that means the same (defects-linux-net A18).
   * @returns false when it is not there
   */
  removeRule(chain: string, rule: string, wrap = true): boolean {
    return this.#rules.get(this.#kernelName(chain, wrap))?.delete(this.#expand(rule)) ?? false
  }

  #known(chain: string, wrap: boolean): string {
    const kernelName = this.#kernelName(chain, wrap)
    if (wrap && !this.#wrapped.has(kernelName)) throw new RangeError(`Unknown chain: '${chain}'`)
    return wrap ? kernelName : checkName('chain', kernelName)
  }

  #insert(kernelChain: string, text: string, top: boolean): void {
    const rules = this.#rules.get(kernelChain) ?? new Map<string, IptablesRule>()
    this.#rules.set(kernelChain, rules)
    if (!rules.has(text)) rules.set(text, new IptablesRule(kernelChain, text, top))
  }

  #chains(wrap: boolean): Set<string> {
    return wrap ? this.#wrapped : this.#unwrapped
  }

  #kernelName(name: string, wrap: boolean): string {
    return wrap ? `${this.#prefix}-${name}` : name
  }

  #expand(rule: string): string {
    return canonicalRule(rule.includes('$') ? rule.replace(/(^|\s)\$(?=\S)/g, `$1${this.#prefix}-`) : rule)
  }
}

/**
 * The tables of one program. A number of chains are set up to begin with (nova linux_net.IptablesManager):
 *
 * `nova-filter-top` is jumped to from the top of FORWARD and OUTPUT. It is not wrapped, so programs share it; it jumps
 * to the wrapped chain `local`. The built-in INPUT, OUTPUT and FORWARD are wrapped: the real chain jumps to the wrapped
 * one. This holds for IPv4 and IPv6. For IPv4 the built-in nat chains are wrapped in the same way, and POSTROUTING of
 * mangle. `nova-postrouting-bottom` is shared and comes after the wrapped POSTROUTING; it jumps to `snat`, which
 * jumps to `float-snat` first: a floating IP is a better source than the one of the whole network.
 */
export class IptablesManager {
  /** What all wrapped chains begin with, before a `-`. */
  readonly prefix: string
  readonly ipv4: { readonly filter: IptablesTable; readonly nat: IptablesTable; readonly mangle: IptablesTable }
  readonly ipv6: { readonly filter: IptablesTable }

  /** @param prefix the program's name; its first 16 characters are used. @throws {InvalidInput} */
  constructor(prefix: string) {
    this.prefix = checkName('chain prefix', prefix).slice(0, MAX_PREFIX)
    this.ipv4 = { filter: this.#filter(), nat: this.#nat(), mangle: this.#mangle() }
    this.ipv6 = { filter: this.#filter() }
  }

  #filter(): IptablesTable {
    const table = new IptablesTable(this.prefix)
    table.addChain('nova-filter-top', false)
    table.addRule('FORWARD', '-j nova-filter-top', false, true)
    table.addRule('OUTPUT', '-j nova-filter-top', false, true)
    table.addChain('local')
    table.addRule('nova-filter-top', '-j $local', false)
    wrapBuiltIn(table, ['INPUT', 'OUTPUT', 'FORWARD'])
    return table
  }

  #nat(): IptablesTable {
    const table = new IptablesTable(this.prefix)
    wrapBuiltIn(table, ['PREROUTING', 'OUTPUT', 'POSTROUTING'])
    table.addChain('nova-postrouting-bottom', false)
    table.addRule('POSTROUTING', '-j nova-postrouting-bottom', false)
    table.addChain('snat')
    table.addRule('nova-postrouting-bottom', '-j $snat', false)
    table.addChain('float-snat')
    table.addRule('snat', '-j $float-snat')
    return table
  }

  #mangle(): IptablesTable {
    const table = new IptablesTable(this.prefix)
    wrapBuiltIn(table, ['POSTROUTING'])
    return table
  }
}

function wrapBuiltIn(table: IptablesTable, chains: readonly string[]): void {
  for (const chain of chains) {
    table.addChain(chain)
    table.addRule(chain, `-j $${chain}`, false)
  }
}
