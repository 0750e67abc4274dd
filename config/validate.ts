/** Turns settings into values: all flags at once, every problem in one list, nothing thrown. */
import type { ConfigProblem } from '../core/errors/boot.ts'
import { type Assigned, assignSettings, type Origin, placeOf } from './assign-settings.ts'
import { type Declaration, type Declarer, gather, type Registry } from './registry.ts'
import { createResolver } from './resolve.ts'
import type { SettingsLayer } from './sources.ts'

export type { Origin } from './assign-settings.ts'

export interface ValidateInput {
  /** The flags of the core and the selected plugins. */
  readonly registry: Registry
  /** The flags of built-in plugins that are not selected: checked, but not in `values`. */
  readonly known?: Registry
  /** The winning layer last. */
  readonly settings: readonly SettingsLayer[]
  /** See `hostFacts`. */
  readonly facts: Readonly<Record<string, string>>
  /** `ignore` where only some flags are read and the others are another reader's; default `report`. */
  readonly unknown?: 'report' | 'ignore'
}

/** A value as it may be shown: `***` when it is secret, the text as given when it is not valid. */
export interface EffectiveValue {
  readonly value: unknown
  /** `default`, `FILE:LINE`, `environment` or `command line`. */
  readonly origin: string
}

export interface Validated {
  /** Every flag of `registry` that is valid: all of them when no problem is an error. Frozen, lists too. */
  readonly values: Readonly<Record<string, unknown>>
  /** For each flag of `registry` and `known`. */
  readonly origins: Readonly<Record<string, Origin>>
  readonly problems: readonly ConfigProblem[]
  /** For each flag of `registry` and `known`, in the order of the names. */
  readonly effective: Readonly<Record<string, EffectiveValue>>
}

const BY_DEFAULT: Origin = { source: 'default', file: null, line: null }

/** True when a problem forbids the start. */
export function hasErrors(problems: readonly ConfigProblem[]): boolean {
  return problems.some((problem) => problem.level === 'error')
}

/** Checks all settings against all declarations. */
export function validate(input: ValidateInput): Validated {
  const { registry, known = gather([]), settings, facts, unknown = 'report' } = input
  const find = (name: string) => registry.find(name) ?? known.find(name)
  const declarations = new Map([...known.declarations, ...registry.declarations])
  const assignment = assignSettings(settings, find, [...declarations.keys()])
  const originOf = (flag: string) => assignment.assigned.get(flag)?.origin ?? BY_DEFAULT

  const invalid: ConfigProblem[] = []
  const resolve = createResolver(find, assignment.assigned, facts, ({ flag, option }, message, text) => {
    const origin = originOf(flag)
    const value = text !== null && option.secret === true ? '***' : text
    invalid.push({ level: 'error', flag, value, file: placeOf(origin), line: origin.line, message })
  })

  const values: Record<string, unknown> = {}
  const origins: Record<string, Origin> = {}
  const effective: Record<string, EffectiveValue> = {}
  for (const flag of [...declarations.keys()].sort()) {
    const declaration = declarations.get(flag)!
    const resolved = resolve(declaration)
    if (resolved && registry.declarations.has(flag)) values[flag] = resolved.value
    origins[flag] = originOf(flag)
    const secret = resolved?.secret ?? declaration.option.secret === true
    const value = secret ? '***' : resolved ? resolved.value : givenText(assignment.assigned.get(flag), declaration)
    effective[flag] = { value, origin: describeOrigin(originOf(flag)) }
  }
  const problems = [
    ...registry.problems,
    ...settings.flatMap((layer) => layer.problems),
    ...assignment.problems,
    ...(unknown === 'report' ? assignment.unknown : []),
    ...invalid,
    ...checkTogether(registry, values),
  ]
  return { values: Object.freeze(values), origins, problems, effective }
}

function givenText(given: Assigned | undefined, { option }: Declaration): unknown {
  return given ? given.texts.join(',') : option.default
}

function describeOrigin(origin: Origin): string {
  const place = placeOf(origin)
  return place === null ? 'default' : origin.line === null ? place : `${place}:${origin.line}`
}

/** What the declarers say of their flags together. */
function checkTogether(registry: Registry, values: Readonly<Record<string, unknown>>): ConfigProblem[] {
  return registry.declarers.flatMap((declarer) => {
    const flags = Object.keys(declarer.options)
    if (!flags.every((flag) => Object.hasOwn(values, flag))) return []
    const own = Object.fromEntries(flags.map((flag) => [flag, values[flag]]))
    return runCheck(declarer, own).map(
      (message): ConfigProblem => ({
        ...{ level: 'error', flag: declarer.name, value: null, file: null, line: null, message },
      }),
    )
  })
}

function runCheck(declarer: Declarer, flags: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    return declarer.check?.(flags) ?? []
  } catch (error) {
    return [`its check of the flags failed: ${error instanceof Error ? error.message : String(error)}`]
  }
}
