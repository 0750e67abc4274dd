import type { OptionSet, Values } from '../../config/option.ts'
import type { Logger } from '../contracts/ports.ts'
import type { Refs, Services } from './service-ref.ts'
import type { ContractVersion, Slot } from './slot.ts'

/** Names of programs and the Debian packages that have them. */
export type Programs = Readonly<Record<string, string>>

/** What `create` is given: only the flags and services that the plugin declared. */
export interface PluginEnvironment<O extends OptionSet, R extends Refs> {
  readonly flags: Values<O>
  readonly services: Services<R>
  readonly logger: Logger
}

export interface PluginDefinition<T, O extends OptionSet, R extends Refs> {
  readonly name: string
  /** One sentence, for `netloom plugins`. */
  readonly summary: string
  readonly provides: Slot<T>
  /** The contract version that it was written against, never "latest". */
  readonly contract: ContractVersion
  readonly options?: O
  readonly requires?: R
  /** Programs that its plans start on a host: checked at boot. A function where flags decide; pure. */
  readonly programs?: Programs | ((flags: Values<O>) => Programs)
  /** Problems that only several flags show, a sentence each. Pure. */
  check?(flags: Values<O>): readonly string[]
  create(environment: PluginEnvironment<O, R>): T | Promise<T>
  dispose?(instance: T): Promise<void>
}

/** A plugin of any kind, as the loader sees it. */
export interface Plugin {
  readonly brand: 'netloom.plugin/1'
  readonly name: string
  readonly summary: string
  readonly provides: Slot<unknown>
  readonly contract: ContractVersion
  readonly options: OptionSet
  readonly requires: Refs
  readonly programs: Programs | ((flags: Readonly<Record<string, unknown>>) => Programs)
  check(flags: Readonly<Record<string, unknown>>): readonly string[]
  create(environment: { flags: unknown; services: unknown; logger: Logger }): unknown
  dispose?(instance: unknown): Promise<void>
}

/**
 * Declares a plugin: a frozen value of plain data that can be listed, documented and rejected before any of its code
 * runs.
 * @example
 * export default definePlugin({
 *   name: 'quiet', summary: 'Serves no DHCP', provides: dhcpDriverSlot, contract: '1.0',
 *   create: () => ({ serve: () => [], host: () => [], leaseFile: () => [], release: () => [] }),
 * })
 */
export function definePlugin<
  T,
  const O extends OptionSet = Record<never, never>,
  const R extends Refs = Record<never, never>,
>(definition: PluginDefinition<T, O, R>): Plugin {
  const plugin = { brand: 'netloom.plugin/1', options: {}, requires: {}, programs: {}, check: () => [], ...definition }
  return Object.freeze(plugin) as unknown as Plugin
}
