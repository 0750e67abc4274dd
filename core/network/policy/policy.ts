/** Which operations a caller may ask for, by rules. Source: nova/policy.py, nova/network/manager.py wrap_check_policy. */
import { PolicyNotAuthorized } from '../../errors/policy.ts'
import { AdminRequired } from '../../errors/service.ts'
import type { RequestContext } from '../../model/request-context.ts'
import { holds, parseRule, type Rule } from './rule.ts'

/** What a rule of a policy file may refer to, and say otherwise. */
export const NAMED_RULES = {
  admin_api: 'is_admin:True',
  admin_or_owner: 'rule:admin_api or project_id:%(project_id)s',
} as const

/** The rule of an operation that no file speaks of. @param operator it is for operators */
function defaultRule(operator: boolean): Rule {
  return { kind: 'rule', name: operator ? 'admin_api' : 'admin_or_owner' }
}

/** The name of the rule for an operation. @param method its name on the bus */
export const actionOf = (method: string) => `network:${method}`

export class Policy {
  readonly #rules: ReadonlyMap<string, Rule>
  readonly #given: ReadonlySet<string>

  /** @param rules those of a file; all others are as they are by default */
  constructor(rules: ReadonlyMap<string, Rule> = new Map()) {
    const named = Object.entries(NAMED_RULES).map(([name, text]) => [name, parseRule(text)] as const)
    this.#rules = new Map([...named, ...rules])
    this.#given = new Set(rules.keys())
  }

  /** Every rule by its name. */
  get rules(): ReadonlyMap<string, Rule> {
    return this.#rules
  }

  /** True when a file speaks of it. */
  speaksOf(action: string): boolean {
    return this.#given.has(action)
  }

  /** @param operator whether the operation is for operators when no file speaks of it */
  allows(context: RequestContext, action: string, operator: boolean): boolean {
    const rule = this.#rules.get(action) ?? defaultRule(operator)
    return holds(rule, context, context, this.#rules)
  }
}

/**
 * Source: nova check_policy. The call is for the caller's own project; whose an address or an instance is, the operation
 * looks up itself.
 * @throws {PolicyNotAuthorized} @throws {AdminRequired} it is for operators, and no file says otherwise
 */
export function checkPolicy(policy: Policy, context: RequestContext, method: string, operator = false): void {
  const action = actionOf(method)
  if (policy.allows(context, action, operator)) return
  if (operator && !policy.speaksOf(action)) throw new AdminRequired({ method })
  throw new PolicyNotAuthorized({ action, project_id: context.project_id, user_id: context.user_id })
}

/** An operation as it is called: by whom, and with what. */
type Operation<A extends readonly unknown[], R> = (context: RequestContext, ...args: A) => Promise<R>

/**
 * The operation that checks policy first. Source: nova wrap_check_policy.
 * @param method the name of the operation on the bus
 * @param policy the one of now
 */
export function wrapCheckPolicy<A extends readonly unknown[], R>(
  method: string,
  operation: Operation<A, R>,
  policy: () => Policy,
  operator = false,
): Operation<A, R> {
  return async (context, ...args) => {
    checkPolicy(policy(), context, method, operator)
    return operation(context, ...args)
  }
}
