/** The service entrypoint: network host and controller in one process, in the foreground. */
import type { SettingsInput } from '../../config/read-settings.ts'
import { NETWORK_TOPIC } from '../api/network-api.ts'
import type { HostDriver } from '../contracts/host.ts'
import { dispatcher } from '../network/rpc-methods.ts'
import { clockRef, dbBackendSlot, hostDriverSlot, networkManagerSlot, rpcBackendSlot } from '../plugin-system/slots.ts'
import { type Booted, boot } from './boot.ts'
import { netloomVersion } from './version.ts'

/** A running service. */
export interface Service {
  readonly host: string
  /** What performs its plans; the simulated one tells what it would have run. */
  readonly hostDriver: HostDriver
  /** Stops answering and working; what it made on the host stays, so guests keep their network. */
  stop(): Promise<void>
}

/** Runs until SIGTERM or SIGINT; a second signal ends it at once. @returns the exit status */
export async function runService(settings: SettingsInput): Promise<number> {
  const service = await startService(settings)
  process.stdout.write(`netloom ready host=${service.host}\n`)
  await new Promise<void>((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      process.once(signal, () => process.exit(128))
      resolve()
    }
    process.once('SIGTERM', stop)
    process.once('SIGINT', stop)
  })
  await service.stop()
  return 0
}

/** @throws what `boot` does, and {ServiceAlreadyRunning} */
export async function startService(settings: SettingsInput): Promise<Service> {
  const booted = await boot(settings)
  try {
    return await start(booted)
  } catch (error) {
    await booted.container.dispose()
    throw error
  }
}

async function start({ container, flags, logger, plugins }: Booted): Promise<Service> {
  const database = await container.get(dbBackendSlot)
  await database.open()
  await database.claimHost(flags.host, (error) => logger.error('the claim of this host was lost', { error }))
  const manager = await container.get(networkManagerSlot)
  const rpc = await container.get(rpcBackendSlot)
  const clock = await container.get(clockRef)
  const now = () => new Date(clock.nowMs()).toISOString()
  const row = { host: flags.host, version: netloomVersion(), started_at: now() }
  const report = () => database.transaction((store) => store.services.report({ ...row, reported_at: now() }))

  await manager.initHost()
  const server = await rpc.serve(NETWORK_TOPIC, flags.host, dispatcher(manager))
  await report()
  logger.info('boot', {
    host: flags.host,
    version: netloomVersion(),
    plugins: plugins.map(({ plugin, source }) => ({
      slot: plugin.provides.flag,
      plugin: plugin.name,
      source,
      contract: plugin.contract,
    })),
    created: container.created.map(({ plugin, milliseconds }) => `${plugin.name} ${Math.round(milliseconds)} ms`),
  })
  const logged = (what: string, work: () => Promise<unknown>) => () =>
    void work().catch((error: unknown) => logger.error(`${what} failed`, { error }))
  const timers = [
    setInterval(logged('heartbeat', report), flags.report_interval * 1000),
    setInterval(
      logged('periodic task', () => manager.periodicTasks()),
      flags.periodic_interval * 1000,
    ),
    setInterval(
      logged('look at the host', () => manager.reconcileHost(hostContext)),
      flags.reconcile_interval * 1000,
    ),
  ]
  return {
    host: flags.host,
    hostDriver: await container.get(hostDriverSlot),
    async stop() {
      for (const timer of timers) clearInterval(timer)
      await server.close()
      await manager.close()
      await rpc.close()
      await database.close()
      await container.dispose()
    },
  }
}

const hostContext = { user_id: null, project_id: null, is_admin: true, request_id: 'periodic' }
