/** Refs over Inversify: one module for each plugin, one instance of each in the process, made when first asked for. */
import 'reflect-metadata'
import { Container, ContainerModule } from 'inversify'
import type { Logger } from '../contracts/ports.ts'
import { NetloomError } from '../errors/base.ts'
import { PluginInvalid, PluginStartFailed } from '../errors/boot.ts'
import type { Plugin } from './define-plugin.ts'
import type { ServiceRef } from './service-ref.ts'

/** A plugin's `create` that hangs must not hang the boot. */
const CREATE_TIMEOUT_MS = 30_000

export interface Created {
  readonly plugin: Plugin
  readonly milliseconds: number
}

export class PluginContainer {
  readonly #container = new Container()
  readonly #created: (Created & { readonly instance: unknown })[] = []
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** In order of creation. */
  get created(): readonly Created[] {
    return this.#created
  }

  bindValue<T>(ref: ServiceRef<T>, value: T): void {
    this.#container.bind(ref.symbol).toConstantValue(value)
  }

  /** @param flags all validated values; the plugin sees those that it declared */
  bindPlugin(plugin: Plugin, flags: Readonly<Record<string, unknown>>): void {
    const refs = Object.entries(plugin.requires)
    const own = Object.freeze(Object.fromEntries(Object.keys(plugin.options).map((flag) => [flag, flags[flag]])))
    const make = async (...services: unknown[]) => {
      const given = Object.fromEntries(refs.map(([name], index) => [name, services[index]]))
      return this.#create(plugin, () => plugin.create({ flags: own, services: given, logger: this.#logger }))
    }
    const module = new ContainerModule(({ bind }) => {
      bind(plugin.provides.symbol)
        .toResolvedValue(
          make,
          refs.map(([, ref]) => ref.symbol),
        )
        .inSingletonScope()
    })
    this.#container.load(module)
  }

  /** @throws {PluginStartFailed} naming the chain to what failed */
  async get<T>(ref: ServiceRef<T>): Promise<T> {
    try {
      return await this.#container.getAsync<T>(ref.symbol)
    } catch (error) {
      if (error instanceof NetloomError) throw error
      throw new PluginStartFailed(
        { chain: [ref.id], reason: error instanceof Error ? error.message : String(error) },
        { cause: error },
      )
    }
  }

  /** Disposes of all that was made, the last one first; one that fails does not keep the others. */
  async dispose(): Promise<void> {
    for (const { plugin, instance } of this.#created.splice(0).reverse()) {
      try {
        await plugin.dispose?.(instance)
      } catch (error) {
        this.#logger.error('a plugin did not stop', { plugin: plugin.name, error })
      }
    }
  }

  async #create(plugin: Plugin, create: () => unknown): Promise<unknown> {
    const chain = [plugin.provides.flag, plugin.name]
    const began = performance.now()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`it did not start in ${CREATE_TIMEOUT_MS / 1000} s`)),
        CREATE_TIMEOUT_MS,
      )
    })
    try {
      const instance = await Promise.race([Promise.resolve(create()), late])
      const missing = plugin.provides.methods.find(
        (name) => typeof (instance as Record<string, unknown> | null)?.[name] !== 'function',
      )
      if (missing)
        throw new PluginInvalid({
          plugin: plugin.name,
          place: plugin.provides.flag,
          reason: `it has no method ${missing}`,
        })
      this.#created.push({ plugin, instance, milliseconds: performance.now() - began })
      return instance
    } catch (error) {
      if (error instanceof NetloomError) throw error
      throw new PluginStartFailed(
        { chain, reason: error instanceof Error ? error.message : String(error) },
        { cause: error },
      )
    } finally {
      clearTimeout(timer)
    }
  }
}
