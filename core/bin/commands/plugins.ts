/** What `netloom plugins` shows. */
import { hostFacts, readMachine } from '../../../config/host-facts.ts'
import { readSettings, type SettingsInput } from '../../../config/read-settings.ts'
import { slots } from '../../plugin-system/slots.ts'
import { selectPlugins } from '../plugin-selection.ts'
import type { PluginListing } from './plugins-command.ts'

/** Slots, what is selected for each, where from. @throws the error of the first plugin that cannot be had */
export async function listPlugins(input: SettingsInput): Promise<readonly PluginListing[]> {
  const settings = await readSettings(input)
  const { plugins, errors } = await selectPlugins(settings, hostFacts(readMachine(), settings))
  if (errors[0]) throw errors[0]
  return slots.flatMap((slot) => {
    const found = plugins.find(({ plugin }) => plugin.provides.id === slot.id)
    if (!found) return []
    const { plugin, source } = found
    return {
      slot: slot.flag,
      selected: plugin.name,
      origin: source,
      contract: plugin.contract,
      summary: plugin.summary,
    }
  })
}
