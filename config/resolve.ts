import type { Assigned } from './assign-settings.ts'
import { interpolate } from './interpolate.ts'
import type { Option } from './option.ts'
import type { Declaration } from './registry.ts'

/** A flag's valid value. */
export interface Resolved {
  readonly value: unknown
  /** Not to be shown: the flag is secret, or its text was made from one that is. */
  readonly secret: boolean
}

/** Thrown where a value refers to one that is not valid: that one has its own report. */
const REPORTED = new Error('a value that this one refers to is not valid')

/** Longer chains of references have no use, and the stack has an end. */
const DEEPEST = 100

/** A default that refers to other flags, as texts to be read like any value; null for every other default. */
function referringDefault(value: unknown): readonly string[] | null {
  const texts = Array.isArray(value) ? value : [value]
  return texts.some((text) => typeof text === 'string' && text.includes('$')) ? texts : null
}

function asText(value: unknown): string {
  return value === null || value === undefined ? '' : Array.isArray(value) ? value.join(',') : String(value)
}

/**
 * Gives each flag its value, following `$name` through other flags, facts and settings that nobody declares.
 * @param report called once for each flag whose value is not valid, with what is wrong and the text it is wrong of
 */
export function createResolver(
  find: (name: string) => Declaration | null,
  assigned: ReadonlyMap<string, Assigned>,
  facts: Readonly<Record<string, string>>,
  report: (declaration: Declaration, message: string, text: string | null) => void,
): (declaration: Declaration) => Resolved | null {
  const values = new Map<string, Resolved | null>()
  const undeclared = new Map<string, Resolved>()
  const path: string[] = []

  function enter(name: string): void {
    if (path.includes(name)) {
      const cycle = [...path.slice(path.indexOf(name)), name].map((part) => `$${part}`)
      throw new TypeError(`must not refer to itself: ${cycle.join(' -> ')}`)
    }
    if (path.length >= DEEPEST) throw new TypeError(`must not refer through more than ${DEEPEST} others`)
    path.push(name)
  }

  /** The text of a name, noting in `taint` whether it is secret. */
  function textOf(name: string, taint: { secret: boolean }): string | null {
    const declaration = find(name)
    const found = declaration ? resolve(declaration) : (undeclared.get(name) ?? resolveUndeclared(name))
    if (declaration && found === null) throw REPORTED
    taint.secret ||= found?.secret === true
    return found && asText(found.value)
  }

  function resolveUndeclared(name: string): Resolved | null {
    const text = Object.hasOwn(facts, name) ? facts[name]! : assigned.get(name)?.texts.at(-1)
    if (text === undefined) return null
    enter(name)
    const taint = { secret: false }
    try {
      const resolved = { value: interpolate(text, (other) => textOf(other, taint)), secret: taint.secret }
      undeclared.set(name, resolved)
      return resolved
    } finally {
      path.pop()
    }
  }

  function read(flag: string, option: Option<unknown>): Resolved {
    const given = assigned.get(flag)
    const texts = given?.texts ?? referringDefault(option.default)
    if (texts === null) return { value: option.default, secret: option.secret === true }
    const taint = { secret: option.secret === true }
    const keepUnknown = option.secret === true && given !== undefined
    const plain = texts.map((text) => interpolate(text, (name) => textOf(name, taint), keepUnknown))
    try {
      return { value: option.parse(plain), secret: taint.secret }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      const shown = taint.secret ? null : plain.join(', ')
      throw new TypeError(shown === null ? plain.reduce(mask, message) : `${message}, not ${JSON.stringify(shown)}`)
    }
  }

  function resolve(declaration: Declaration): Resolved | null {
    const { flag, option } = declaration
    const known = values.get(flag)
    if (known !== undefined) return known
    enter(flag)
    let resolved: Resolved | null = null
    try {
      resolved = read(flag, option)
    } catch (error) {
      if (error !== REPORTED) report(declaration, (error as Error).message, assigned.get(flag)?.texts.at(-1) ?? null)
    } finally {
      path.pop()
    }
    if (Array.isArray(resolved?.value)) Object.freeze(resolved.value)
    values.set(flag, resolved)
    return resolved
  }

  return resolve
}

function mask(message: string, secret: string): string {
  return secret === '' ? message : message.replaceAll(secret, '***')
}
