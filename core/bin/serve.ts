/** The service entrypoint: network host and controller in one process, in the foreground. */
import type { SettingsInput } from '../../config/read-settings.ts'
import { NETWORK_TOPIC } from '../api/network-api.ts'
import type { HostDriver } from '../contracts/host.ts'
import type { Logger } from '../contracts/ports.ts'
import type { NetloomError } from '../errors/base.ts'
import { clockRef, hostDriverSlot, nodesRef, rpcBackendSlot } from '../plugin-system/slots.ts'
import { type Booted, boot, type Surroundings } from './boot.ts'
import { startHeartbeat } from './heartbeat.ts'
import { openPart, type ServicePart } from './service-parts.ts'
import { netloomVersion } from './version.ts'

/** A running service. */
export interface Service {
  readonly host: string
  /** What performs its plans; the simulated one tells what it would have run. */
  readonly hostDriver: HostDriver
  readonly part: ServicePart
  /** Settles when another service took this host while the store was away: this one must stop. */
  readonly lost: Promise<NetloomError>
  /** Sends a heartbeat now. */
  beat(): Promise<void>
  /** Stops answering and working; what it made on the host stays, so guests keep their network. */
  stop(): Promise<void>
}

/**
 * Runs until SIGTERM or SIGINT; a second signal ends it at once. @returns the exit status
 * @throws what `startService` does, and {ServiceAlreadyRunning} another took this host meanwhile
 */
export async function runService(settings: SettingsInput): Promise<number> {
  const service = await startService(settings, {}, true)
  process.stdout.write(`netloom ready host=${service.host}\n`)
  const signalled = new Promise<null>((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      process.once(signal, () => process.exit(128))
      resolve(null)
    }
    process.once('SIGTERM', stop)
    process.once('SIGINT', stop)
  })
  const lost = await Promise.race([signalled, service.lost])
  await service.stop()
  if (lost !== null) throw lost
  return 0
}

/**
 * @param ownThread heartbeats come from a thread of their own, which reads the same settings; else from this loop
 * @throws what `boot` does, and {ServiceAlreadyRunning}
 */
export async function startService(
  settings: SettingsInput,
  surroundings: Surroundings = {},
  ownThread = false,
): Promise<Service> {
  const booted = await boot(settings, surroundings)
  try {
    return await start(booted, ownThread ? settings : null)
  } catch (error) {
    await booted.container.dispose()
    throw error
  }
}

async function start(booted: Booted, threadSettings: SettingsInput | null): Promise<Service> {
  const { container, flags, logger, plugins } = booted
  let onLost: (error: NetloomError) => void = () => {}
  const lost = new Promise<NetloomError>((resolve) => {
    onLost = resolve
  })
  const part = await openPart(booted, onLost)
  const rpc = await container.get(rpcBackendSlot)
  const clock = await container.get(clockRef)
  const nodes = (await container.get(nodesRef)).join(',')
  const started_at = new Date(clock.nowMs()).toISOString()
  const facts = { host: flags.host, version: netloomVersion(), nodes, started_at }
  const report = () => part.report({ ...facts, busy_since: null })

  await part.initHost()
  const server = await rpc.serve(NETWORK_TOPIC, flags.host, part.dispatch, { direct: part.direct })
  await report()
  logger.info('boot', {
    host: flags.host,
    version: netloomVersion(),
    nodes,
    plugins: plugins.map(({ plugin, source }) => ({
      slot: plugin.provides.flag,
      plugin: plugin.name,
      source,
      contract: plugin.contract,
    })),
    created: container.created.map(({ plugin, milliseconds }) => `${plugin.name} ${Math.round(milliseconds)} ms`),
  })
  const timers = [
    every(flags.report_interval, 'catching up', () => part.catchUp(), logger),
    every(flags.periodic_interval, 'periodic task', () => part.periodicTasks(), logger),
    every(flags.reconcile_interval, 'look at the host', () => part.mendHost(), logger),
  ]
  const heartbeat = threadSettings && startHeartbeat(threadSettings, facts, flags.report_interval * 1000, logger)
  if (heartbeat === null) timers.push(every(flags.report_interval, 'heartbeat', report, logger))
  return {
    host: flags.host,
    hostDriver: await container.get(hostDriverSlot),
    part,
    lost,
    beat: report,
    async stop() {
      for (const timer of timers) clearInterval(timer)
      await heartbeat?.stop()
      await server.close()
      await part.close()
      await rpc.close()
      await container.dispose()
    },
  }
}

/** Does not begin again before it has ended: a store or bus that is away must not pile up work. */
function every(seconds: number, what: string, work: () => Promise<unknown>, logger: Logger): NodeJS.Timeout {
  let running = false
  return setInterval(() => {
    if (running) return
    running = true
    work()
      .catch((error: unknown) => logger.error(`${what} failed`, { error }))
      .finally(() => {
        running = false
      })
  }, seconds * 1000)
}
