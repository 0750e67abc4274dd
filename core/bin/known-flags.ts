import { hostFacts, readMachine } from '../../config/host-facts.ts'
import { readSettings, type SettingsInput } from '../../config/read-settings.ts'
import { selectPlugins } from './plugin-selection.ts'

/** Names of all flags of the core, of every built-in plugin, and of the plugins that the settings select. */
export async function knownFlags(input: SettingsInput): Promise<readonly string[]> {
  const settings = await readSettings(input)
  const { selected, known } = await selectPlugins(settings, hostFacts(readMachine(), settings))
  return [...new Set([...selected, ...known].flatMap(({ options }) => Object.keys(options)))].sort()
}
