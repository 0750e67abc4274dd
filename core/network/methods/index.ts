/**
 * The one table from wire name to method. Names are the original's where it had them. Arguments are checked here, once;
 * what passes is of the type that the method says.
 */
import { z } from 'zod'
import type { HostOperations, NetworkOperations } from '../../contracts/network-manager.ts'
import type { Dispatch, Json } from '../../contracts/rpc.ts'
import { InvalidInput, UnknownMethod } from '../../errors/input.ts'
import { AdminRequired } from '../../errors/service.ts'
import { runInRequest } from '../../model/request-scope.ts'
import { dnsMethods } from './dns.ts'
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
  ...hostFactsMethods,
}

const contextShape = z.strictObject({
  user_id: text.nullable(),
  project_id: text.nullable(),
  is_admin: z.boolean(),
  request_id: text,
})

/** What a service answers on the bus: a manager all, a host without a store what concerns the host. */
export function dispatcher<T extends HostOperations>(methods: Methods<T>, target: T): Dispatch {
  return async (name, message) => {
    const entry = Object.hasOwn(methods, name) ? methods[name] : undefined
    if (!entry) throw new UnknownMethod({ method: name })
    const { context: rawContext, ...args } = message
    const context = check(contextShape, rawContext, `context of ${name}`)
    if (entry.admin && !context.is_admin) throw new AdminRequired({ method: name })
    const checked = check(entry.arguments, args, `arguments of ${name}`)
    return ((await runInRequest(context.request_id, () => entry.run(target, context, checked))) ?? null) as Json
  }
}

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
