/**
 * The one table from wire name to method. Names are the original's where it had them. Arguments are checked here, once;
 * what passes is of the type that the method says.
 */
import { z } from 'zod'
import type { HostOperations, NetworkOperations } from '../../contracts/network-manager.ts'
import type { Dispatch, Json } from '../../contracts/rpc.ts'
import { InvalidInput, UnknownMethod } from '../../errors/input.ts'
import type { RequestContext } from '../../model/request-context.ts'
import { runInRequest } from '../../model/request-scope.ts'
import { Policy, wrapCheckPolicy } from '../policy/policy.ts'
import { dnsMethods } from './dns.ts'
import { eventMethods } from './events.ts'
import { fixedIpMethods } from './fixed-ips.ts'
import { floatingMethods } from './floating-ips.ts'
import { hostFactsMethods, hostMethods } from './hosts.ts'
import { instanceMethods } from './instances.ts'
import { type Methods, text } from './method.ts'
import { networkMethods } from './networks.ts'

export { hostMethods }

/** What a manager answers. */
export const rpcMethods: Methods<NetworkOperations> = {
  ...hostMethods,
  ...networkMethods,
  ...instanceMethods,
  ...fixedIpMethods,
  ...floatingMethods,
  ...dnsMethods,
  ...eventMethods,
  ...hostFactsMethods,
}

const contextShape = z.strictObject({
  user_id: text.nullable(),
  project_id: text.nullable(),
  is_admin: z.boolean(),
  // Clients of before there were policies name none.
  roles: z.array(text).max(256).default([]),
  request_id: text,
})

/**
 * What a service answers on the bus: a manager all, a host without a store what concerns the host.
 * @param policy the one of now; it is asked once, where the call arrives
 */
export function dispatcher<T extends HostOperations>(
  methods: Methods<T>,
  target: T,
  policy: () => Policy = () => DEFAULT_POLICY,
): Dispatch {
  return async (name, message) => {
    const entry = Object.hasOwn(methods, name) ? methods[name] : undefined
    if (!entry) throw new UnknownMethod({ method: name })
    const { context: rawContext, ...args } = message
    const context = check(contextShape, rawContext, `context of ${name}`)
    const perform = async (by: RequestContext) => {
      const checked = check(entry.arguments, args, `arguments of ${name}`)
      return runInRequest(by.request_id, () => entry.run(target, by, checked), by.user_id)
    }
    const allowed = entry.internal ? perform : wrapCheckPolicy(name, perform, policy, entry.admin)
    return ((await allowed(context)) ?? null) as Json
  }
}

const DEFAULT_POLICY = new Policy()

/** @throws {InvalidInput} naming the first thing that is wrong */
function check<A extends z.ZodType>(shape: A, value: unknown, what: string): z.output<A> {
  const result = shape.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const path = issue?.path.join('.') || what
  throw new InvalidInput({
    what: path,
    value: valueAt(value, issue?.path ?? []),
    want: issue?.message ?? 'another form',
  })
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  const found = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value)
  return found === undefined ? null : found
}
