/**
 * The language of policy rules, as operators know it: `role:admin or (rule:owner and not is_admin:False)`. Pure.
 * Source: oslo.policy, "Policy Rule Expressions"; lists of lists are the older form of nova 2012.
 */
import type { RequestContext } from '../../model/request-context.ts'

/** A rule that was read. */
export type Rule =
  | { readonly kind: 'always' | 'never' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Rule[] }
  | { readonly kind: 'not'; readonly part: Rule }
  /** Another rule by its name. */
  | { readonly kind: 'rule'; readonly name: string }
  /** The caller has a role; capital letters do not matter. */
  | { readonly kind: 'role'; readonly name: string }
  /** A fact of the caller is this text, or this fact of whom the call is for. */
  | { readonly kind: 'match'; readonly fact: Fact; readonly value: { readonly text: string } | { readonly of: Fact } }

const FACTS = ['user_id', 'project_id', 'is_admin'] as const
type Fact = (typeof FACTS)[number]

/** What is wrong with a rule, and where in its text, from 1; null where the rule has no text. */
export class RuleProblem extends Error {
  readonly position: number | null
  constructor(message: string, position: number | null) {
    super(message)
    this.position = position
  }
}

interface Token {
  readonly text: string
  readonly position: number
}

/** Words between blanks and brackets; the brackets of `%(project_id)s` are of its word. */
function tokensOf(text: string): readonly Token[] {
  return [...text.matchAll(/[()]|(?:%\([^()\s]*\)s|[^\s()])+/g)].map((match) => ({
    text: match[0],
    position: match.index + 1,
  }))
}

/** @param value a text, or a list of lists of checks @throws {RuleProblem} */
export function parseRule(value: unknown): Rule {
  if (Array.isArray(value)) return parseLists(value)
  if (typeof value !== 'string') throw new RuleProblem('a rule is a text or a list', null)
  const tokens = tokensOf(value)
  if (tokens.length === 0) return { kind: 'always' }
  const reader = new Reader(tokens, value.length + 1)
  const rule = reader.either()
  reader.end()
  return rule
}

/** One of the lists must hold, with all that is in it; an empty one holds always. */
function parseLists(lists: readonly unknown[]): Rule {
  if (lists.length === 0) return { kind: 'always' }
  const parts = lists
    .map((list) => (Array.isArray(list) ? list : [list]))
    .map((list): Rule => {
      return { kind: 'and', parts: list.map((check) => parseRule(check)) }
    })
  return { kind: 'or', parts }
}

/** `or` binds less than `and`, which binds less than `not`. */
class Reader {
  readonly #tokens: readonly Token[]
  readonly #endPosition: number
  #at = 0

  constructor(tokens: readonly Token[], endPosition: number) {
    this.#tokens = tokens
    this.#endPosition = endPosition
  }

  either(): Rule {
    return this.#joined('or', () => this.#joined('and', () => this.#term()))
  }

  end(): void {
    const token = this.#tokens[this.#at]
    if (token === undefined) return
    const message = token.text === ')' ? '")" without "("' : `"${token.text}" where "and" or "or" should be`
    throw new RuleProblem(message, token.position)
  }

  #joined(kind: 'and' | 'or', part: () => Rule): Rule {
    const parts = [part()]
    while (this.#next(kind)) parts.push(part())
    return parts.length === 1 ? parts[0]! : { kind, parts }
  }

  #term(): Rule {
    if (this.#next('not')) return { kind: 'not', part: this.#term() }
    const open = this.#tokens[this.#at]
    if (this.#next('(')) {
      const rule = this.either()
      if (!this.#next(')')) throw new RuleProblem('"(" without ")"', open!.position)
      return rule
    }
    const token = this.#tokens[this.#at]
    if (token === undefined) throw new RuleProblem('a check is missing at the end', this.#endPosition)
    this.#at += 1
    return checkOf(token)
  }

  /** Takes the next token when it is this word. */
  #next(word: string): boolean {
    const found = this.#tokens[this.#at]?.text.toLowerCase() === word
    if (found) this.#at += 1
    return found
  }
}

function checkOf({ text, position }: Token): Rule {
  if (text === '@') return { kind: 'always' }
  if (text === '!') return { kind: 'never' }
  const colon = text.indexOf(':')
  const [kind, value] = [text.slice(0, colon), text.slice(colon + 1)]
  if (colon <= 0 || value === '') {
    throw new RuleProblem(`"${text}" is no check: write KIND:VALUE, such as role:admin, or "@" or "!"`, position)
  }
  if (kind === 'rule' || kind === 'role') return { kind, name: value }
  const fact = FACTS.find((known) => known === kind)
  if (fact === undefined) {
    throw new RuleProblem(`there is no check "${kind}": there are rule, role, ${FACTS.join(', ')}`, position)
  }
  const template = /^%\((.*)\)s$/.exec(value)?.[1]
  if (template === undefined) return { kind: 'match', fact, value: { text: value } }
  const of = FACTS.find((known) => known === template)
  if (of === undefined) throw new RuleProblem(`a call has no ${template}: it has ${FACTS.join(', ')}`, position)
  return { kind: 'match', fact, value: { of } }
}

/** Names of the rules that a rule refers to. */
export function namesIn(rule: Rule): readonly string[] {
  if (rule.kind === 'rule') return [rule.name]
  if (rule.kind === 'not') return namesIn(rule.part)
  return rule.kind === 'and' || rule.kind === 'or' ? rule.parts.flatMap(namesIn) : []
}

/**
 * Whether the caller may.
 * @param target whom the call is for
 * @param rules those that may be referred to; one that is not there never holds, nor do rules that go round in a circle
 */
export function holds(
  rule: Rule,
  caller: RequestContext,
  target: Partial<RequestContext>,
  rules: ReadonlyMap<string, Rule>,
  within: readonly string[] = [],
): boolean {
  const part = (inner: Rule, names = within) => holds(inner, caller, target, rules, names)
  switch (rule.kind) {
    case 'always':
      return true
    case 'never':
      return false
    case 'and':
      return rule.parts.every((inner) => part(inner))
    case 'or':
      return rule.parts.some((inner) => part(inner))
    case 'not':
      return !part(rule.part)
    case 'role':
      return caller.roles.some((role) => role.toLowerCase() === rule.name.toLowerCase())
    case 'rule': {
      const named = within.includes(rule.name) ? undefined : rules.get(rule.name)
      return named !== undefined && part(named, [...within, rule.name])
    }
    case 'match': {
      const own = textOf(caller[rule.fact])
      return own !== null && own === ('of' in rule.value ? textOf(target[rule.value.of]) : textOf(rule.value.text))
    }
  }
}

/** What is not known is equal to nothing. */
function textOf(value: string | boolean | null | undefined): string | null {
  if (value === null || value === undefined) return null
  const text = String(value)
  return /^(true|false)$/i.test(text) ? text.toLowerCase() : text
}
