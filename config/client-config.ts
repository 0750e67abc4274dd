/** The way in for a program that needs a few flags and no plugin: a client, a helper, the choice of plugins. */
import { ConfigInvalid } from '../core/errors/boot.ts'
import { hostFacts, type Machine, readMachine } from './host-facts.ts'
import type { OptionSet, Values } from './option.ts'
import { readSettings, type SettingsInput } from './read-settings.ts'
import { gather } from './registry.ts'
import { validate } from './validate.ts'

export interface ClientConfigOptions {
  /** Flags that values may refer to with `$name`; they may be wrong as long as none does. */
  readonly references?: OptionSet
  readonly machine?: Machine
}

/**
 * Reads these flags by the same rules as the service does; all other flags are another reader's and may be wrong.
 * @example
 * const { run_path, rpc_backend } = await readClientConfig(
 *   { run_path: coreOptions.run_path, rpc_backend: slotOption(rpcBackendSlot) },
 *   { configFiles, environment: process.env, commandLine }, { references: coreOptions })
 * @throws {ConfigInvalid} with every problem of these flags and of the files
 */
export async function readClientConfig<const O extends OptionSet>(
  options: O,
  input: SettingsInput,
  { references = {}, machine = readMachine() }: ClientConfigOptions = {},
): Promise<Values<O>> {
  const settings = await readSettings(input)
  const registry = gather([{ name: 'client', options }])
  const known = gather([{ name: 'references', options: references }])
  const facts = hostFacts(machine, settings)
  const { values, problems } = validate({ registry, known, settings, facts, unknown: 'ignore' })
  const complete = Object.keys(options).every((flag) => Object.hasOwn(values, flag))
  const isOfOthers = (flag: string) => Object.hasOwn(references, flag) && !Object.hasOwn(options, flag)
  const errors = problems.filter(({ level, flag }) => level === 'error' && !(complete && isOfOthers(flag)))
  if (errors.length > 0) throw new ConfigInvalid({ problems: errors })
  return values as Values<O>
}
