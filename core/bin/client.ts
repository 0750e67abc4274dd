/** Reaches the services over the bus that the flags select: flags and that one plugin, without the container. */
import { randomUUID } from 'node:crypto'
import { readClientConfig } from '../../config/client-config.ts'
import { option } from '../../config/option.ts'
import type { SettingsInput } from '../../config/read-settings.ts'
import { NetworkApi } from '../api/network-api.ts'
import type { Logger } from '../contracts/ports.ts'
import type { RpcDriver } from '../contracts/rpc.ts'
import { PluginNotFound } from '../errors/boot.ts'
import { adminContext, projectContext } from '../model/request-context.ts'
import { coreOptions } from '../plugin-system/core-options.ts'
import type { Plugin } from '../plugin-system/define-plugin.ts'
import { rpcBackendSlot } from '../plugin-system/slots.ts'

export interface Client {
  readonly api: NetworkApi
  /** The flag `host`: this machine, for what must happen here. */
  readonly host: string
  close(): Promise<void>
}

export interface ClientOptions {
  readonly settings: SettingsInput
  readonly asProject?: string | undefined
  readonly timeoutMs?: number | undefined
}

const backends: Readonly<Record<string, () => Promise<{ readonly default: Plugin }>>> = {
  local: () => import('../../drivers/rpc/local/index.ts'),
}

// A client has nothing to log: what fails ends the command with its error.
const silent = () => {}
const logger: Logger = { debug: silent, info: silent, warn: silent, error: silent }

/** @throws {ConfigInvalid} @throws {PluginNotFound} */
export async function openClient({ settings, asProject, timeoutMs }: ClientOptions): Promise<Client> {
  const { rpc_backend, host } = await readClientConfig(
    { host: coreOptions.host, rpc_backend: option.text(rpcBackendSlot) },
    settings,
  )
  const plugin = await loadBackend(rpc_backend)
  const flags = await readClientConfig(plugin.options, settings)
  const rpc = (await plugin.create({ flags, services: {}, logger })) as RpcDriver
  const context = asProject === undefined ? adminContext(randomUUID()) : projectContext(asProject, randomUUID())
  const api = new NetworkApi({ rpc, context, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  return { api, host, close: () => rpc.close() }
}

async function loadBackend(value: string): Promise<Plugin> {
  const load = backends[rpcBackendSlot.aliases[value] ?? value]
  const known = Object.keys(backends)
  if (load === undefined) throw new PluginNotFound({ flag: rpcBackendSlot.flag, value, tried: [value], known })
  return (await load()).default
}
