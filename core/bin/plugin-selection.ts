/** Which plugins a configuration selects, and what they and the others declare. Loads plugins, creates none. */
import { type OptionSet, option } from '../../config/option.ts'
import { type Declarer, gather, slotOptions } from '../../config/registry.ts'
import type { SettingsLayer } from '../../config/sources.ts'
import { validate } from '../../config/validate.ts'
import { builtinDrivers } from '../../drivers/index.ts'
import { builtinPlugins } from '../../plugins/index.ts'
import { NetloomError } from '../errors/base.ts'
import type { ConfigProblem } from '../errors/boot.ts'
import { coreOptions } from '../plugin-system/core-options.ts'
import { type BuiltinTable, type ResolvedPlugin, resolvePlugin } from '../plugin-system/resolve-plugin.ts'
import { slots } from '../plugin-system/slots.ts'
import type { Declarations } from './commands/config.ts'

export interface Selection extends Declarations {
  readonly plugins: readonly ResolvedPlugin[]
  /** The error of each plugin that could not be had. */
  readonly errors: readonly NetloomError[]
}

const tables: Readonly<Record<string, BuiltinTable>> = { ...builtinPlugins, ...builtinDrivers }

export async function selectPlugins(
  settings: readonly SettingsLayer[],
  facts: Readonly<Record<string, string>>,
): Promise<Selection> {
  const slotDeclarer: Declarer = { name: 'slots', options: slotOptions(slots) }
  const known = gather([{ name: 'core', options: coreOptions }])
  const read = (declarer: Declarer, layers: readonly SettingsLayer[]) =>
    validate({ registry: gather([declarer]), known, settings: layers, facts, unknown: 'ignore' })
  const implied = impliedSettings(read({ name: 'slots', options: implyingOptions() }, settings).values)
  const chosen = read(slotDeclarer, [implied, ...settings])
  const plugins: ResolvedPlugin[] = []
  const problems: ConfigProblem[] = []
  const errors: NetloomError[] = []
  for (const slot of slots) {
    const old = slot.oldFlag === undefined ? null : (chosen.values[slot.oldFlag] as string | null)
    const flag = old === null ? slot.flag : slot.oldFlag!
    // A value that is not valid is reported with all other flags.
    if (chosen.values[flag] === undefined) continue
    const value = String(chosen.values[flag])
    const origin = chosen.origins[flag]
    try {
      plugins.push(await resolvePlugin({ slot, value, namedIn: origin?.file ?? null }, tables[slot.flag] ?? {}))
    } catch (error) {
      if (!(error instanceof NetloomError)) throw error
      errors.push(error)
      problems.push({
        level: 'error',
        flag,
        value,
        file: origin?.file ?? null,
        line: origin?.line ?? null,
        message: error.message,
      })
    }
  }
  const selected = [{ name: 'core', options: coreOptions }, slotDeclarer, ...plugins.map(({ plugin }) => plugin)]
  return { plugins, selected, known: await otherBuiltins(plugins), implied, problems, errors }
}

/** The flags by which slots are implied, to be looked at only: the plugins declare them. */
function implyingOptions(): OptionSet {
  const flags = slots.flatMap(({ impliedBy }) => impliedBy?.flag ?? [])
  return Object.fromEntries(
    flags.map((flag) => [flag, option.optionalText({ help: 'Chooses a plugin', secret: true })]),
  )
}

/** What the values of these flags say of slots. */
function impliedSettings(values: Readonly<Record<string, unknown>>): SettingsLayer {
  const settings = slots.flatMap(({ flag, impliedBy }) => {
    const text = impliedBy && values[impliedBy.flag]
    if (typeof text !== 'string') return []
    const prefix = Object.keys(impliedBy!.prefixes).find((start) => text.toLowerCase().startsWith(start))
    return prefix === undefined ? [] : [{ flag, value: impliedBy!.prefixes[prefix]!, line: null }]
  })
  return { source: 'another flag', file: null, settings, problems: [] }
}

async function otherBuiltins(selected: readonly ResolvedPlugin[]): Promise<readonly Declarer[]> {
  const all = await Promise.all(
    Object.values(tables).flatMap((table) => Object.values(table).map(async (load) => (await load()).default)),
  )
  return all.filter((plugin) => !selected.some((other) => other.plugin === plugin))
}
