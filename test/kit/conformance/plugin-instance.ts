/** A plugin as boot makes it, with fakes for what it requires of the world. */
import {
  clockRef,
  dhcpbridgeRef,
  executorRef,
  leaseSpoolRef,
  loggerRef,
  type Plugin,
  randomRef,
  type ServiceRef,
} from 'netloom/contracts'
import { gather } from '../../../config/registry.ts'
import { parseCommandLine } from '../../../config/sources.ts'
import { hasErrors, validate } from '../../../config/validate.ts'
import { PluginContainer } from '../../../core/plugin-system/container.ts'
import { coreOptions } from '../../../core/plugin-system/core-options.ts'
import { FakeClock } from '../fakes/clock.ts'
import { RecordingExecutor } from '../fakes/executor.ts'
import { MemoryLeaseSpool } from '../fakes/lease-spool.ts'
import { silentLogger } from '../fakes/logger.ts'
import { SeededRandom } from '../fakes/random.ts'

/** A machine that is nobody's. */
const FACTS = {
  hostname: 'host1',
  primary_address: '192.0.2.1',
  default_state_path: '/var/lib/netloom',
  default_run_path: '/run/netloom',
}

/**
 * @param flags `--flag=value` texts; the others have their defaults, on a host `host1` of the address 192.0.2.1
 * @throws {TypeError} for flags that are not valid @throws {PluginStartFailed} @throws {PluginInvalid}
 */
export async function makeInstance<T>(plugin: Plugin, flags: readonly string[] = []): Promise<T> {
  const declarers = [{ name: 'core', options: coreOptions }, plugin]
  const { values, problems } = validate({
    registry: gather(declarers),
    settings: [parseCommandLine(flags)],
    facts: FACTS,
  })
  if (hasErrors(problems)) throw new TypeError(problems.map(({ flag, message }) => `${flag}: ${message}`).join('; '))
  const container = new PluginContainer(silentLogger)
  container.bindValue(clockRef, new FakeClock())
  container.bindValue(randomRef, new SeededRandom())
  container.bindValue(executorRef, new RecordingExecutor())
  container.bindValue(leaseSpoolRef, new MemoryLeaseSpool())
  container.bindValue(loggerRef, silentLogger)
  container.bindValue(dhcpbridgeRef, '/usr/lib/netloom/netloom-dhcpbridge')
  container.bindPlugin(plugin, values)
  return container.get(plugin.provides as ServiceRef<T>)
}
