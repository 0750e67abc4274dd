/** What a method of the bus is: the shape of its arguments, who may call it, what it runs. */
import { z } from 'zod'
import type { NetworkOperations } from '../../contracts/network-manager.ts'
import type { RequestContext } from '../../model/request-context.ts'

export const text = z.string().max(1024)
export const count = z.number().int()
export const none = z.strictObject({})
export const uuidArgument = z.strictObject({ uuid: text })
export const instanceArgument = z.strictObject({ instance_uuid: text })
export const addressArgument = z.strictObject({ address: text })

/** For `admin`: only operators may call it. */
export const OPERATOR = true

/** An optional argument that was given. */
export type Exact<T> = { [K in keyof T]: Exclude<T[K], undefined> }

export interface Method<T> {
  readonly arguments: z.ZodType
  /** Operators only, unless policy says otherwise. */
  readonly admin: boolean
  /** Between services: policy was checked where the call arrived, whoever made it. */
  readonly internal?: boolean
  run(target: T, context: RequestContext, args: unknown): Promise<unknown>
}

/** By their names on the bus. */
export type Methods<T> = Readonly<Record<string, Method<T>>>

/** @param run gets the arguments as the shape says */
export function method<A extends z.ZodType, T = NetworkOperations>(
  args: A,
  run: (target: T, context: RequestContext, args: Exact<z.output<A>>) => Promise<unknown>,
  admin = false,
): Method<T> {
  return {
    arguments: args,
    admin,
    run: (target, context, checked) => run(target, context, checked as Exact<z.output<A>>),
  }
}
