/** `netloom plugins check`: the conformance kit on a plugin, before a service runs it. */
import { readSettings, type SettingsInput } from '../../../config/read-settings.ts'
import { builtinDrivers } from '../../../drivers/index.ts'
import { builtinPlugins } from '../../../plugins/index.ts'
import { type BuiltinTable, type ResolvedPlugin, resolvePlugin } from '../../plugin-system/resolve-plugin.ts'
import { slots } from '../../plugin-system/slots.ts'
import type { PluginCheck } from './plugins-command.ts'

const tables: Readonly<Record<string, BuiltinTable>> = { ...builtinPlugins, ...builtinDrivers }

/**
 * Checks all plugins that the text may mean: one of a file or a package, each built-in of the name.
 * @throws what `resolvePlugin` does, and {NotSupported} for a slot without cases
 */
export async function checkPlugins(spec: string, settings: SettingsInput): Promise<readonly PluginCheck[]> {
  const { checkConformance } = await import('netloom/testing')
  const layers = await readSettings(settings)
  const flags = layers.flatMap((layer) => layer.settings.map(({ flag, value }) => `--${flag}=${value ?? 'true'}`))
  const checks: PluginCheck[] = []
  for (const { plugin } of await pluginsOf(spec)) {
    const outcomes = await checkConformance(plugin, { flags })
    for (const outcome of outcomes) checks.push({ slot: plugin.provides.flag, plugin: plugin.name, ...outcome })
  }
  return checks
}

/** The slot is what the plugin says it is for, so every slot is asked; of the refusals the one that says most is thrown. */
async function pluginsOf(spec: string): Promise<readonly ResolvedPlugin[]> {
  const requests = slots.map((slot) => ({ slot, value: spec, namedIn: null }))
  const builtins = requests.filter(({ slot }) => Object.hasOwn(tables[slot.flag] ?? {}, spec))
  const asked = builtins.length > 0 ? builtins : requests
  const answers = await Promise.allSettled(
    asked.map((request) => resolvePlugin(request, tables[request.slot.flag] ?? {})),
  )
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  if (found.length > 0) return found
  const refusals = answers.flatMap((answer) =>
    answer.status === 'rejected' ? [answer.reason as { code?: string }] : [],
  )
  throw refusals.find(({ code }) => code !== 'PluginInvalid') ?? refusals[0]
}
