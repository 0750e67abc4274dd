import { selectPlugins } from './plugin-selection.ts'

/** Names of all flags of the core and of every built-in plugin. */
export async function knownFlags(): Promise<readonly string[]> {
  const { selected, known } = await selectPlugins([], {})
  return [...new Set([...selected, ...known].flatMap(({ options }) => Object.keys(options)))].sort()
}
