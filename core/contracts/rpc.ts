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
  /** Ends the wait: the call is rejected with the signal's reason. What the server has begun goes on. */
  readonly signal?: AbortSignal
}

/** What a server does with a message; throws what the caller shall get. */
export type Dispatch = (method: string, args: JsonObject) => Promise<Json>

export interface RpcServeOptions {
  /** Answers what names this server and fan-outs, but no call that names none: for a host that cannot serve anyone. */
  readonly direct?: boolean
}

export interface RpcDriver {
  /**
   * Waits for the answer.
   * @throws {ServiceUnavailable} no such server, or none at all
   * @throws {RpcTimeout} no answer in time
   * @throws {ConnectionLost} the server went away meanwhile
   * @throws {BusUnavailable} the bus itself is away
   */
  call(target: RpcTarget, method: string, args: JsonObject, options?: RpcCallOptions): Promise<Json>
  /** Returns when the message is handed over. @throws {ServiceUnavailable} @throws {BusUnavailable} */
  cast(target: RpcTarget, method: string, args: JsonObject): Promise<void>
  /** To every server of the topic that is there; one that is away does not hinder the others. */
  fanout(topic: string, method: string, args: JsonObject): Promise<void>
  /** Answers for `server` on the topic, until closed. Closing waits for calls that run. */
  serve(
    topic: string,
    server: string,
    dispatch: Dispatch,
    options?: RpcServeOptions,
  ): Promise<{ close(): Promise<void> }>
  close(): Promise<void>
}
