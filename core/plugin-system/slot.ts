import { type ServiceRef, serviceRef } from './service-ref.ts'

/** `MAJOR.MINOR`: a minor adds optional members only. */
export type ContractVersion = `${number}.${number}`

/** A replaceable part: the flag that selects its plugin, and the version of the contract that this core speaks. */
export interface Slot<T> extends ServiceRef<T> {
  readonly flag: string
  readonly contract: ContractVersion
  /** The built-in that is used when the flag is not set. */
  readonly default: string
  readonly help: string
  /** Methods that an instance must have; checked after `create`. */
  readonly methods: readonly string[]
  /** Old spellings, such as nova's dotted class paths, and the short names they stand for. */
  readonly aliases: Readonly<Record<string, string>>
  /** Another flag that may also select the plugin, and wins where both are set. */
  readonly oldFlag?: string
  /** A flag of the plugins whose value tells which one it is for, where the flag of the slot is not set. */
  readonly impliedBy?: Implication
}

export interface Implication {
  readonly flag: string
  /** How the value begins, in lower case, and the short name that it stands for. */
  readonly prefixes: Readonly<Record<string, string>>
}

export function slot<T>(definition: {
  readonly flag: string
  readonly contract: ContractVersion
  readonly default: string
  readonly help: string
  readonly methods: readonly (keyof T & string)[]
  readonly aliases?: Readonly<Record<string, string>>
  readonly oldFlag?: string
  readonly impliedBy?: Implication
}): Slot<T> {
  return Object.freeze({ aliases: {}, ...definition, ...serviceRef<T>(definition.flag) })
}

/** A slot of whatever contract, where only its name and version matter. */
export type AnySlot = Omit<Slot<unknown>, 'type'>
