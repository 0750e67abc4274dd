/** Flags -> a configured set of running plugins. Nothing is touched before everything was checked. */
import { fileURLToPath } from 'node:url'
import { hostFacts, readMachine } from '../../config/host-facts.ts'
import type { Values } from '../../config/option.ts'
import { readSettings, type SettingsInput } from '../../config/read-settings.ts'
import { gather } from '../../config/registry.ts'
import { hasErrors, validate } from '../../config/validate.ts'
import { createLeaseSpool } from '../../drivers/system/lease-spool.ts'
import { createLogger } from '../../drivers/system/logger.ts'
import { createProcessExecutor } from '../../drivers/system/process-executor.ts'
import { systemClock } from '../../drivers/system/system-clock.ts'
import { systemRandom } from '../../drivers/system/system-random.ts'
import type { HostDriver } from '../contracts/host.ts'
import type { Clock, Executor, LeaseSpool, Logger, RandomSource } from '../contracts/ports.ts'
import { ConfigInvalid, ProgramsMissing } from '../errors/boot.ts'
import { nodesOf } from '../network/service-nodes.ts'
import { PluginContainer } from '../plugin-system/container.ts'
import type { coreOptions } from '../plugin-system/core-options.ts'
import type { Programs } from '../plugin-system/define-plugin.ts'
import type { ResolvedPlugin } from '../plugin-system/resolve-plugin.ts'
import {
  clockRef,
  dhcpbridgeRef,
  executorRef,
  hostDriverSlot,
  leaseSpoolRef,
  loggerRef,
  nodesRef,
  randomRef,
} from '../plugin-system/slots.ts'
import { selectPlugins } from './plugin-selection.ts'

export interface Booted {
  readonly container: PluginContainer
  readonly flags: Values<typeof coreOptions>
  readonly plugins: readonly ResolvedPlugin[]
  readonly logger: Logger
  /** Time is this machine's, not what an embedding program makes of it. */
  readonly isRealTime: boolean
}

/** What a program that embeds a service, or a test, puts in the place of what boot would make. */
export interface Surroundings {
  readonly clock?: Clock
  readonly random?: RandomSource
  readonly executor?: Executor
  readonly logger?: Logger
  readonly leaseSpool?: LeaseSpool
  /** In the place of the plugin that `host_driver` selects. */
  readonly hostDriver?: HostDriver
}

/** @throws {ConfigInvalid} with every problem @throws {ProgramsMissing} and the plugin errors of `errors/boot.ts` */
export async function boot(input: SettingsInput, surroundings: Surroundings = {}): Promise<Booted> {
  const settings = await readSettings(input)
  const facts = hostFacts(readMachine(), settings)
  const { plugins, selected, known, implied, problems, errors } = await selectPlugins(settings, facts)
  const layers = [implied, ...settings]
  const validated = validate({ registry: gather(selected), known: gather(known), settings: layers, facts })
  const all = [...validated.problems, ...problems]
  const [only] = errors
  if (only && all.filter((problem) => problem.level === 'error').length === 1) throw only
  if (hasErrors(all)) throw new ConfigInvalid({ problems: all.filter((problem) => problem.level === 'error') })

  const asked = validated.values as Values<typeof coreOptions>
  const logger = surroundings.logger ?? (await createLogger({ level: asked.log_level }))
  for (const problem of all)
    logger.warn(problem.message, { flag: problem.flag, file: problem.file, line: problem.line })
  const container = new PluginContainer(logger)
  container.bindValue(clockRef, surroundings.clock ?? systemClock)
  container.bindValue(randomRef, surroundings.random ?? systemRandom)
  container.bindValue(executorRef, surroundings.executor ?? createProcessExecutor())
  container.bindValue(loggerRef, logger)
  const spool = surroundings.leaseSpool ?? createLeaseSpool({ folder: `${asked.networks_path}/spool`, logger })
  container.bindValue(leaseSpoolRef, spool)
  container.bindValue(nodesRef, nodesOf(selectedNames(plugins), asked.host_facts === 'store'))
  container.bindValue(dhcpbridgeRef, fileURLToPath(new URL('./netloom-dhcpbridge', import.meta.url)))
  const ofHost = plugins.find(({ plugin }) => plugin.provides.id === hostDriverSlot.id)
  if (surroundings.hostDriver) container.bindValue(hostDriverSlot, surroundings.hostDriver)
  else if (ofHost) container.bindPlugin(ofHost.plugin, asked)
  const hostDriver = await container.get(hostDriverSlot)
  const flags = asked.use_ipv6 ? withPossibleIpv6(asked, hostDriver, logger) : asked
  for (const { plugin } of plugins) if (plugin !== ofHost?.plugin) container.bindPlugin(plugin, flags)
  checkPrograms(hostDriver, plugins, flags)
  return { container, flags, plugins, logger, isRealTime: surroundings.clock === undefined }
}

function selectedNames(plugins: readonly ResolvedPlugin[]): Readonly<Record<string, string>> {
  return Object.fromEntries(plugins.map(({ plugin }) => [plugin.provides.flag, plugin.name]))
}

/** Where the machine has no IPv6 the rest works all the same (lessons F3). */
function withPossibleIpv6<T extends Values<typeof coreOptions>>(flags: T, hostDriver: HostDriver, logger: Logger): T {
  const reason = hostDriver.whyNoIpv6?.() ?? null
  if (reason === null) return flags
  logger.warn(`IPv6 is off on this host, because ${reason}: networks are served over IPv4 only`, { flag: 'use_ipv6' })
  return { ...flags, use_ipv6: false }
}

function checkPrograms(
  hostDriver: HostDriver,
  plugins: readonly ResolvedPlugin[],
  flags: Readonly<Record<string, unknown>>,
): void {
  const programs: Programs = Object.assign(
    {},
    ...plugins.map(({ plugin }) => (typeof plugin.programs === 'function' ? plugin.programs(flags) : plugin.programs)),
  )
  const missing = hostDriver.missingPrograms(programs)
  if (missing.length === 0) return
  throw new ProgramsMissing({
    programs: missing,
    packages: [...new Set(missing.map((name) => programs[name] ?? name))].sort(),
  })
}
