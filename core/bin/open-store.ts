/** Reaches the fact store that the flags select: those flags and that one plugin, without a service. */
import { readClientConfig } from '../../config/client-config.ts'
import { hostFacts, readMachine } from '../../config/host-facts.ts'
import { readSettings, type SettingsInput } from '../../config/read-settings.ts'
import { createLogger } from '../../drivers/system/logger.ts'
import { systemClock } from '../../drivers/system/system-clock.ts'
import type { DatabaseDriver } from '../contracts/database.ts'
import { ConfigInvalid, type ConfigProblem } from '../errors/boot.ts'
import { PluginContainer } from '../plugin-system/container.ts'
import { coreOptions } from '../plugin-system/core-options.ts'
import type { Plugin } from '../plugin-system/define-plugin.ts'
import { clockRef, dbBackendSlot, loggerRef } from '../plugin-system/slots.ts'
import { selectPlugins } from './plugin-selection.ts'

/** Lends the store, not yet opened, until `use` ends. @throws {ConfigInvalid} and the plugin errors of `errors/boot.ts` */
export async function withStore<T>(input: SettingsInput, use: (database: DatabaseDriver) => Promise<T>): Promise<T> {
  const plugin = await storePlugin(input)
  const flags = await readClientConfig(plugin.options, input, { references: coreOptions })
  const problems = plugin.check(flags).map((message): ConfigProblem => ({ ...blank, flag: plugin.name, message }))
  if (problems.length > 0) throw new ConfigInvalid({ problems })

  const logger = await createLogger({ level: 'error' })
  const container = new PluginContainer(logger)
  container.bindValue(clockRef, systemClock)
  container.bindValue(loggerRef, logger)
  container.bindPlugin(plugin, flags)
  try {
    return await use(await container.get(dbBackendSlot))
  } finally {
    await container.dispose()
  }
}

const blank = { level: 'error', value: null, file: null, line: null } as const

/** What is wrong with other slots is no matter here. */
async function storePlugin(input: SettingsInput): Promise<Plugin> {
  const settings = await readSettings(input)
  const { plugins, errors, problems } = await selectPlugins(settings, hostFacts(readMachine(), settings))
  const found = plugins.find(({ plugin }) => plugin.provides.id === dbBackendSlot.id)
  if (found) return found.plugin
  const mine = ({ flag }: { readonly flag?: unknown }) => flag === dbBackendSlot.flag
  throw errors.find(({ details }) => mine(details)) ?? new ConfigInvalid({ problems: problems.filter(mine) })
}
