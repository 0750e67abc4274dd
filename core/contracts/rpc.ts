/**
 * `rpc_backend`: the message bus. JSON in, JSON out. Topic `network` is every network host, one of which answers a
 * call; `server` names one host; a fan-out cast reaches all. Errors cross as `{code, message, details}` and come back as
 * the class of their code. A call to a host that is not there fails at once.
 */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

export interface RpcTarget {
  readonly topic: string
  /** One host; omitted: any. */
  readonly server?: string
}

export interface RpcCallOptions {
  readonly timeoutMs?: number
}

export interface ServeOptions {
  /** Answers only messages that name this server, and fan-outs: a host that must not answer for others. */
  readonly direct?: boolean
}

/** What a server does with a message; throws what the caller shall get. */
export type Dispatch = (method: string, args: JsonObject) => Promise<Json>

export interface RpcDriver {
  /**
   * Waits for the answer.
   * @throws {ServiceUnavailable} no such server, or none at all
   * @throws {RpcTimeout} no answer in time
   * @throws {ConnectionLost} the server went away meanwhile
   */
  call(target: RpcTarget, method: string, args: JsonObject, options?: RpcCallOptions): Promise<Json>
  /** Returns when the message is handed over. @throws {ServiceUnavailable} */
  cast(target: RpcTarget, method: string, args: JsonObject): Promise<void>
  /** To every server of the topic that is there; one that is away does not hinder the others. */
  fanout(topic: string, method: string, args: JsonObject): Promise<void>
  /** Answers for `server` on the topic, until closed. Closing waits for calls that run. */
  serve(topic: string, server: string, dispatch: Dispatch, options?: ServeOptions): Promise<{ close(): Promise<void> }>
  close(): Promise<void>
}
