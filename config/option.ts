/**
 * How a flag is declared. The plugin that reads a flag declares it; the registry gathers all declarations and checks
 * all values together, before anything is touched. `parse` gets the raw texts of one source (more than one only when
 * the flag was repeated) and throws `TypeError` with what it wants.
 */
import { isAbsolute, normalize } from 'node:path/posix'
import { InvalidInput } from '../core/errors/input.ts'
import { isAddress, parseAddress, parseCidr } from '../core/model/address.ts'
import { isDomain, parseDevice } from '../core/model/names.ts'

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

/** Where only one family will do. */
interface OfFamily {
  readonly family?: 4 | 6
}

/** A kind for the reference. */
function ofFamily({ family }: OfFamily, kind: string): string {
  return family === undefined ? kind : `IPv${family} ${kind}`
}

function readAddress(text: string, d: OfFamily): string {
  const is = isAddress(text) && (d.family === undefined || (d.family === 6) === text.includes(':'))
  if (!is) throw new TypeError(`must be an IP${d.family === undefined ? '' : `v${d.family}`} address`)
  return parseAddress(text)
}

function readCidr(text: string, d: OfFamily): string {
  try {
    const cidr = parseCidr(text)
    if (d.family === undefined || d.family === cidr.version) return cidr.text
  } catch {
    // Said below, as for the other family.
  }
  const what = d.family === undefined ? 'a network' : `an IPv${d.family} network`
  throw new TypeError(`must be ${what} in CIDR form, like ${d.family === 6 ? 'fd00::/64' : '10.0.0.0/24'}`)
}

/** @throws {TypeError} for what could add a line, or means another file in another folder */
function readPath(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  if (!isAbsolute(text) || /[\u0000-\u001f\u007f]/.test(text)) {
    throw new TypeError('must be an absolute path without control characters')
  }
  return normalize(text).replace(/(.)\/$/, '$1')
}

function readDomain(text: string): string {
  if (text !== '' && !isDomain(text)) {
    throw new TypeError('must be a domain of letters, digits and "-" between dots, or empty')
  }
  return text
}

/** Reads by a function of the model; what it wants becomes the flag's wish. */
function readName(text: string, parse: (text: string) => string): string {
  try {
    return parse(text)
  } catch (error) {
    throw error instanceof InvalidInput ? new TypeError(`must be ${error.details.want}`) : error
  }
}

function words(raw: readonly string[]): readonly string[] {
  return raw
    .flatMap((text) => text.split(','))
    .map((word) => word.trim())
    .filter(Boolean)
}

/** The kinds of flags. An empty text means "no value" where the kind is optional. */
export const option = {
  text: (d: Describe & { default: string }): Option<string> => scalar('text', d, (text) => text),

  optionalText: (d: Describe): Option<string | null> =>
    scalar<string | null>('text, may be empty', { ...d, default: null }, (text) => (text === '' ? null : text)),

  /** Checked, and kept as text; empty text is no value. */
  optionalPattern: (d: Describe): Option<string | null> =>
    scalar<string | null>('regular expression, may be empty', { ...d, default: null }, (text) => {
      if (text === '') return null
      try {
        return new RegExp(text).source
      } catch (error) {
        throw new TypeError(`must be a regular expression (${(error as Error).message})`)
      }
    }),

  integer(d: Describe & { default: number; min?: number; max?: number }): Option<number> {
    const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = d
    const range = d.min === undefined && d.max === undefined ? '' : ` ${d.min ?? ''}..${d.max ?? ''}`
    return scalar(`integer${range}`, d, (text) => {
      const value = wholeNumber(text)
      if (value < min || value > max) throw new TypeError(`must be a whole number in ${min}..${max}`)
      return value
    })
  },

  /** Empty text is no value. */
  optionalInteger({ min, max, ...d }: Describe & { min: number; max: number }): Option<number | null> {
    const { parse, kind } = option.integer({ ...d, default: min, min, max })
    return {
      ...d,
      kind: `${kind}, may be empty`,
      default: null,
      parse: (raw) => (raw.at(-1) === '' ? null : parse(raw)),
    }
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
    parse: words,
  }),

  address: (d: Describe & OfFamily & { default: string }): Option<string> =>
    scalar(ofFamily(d, 'address'), d, (text) => readAddress(text, d)),

  /** The default may be text that refers to another flag; empty text is no value, there too. */
  optionalAddress: (d: Describe & OfFamily & { default?: string }): Option<string | null> =>
    scalar<string | null>(ofFamily(d, 'address, may be empty'), { ...d, default: d.default || null }, (text) =>
      text === '' ? null : readAddress(text, d),
    ),

  addresses: (d: Describe & OfFamily & { default: readonly string[] }): Option<readonly string[]> => ({
    ...d,
    kind: `list of ${ofFamily(d, 'addresses')}`,
    parse: (raw) => words(raw).map((word) => readAddress(word, d)),
  }),

  /** A block in CIDR form; empty text is no value. */
  optionalCidr: (d: Describe & OfFamily): Option<string | null> =>
    scalar<string | null>(ofFamily(d, 'CIDR, may be empty'), { ...d, default: null }, (text) =>
      text === '' ? null : readCidr(text, d),
    ),

  cidrs: (d: Describe & OfFamily & { default: readonly string[] }): Option<readonly string[]> => ({
    ...d,
    kind: `list of ${ofFamily(d, 'CIDRs')}`,
    parse: (raw) => words(raw).map((word) => readCidr(word, d)),
  }),

  /** A network device of at most 15 characters; empty text is no value. */
  optionalDevice: (d: Describe): Option<string | null> =>
    scalar<string | null>('device, may be empty', { ...d, default: null }, (text) =>
      text === '' ? null : readName(text, (name) => parseDevice('device', name)),
    ),

  /** Names of network devices. */
  devices: (d: Describe & { default: readonly string[] }): Option<readonly string[]> => ({
    ...d,
    kind: 'list of devices',
    parse: (raw) => words(raw).map((word) => readName(word, (name) => parseDevice('device', name))),
  }),

  /** An absolute path without control characters, in its shortest form. */
  path: (d: Describe & { default: string }): Option<string> => scalar('path', d, readPath),

  optionalPath: (d: Describe): Option<string | null> =>
    scalar<string | null>('path, may be empty', { ...d, default: null }, (text) =>
      text === '' ? null : readPath(text),
    ),

  /** A DNS domain without a dot at its end; empty text is no domain. */
  domain: (d: Describe & { default: string }): Option<string> => scalar('domain, may be empty', d, readDomain),

  /**
   * A name of a kind that the model knows.
   * @param kind for the reference, such as `host`
   * @param parse returns the name, or throws `InvalidInput` with what is wanted
   */
  name: (kind: string, parse: (text: string) => string, d: Describe & { default: string }): Option<string> =>
    scalar(kind, d, (text) => readName(text, parse)),
}
