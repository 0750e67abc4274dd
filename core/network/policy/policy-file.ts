/** A policy file: names of rules and their text, as JSON. Pure: text in, rules and problems out. */
import type { ConfigProblem } from '../../errors/boot.ts'
import { actionOf, NAMED_RULES, Policy } from './policy.ts'
import { namesIn, parseRule, type Rule, RuleProblem } from './rule.ts'

export interface PolicyRead {
  readonly policy: Policy
  /** With an error among them the policy is not to be used. */
  readonly problems: readonly ConfigProblem[]
}

/** What is known of an operation: whether it is for operators, and whether policy is not asked. */
export type KnownMethods = Readonly<Record<string, { readonly admin: boolean; readonly internal?: boolean }>>

/**
 * Rules of other services in the same file are read, and not judged unless one of ours refers to them.
 * @param file its name, for problems
 */
export function readPolicy(text: string, file: string, methods: KnownMethods): PolicyRead {
  const problems: ConfigProblem[] = []
  const report = (level: ConfigProblem['level'], name: string | null, message: string) => {
    const line = name === null ? null : lineOf(text, name)
    const what = name === null ? message : `rule ${name}: ${message}`
    problems.push({ level, flag: 'policy_file', value: null, file, line, message: what })
  }
  const texts = parseFile(text, (message) => report('error', null, message))
  const failed = new Map<string, string>()
  const rules = new Map<string, Rule>()
  for (const [name, value] of Object.entries(texts)) {
    try {
      rules.set(name, parseRule(value))
    } catch (error) {
      if (!(error instanceof RuleProblem)) throw error
      const place = error.position === null ? '' : `at character ${error.position}: `
      failed.set(name, `${place}${error.message}`)
    }
  }
  const policy = new Policy(rules)
  const ours = Object.keys(texts).filter((name) => name.startsWith('network:'))
  for (const name of reachable(ours, policy.rules)) {
    const problem = failed.get(name) ?? referenceProblem(name, policy.rules, failed)
    if (problem !== null) report('error', name, problem)
  }
  for (const name of ours) {
    const method = methods[name.slice('network:'.length)]
    if (method === undefined || method.internal)
      report('warning', name, 'no operation has this name: the rule is for nothing')
    else if (method.admin && rules.get(name)?.kind === 'always') {
      report('warning', name, 'it lets every tenant do what is for operators')
    }
  }
  return { policy, problems }
}

function parseFile(text: string, report: (message: string) => void): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
    report('it must hold an object of rules: {"network:allocate_floating_ip": "role:member"}')
  } catch (error) {
    report(`it is not JSON: ${(error as Error).message}`)
  }
  return {}
}

/** These rules, and all that they refer to. */
function reachable(names: readonly string[], rules: ReadonlyMap<string, Rule>): ReadonlySet<string> {
  const found = new Set(names)
  for (const name of found) {
    const rule = rules.get(name)
    // A set that grows is gone through to its new end.
    if (rule !== undefined) for (const other of namesIn(rule)) found.add(other)
  }
  return found
}

function referenceProblem(
  name: string,
  rules: ReadonlyMap<string, Rule>,
  failed: ReadonlyMap<string, string>,
): string | null {
  const rule = rules.get(name)
  if (rule === undefined) return null
  const missing = namesIn(rule).find((other) => !rules.has(other) && !failed.has(other))
  if (missing !== undefined) return `there is no rule ${missing}`
  const behind = reachable(namesIn(rule), rules)
  return behind.has(name) ? 'it refers to itself' : null
}

/** The line on which a rule is named, from 1. */
function lineOf(text: string, name: string): number | null {
  const at = text.indexOf(JSON.stringify(name))
  return at < 0 ? null : text.slice(0, at).split('\n').length
}

/** A file with every rule as it is by default, to edit. */
export function samplePolicy(methods: KnownMethods): string {
  const rules = Object.entries(methods)
    .filter(([, { internal }]) => internal !== true)
    .map(([method, { admin }]) => [actionOf(method), admin ? 'rule:admin_api' : 'rule:admin_or_owner'] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `${JSON.stringify({ ...NAMED_RULES, ...Object.fromEntries(rules) }, null, 2)}\n`
}
