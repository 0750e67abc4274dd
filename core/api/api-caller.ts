import type { JsonObject, RpcDriver } from '../contracts/rpc.ts'
import type { RequestContext } from '../model/request-context.ts'
import { runInRequest } from '../model/request-scope.ts'

export const NETWORK_TOPIC = 'network'

export interface NetworkApiOptions {
  readonly rpc: Pick<RpcDriver, 'call'>
  readonly context: RequestContext
  /** How long each call may take. */
  readonly timeoutMs?: number
}

/** Asks over the message bus. */
export abstract class ApiCaller {
  readonly #options: NetworkApiOptions

  constructor(options: NetworkApiOptions) {
    this.#options = options
  }

  /** Any network host answers, or `server` when it is given. */
  protected async call<T>(method: string, args: object = {}, server?: string): Promise<T> {
    const { rpc, context, timeoutMs } = this.#options
    const target = { topic: NETWORK_TOPIC, ...(server === undefined ? {} : { server }) }
    const message = { ...args, context } as unknown as JsonObject
    const call = () => rpc.call(target, method, message, timeoutMs === undefined ? {} : { timeoutMs })
    // What the client itself logs has the id that the hosts log.
    return (await runInRequest(context.request_id, call)) as T
  }
}
