/** The way in for a program that needs a few flags and no plugin: a client, a helper, the choice of plugins. */
import { ConfigInvalid } from '../core/errors/boot.ts'
import { hostFacts, type Machine, readMachine } from './host-facts.ts'
import type { OptionSet, Values } from './option.ts'
import { readSettings, type SettingsInput } from './read-settings.ts'
import { gather } from './registry.ts'
import { validate } from './validate.ts'

/**
 * Reads these flags by the same rules as the service does; all other flags are another reader's and may be wrong.
 * @example
 * const { host, run_path, rpc_backend } = await readClientConfig(
 *   { ...coreOptions, rpc_backend: slotOption(rpcBackendSlot) }, { configFiles, environment: process.env, commandLine })
 * @throws {ConfigInvalid} with every problem of these flags and of the files
 */
export async function readClientConfig<const O extends OptionSet>(
  options: O,
  input: SettingsInput,
  machine: Machine = readMachine(),
): Promise<Values<O>> {
  const settings = await readSettings(input)
  const registry = gather([{ name: 'client', options }])
  const { values, problems } = validate({ registry, settings, facts: hostFacts(machine, settings), unknown: 'ignore' })
  const errors = problems.filter((problem) => problem.level === 'error')
  if (errors.length > 0) throw new ConfigInvalid({ problems: errors })
  return values as Values<O>
}
