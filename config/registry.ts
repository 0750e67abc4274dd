/** Gathers what the core and the plugins declare into one table of flags. */
import type { ConfigProblem } from '../core/errors/boot.ts'
import { type Option, type OptionSet, option } from './option.ts'

/** The core or a plugin: who reads flags. A `Plugin` is one. */
export interface Declarer {
  readonly name: string
  /** The slot that a plugin is for. */
  readonly provides?: { readonly flag: string }
  readonly options: OptionSet
  /** Problems that only several of its flags show, a sentence each. Called when each of its flags is valid. */
  check?(flags: Readonly<Record<string, unknown>>): readonly string[]
}

/** What the flag engine needs to know of a slot. */
export interface SlotFlag {
  readonly flag: string
  readonly default: string
  readonly help: string
  readonly oldFlag?: string
}

/** One flag with all who read it. */
export interface Declaration {
  readonly flag: string
  readonly option: Option<unknown>
  readonly declarers: readonly string[]
}

/** Flags by name. */
export interface Registry {
  readonly declarers: readonly Declarer[]
  readonly declarations: ReadonlyMap<string, Declaration>
  /** Declarations that contradict one another. */
  readonly problems: readonly ConfigProblem[]
  /** The flag of this name, old names included; null when there is none. */
  find(name: string): Declaration | null
}

/** The flag that selects the plugin of a slot. Its value is resolved by the loader, so any text is valid here. */
export function slotOption(slot: SlotFlag): Option<string> {
  return { ...option.text({ default: slot.default, help: slot.help }), kind: 'plugin' }
}

/** The flags of these slots, old flags included. */
export function slotOptions(slots: readonly SlotFlag[]): OptionSet {
  const options: Record<string, Option<unknown>> = {}
  for (const slot of slots) {
    options[slot.flag] = slotOption(slot)
    const help = `Old name of ${slot.flag}; it wins where both are set`
    if (slot.oldFlag) options[slot.oldFlag] = { ...option.optionalText({ help }), kind: 'plugin' }
  }
  return options
}

function describe(declared: Option<unknown>): string {
  return `${declared.kind}, default ${JSON.stringify(declared.default)}`
}

function merge(a: Option<unknown>, b: Option<unknown>): Option<unknown> {
  const deprecatedNames = [...new Set([...(a.deprecatedNames ?? []), ...(b.deprecatedNames ?? [])])]
  return { ...a, secret: a.secret === true || b.secret === true, deprecatedNames }
}

/**
 * The table of all flags of these declarers. Two may declare the same flag when kind and default are equal; it is secret
 * when one of them says so. Contradictions are problems, and the first declaration stands.
 */
export function gather(declarers: readonly Declarer[]): Registry {
  const declarations = new Map<string, Declaration>()
  const oldNames = new Map<string, string>()
  const problems: ConfigProblem[] = []
  const refuse = (flag: string, message: string) =>
    problems.push({ level: 'error', flag, value: null, file: null, line: null, message })

  for (const declarer of declarers) {
    for (const [flag, declared] of Object.entries(declarer.options) as [string, Option<unknown>][]) {
      const other = declarations.get(flag)
      if (!/^[a-z][a-z0-9_]*$/.test(flag)) {
        refuse(flag, `${declarer.name} declares it, but a flag is named with a-z, 0-9 and _ only`)
      } else if (!other) {
        declarations.set(flag, { flag, option: declared, declarers: [declarer.name] })
      } else if (describe(other.option) === describe(declared)) {
        const names = [...other.declarers, declarer.name]
        declarations.set(flag, { flag, option: merge(other.option, declared), declarers: names })
      } else {
        const [first, second] = [other.declarers.join(', '), declarer.name]
        refuse(
          flag,
          `${first} (${describe(other.option)}) and ${second} (${describe(declared)}) declare it differently`,
        )
      }
    }
  }
  for (const { flag, option: declared } of declarations.values()) {
    for (const oldName of declared.deprecatedNames ?? []) {
      const taken = declarations.has(oldName) ? oldName : oldNames.get(oldName)
      if (taken === undefined) oldNames.set(oldName, flag)
      else refuse(flag, `its old name ${oldName} is also a name of the flag ${taken}`)
    }
  }
  const find = (name: string) => declarations.get(name) ?? declarations.get(oldNames.get(name) ?? '') ?? null
  return { declarers, declarations, problems, find }
}
