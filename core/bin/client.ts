/** Reaches the services over the bus that the flags select: flags and that one plugin, without the container. */
import { randomUUID } from 'node:crypto'
import { readClientConfig } from '../../config/client-config.ts'
import { option } from '../../config/option.ts'
import type { SettingsInput } from '../../config/read-settings.ts'
import { builtinDrivers } from '../../drivers/index.ts'
import { NetworkApi } from '../api/network-api.ts'
import type { Logger } from '../contracts/ports.ts'
import type { RpcDriver } from '../contracts/rpc.ts'
import { PluginInvalid } from '../errors/boot.ts'
import { adminContext, projectContext } from '../model/request-context.ts'
import { coreOptions } from '../plugin-system/core-options.ts'
import type { Plugin } from '../plugin-system/define-plugin.ts'
import { resolvePlugin } from '../plugin-system/resolve-plugin.ts'
import type { Slot } from '../plugin-system/slot.ts'
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
  /** Of the tenant, for rules of a policy that ask for them. */
  readonly roles?: readonly string[]
  readonly timeoutMs?: number | undefined
}

// A client has nothing to log: what fails ends the command with its error.
const silent = () => {}
const logger: Logger = { debug: silent, info: silent, warn: silent, error: silent }

/** @throws {ConfigInvalid} and what `resolvePlugin` throws */
export async function openClient({ settings, asProject, roles, timeoutMs }: ClientOptions): Promise<Client> {
  const { rpc_backend, host } = await readClientConfig(
    { host: coreOptions.host, rpc_backend: option.text(rpcBackendSlot) },
    settings,
    { references: coreOptions },
  )
  const plugin = await loadBackend(rpc_backend)
  const flags = await readClientConfig(plugin.options, settings, { references: coreOptions })
  const rpc = (await plugin.create({ flags, services: {}, logger })) as RpcDriver
  const context = asProject === undefined ? adminContext(randomUUID()) : projectContext(asProject, randomUUID(), roles)
  const api = new NetworkApi({ rpc, context, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  return { api, host, close: () => rpc.close() }
}

async function loadBackend(value: string): Promise<Plugin> {
  const slot = rpcBackendSlot as unknown as Slot<unknown>
  const { plugin, source } = await resolvePlugin({ slot, value, namedIn: null }, builtinDrivers.rpc_backend)
  const required = Object.keys(plugin.requires)
  if (required.length === 0) return plugin
  const reason = `it requires ${required.join(', ')}, and a client has no services to give`
  throw new PluginInvalid({ plugin: plugin.name, place: source, reason })
}
