/**
 * How a flag is declared. The plugin that reads a flag declares it; the registry gathers all declarations and checks
 * all values together, before anything is touched. `parse` gets the raw texts of one source (more than one only when
 * the flag was repeated) and throws `TypeError` with what it wants.
 */
import { isAddress, parseAddress, parseCidr } from '../core/model/address.ts'

export interface Describe {
  /** One sentence for the reference. */
  readonly help: string
  /** Never printed: shown as `***`. */
  readonly secret?: boolean
  readonly deprecatedNames?: readonly string[]
}

export interface Option<T> extends Describe {
  /** What kind of value, for the reference: `text`, `integer 1..4094`, `flat|vlan`. */
  readonly kind: string
  /** The value when no source gives one; texts may hold `$other_flag`. */
  readonly default: T
  parse(raw: readonly string[]): T
}

// biome-ignore lint/suspicious/noExplicitAny: a set holds options of any type, as a record of functions would
export type OptionSet = Readonly<Record<string, Option<any>>>
export type Values<O extends OptionSet> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never }

const TRUE = ['1', 't', 'true', 'on', 'y', 'yes']
const FALSE = ['0', 'f', 'false', 'off', 'n', 'no']

function scalar<T>(kind: string, describe: Describe & { default: T }, read: (text: string) => T): Option<T> {
  return { ...describe, kind, parse: (raw) => read(raw.at(-1) ?? '') }
}

function wholeNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text.trim())) throw new TypeError('must be a whole number')
  return Number(text)
}

function address(text: string): string {
  if (text === '') return text
  if (!isAddress(text)) throw new TypeError('must be an IP address')
  return parseAddress(text)
}

/** The kinds of flags. An empty text means "no value" where the kind is optional. */
export const option = {
  text: (d: Describe & { default: string }): Option<string> => scalar('text', d, (text) => text),

  optionalText: (d: Describe): Option<string | null> =>
    scalar<string | null>('text, may be empty', { ...d, default: null }, (text) => (text === '' ? null : text)),

  integer(d: Describe & { default: number; min?: number; max?: number }): Option<number> {
    const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = d
    const range = d.min === undefined && d.max === undefined ? '' : ` ${d.min ?? ''}..${d.max ?? ''}`
    return scalar(`integer${range}`, d, (text) => {
      const value = wholeNumber(text)
      if (value < min || value > max) throw new TypeError(`must be a whole number in ${min}..${max}`)
      return value
    })
  },

  /** A span of time in seconds. */
  seconds: (d: Describe & { default: number; min?: number }): Option<number> => ({
    ...option.integer({ ...d, min: d.min ?? 0 }),
    kind: 'seconds',
  }),

  port: (d: Describe & { default: number }): Option<number> => ({
    ...option.integer({ ...d, min: 1, max: 65535 }),
    kind: 'port',
  }),

  boolean: (d: Describe & { default: boolean }): Option<boolean> =>
    scalar('boolean', d, (text) => {
      const word = text.trim().toLowerCase()
      if (TRUE.includes(word)) return true
      if (FALSE.includes(word)) return false
      throw new TypeError('must be true or false')
    }),

  oneOf: <const C extends readonly string[]>(choices: C, d: Describe & { default: C[number] }): Option<C[number]> =>
    scalar<C[number]>(choices.join('|'), d, (text) => {
      if (!choices.includes(text)) throw new TypeError(`must be one of ${choices.join(', ')}`)
      return text
    }),

  /** Words separated by commas, or the flag repeated. */
  list: (d: Describe & { default: readonly string[] }): Option<readonly string[]> => ({
    ...d,
    kind: 'list',
    parse: (raw) =>
      raw
        .flatMap((text) => text.split(','))
        .map((word) => word.trim())
        .filter(Boolean),
  }),

  address: (d: Describe & { default: string }): Option<string> => scalar('address', d, address),

  optionalAddress: (d: Describe): Option<string | null> =>
    scalar<string | null>('address, may be empty', { ...d, default: null }, (text) => address(text) || null),

  /** A block in CIDR form; empty text is no value. */
  optionalCidr: (d: Describe): Option<string | null> =>
    scalar<string | null>('CIDR, may be empty', { ...d, default: null }, (text) => {
      if (text === '') return null
      try {
        return parseCidr(text).text
      } catch {
        throw new TypeError('must be a network in CIDR form, like 10.0.0.0/24')
      }
    }),

  /** A network device of at most 15 characters; empty text is no value. */
  optionalDevice: (d: Describe): Option<string | null> =>
    scalar<string | null>('device, may be empty', { ...d, default: null }, (text) => {
      if (text !== '' && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(text)) {
        throw new TypeError('must be a device name of 1 to 15 letters, digits, ".", "_" or "-"')
      }
      return text === '' ? null : text
    }),
}
