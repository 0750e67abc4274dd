import {
  type Dispatch,
  type Json,
  type JsonObject,
  type Logger,
  type RpcCallOptions,
  type RpcDriver,
  type RpcServeOptions,
  type RpcTarget,
  RpcTimeout,
  ServiceUnavailable,
} from 'netloom/contracts'
import { defaultLimits, Endpoint, type EndpointLimits } from '../endpoint.ts'
import { encodeMessage, failure, type Request, type Response, settle } from '../envelope.ts'
import { askHere } from '../in-process.ts'
import { Connection } from './connection.ts'
import { checkRunFolder, hostsIn, makeRunFolder, pathProblem, runPathInvalid, socketPath } from './run-folder.ts'
import { SocketServer } from './socket-server.ts'

export interface LocalRpcOptions {
  /** The folder of sockets; all hosts that shall meet share it. */
  readonly runPath: string
  /** The host that is asked first when a call names none. */
  readonly host: string
  /** How long a call waits that does not say. */
  readonly timeoutMs: number
  readonly logger: Logger
  readonly limits?: Partial<EndpointLimits>
}

interface Served {
  readonly endpoint: Endpoint
  readonly server: Promise<SocketServer>
}

/** RpcDriver over unix sockets in a folder: `<host>.sock` is the service of a host. */
export class LocalRpc implements RpcDriver {
  readonly #options: LocalRpcOptions
  readonly #served = new Map<string, Served>()
  readonly #connections = new Map<string, Promise<Connection>>()
  #closed = false

  constructor(options: LocalRpcOptions) {
    this.#options = options
  }

  async call(target: RpcTarget, method: string, args: JsonObject, options: RpcCallOptions = {}): Promise<Json> {
    const { timeoutMs: timeout_ms = this.#options.timeoutMs, signal } = options
    const { topic, server = null } = target
    return settle(await this.#send({ kind: 'call', topic, server, method, args, timeout_ms }, signal))
  }

  async cast(target: RpcTarget, method: string, args: JsonObject): Promise<void> {
    settle(await this.#send(this.#castRequest(target, method, args)))
  }

  async fanout(topic: string, method: string, args: JsonObject): Promise<void> {
    const request = this.#castRequest({ topic }, method, args)
    encodeMessage(request)
    const hosts = new Set([...this.#served.keys(), ...(await hostsIn(this.#options.runPath))])
    const outcomes = await Promise.allSettled([...hosts].map((server) => this.#sendTo(server, { ...request, server })))
    const away = outcomes.filter(({ status }) => status === 'rejected').length
    if (away > 0) this.#options.logger.debug('a fan-out did not reach all', { topic, method, away })
  }

  async serve(
    topic: string,
    host: string,
    dispatch: Dispatch,
    options: RpcServeOptions = {},
  ): Promise<{ close(): Promise<void> }> {
    const { runPath, logger, limits } = this.#options
    const path = socketPath(runPath, host)
    const problem = pathProblem(path)
    if (problem !== null) throw runPathInvalid(runPath, `is too long: ${problem}`)
    await makeRunFolder(runPath)
    let served = this.#served.get(host)
    if (served === undefined) {
      const endpoint = new Endpoint(host, path, logger, { ...defaultLimits, ...limits })
      served = { endpoint, server: SocketServer.listen(path, endpoint, logger) }
      this.#served.set(host, served)
    }
    const { endpoint, server } = served
    endpoint.add(topic, dispatch, options)
    try {
      await server
    } catch (error) {
      this.#served.delete(host)
      throw error
    }
    return { close: () => this.#end(host, topic) }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#served].map(([host, served]) => this.#endHost(host, served)))
    this.#closed = true
    const connections = await Promise.allSettled(this.#connections.values())
    for (const opened of connections) if (opened.status === 'fulfilled') opened.value.close()
  }

  #castRequest({ topic, server }: RpcTarget, method: string, args: JsonObject): Request {
    return { kind: 'cast', topic, server: server ?? null, method, args, timeout_ms: this.#options.timeoutMs }
  }

  /** To the named host; or to the first that takes it. One that has begun is never followed by another. */
  async #send(request: Request, signal?: AbortSignal): Promise<Response> {
    if (request.server !== null) return this.#sendTo(request.server, request, signal)
    const deadline = performance.now() + request.timeout_ms
    let refusal: Response | undefined
    for await (const host of this.#candidates(request.topic)) {
      try {
        const left = Math.max(1, deadline - performance.now())
        const response = await this.#sendTo(host, { ...request, timeout_ms: Math.ceil(left) }, signal)
        if (!('error' in response) || response.refused !== true) return response
        if (response.error.code !== ServiceUnavailable.code) refusal = response
      } catch (error) {
        if (error instanceof RpcTimeout)
          throw new RpcTimeout({ method: request.method, host, seconds: request.timeout_ms / 1000 })
        if (!(error instanceof ServiceUnavailable)) throw error
      }
    }
    return refusal ?? failure(new ServiceUnavailable({ host: null, where: this.#options.runPath }))
  }

  /** Hosts to ask in turn: of this process, the own one, all others. The folder is read only when it is needed. */
  async *#candidates(topic: string): AsyncGenerator<string> {
    const asked = new Set<string>()
    for (const [host, { endpoint }] of this.#served) {
      if (!endpoint.accepts({ topic, server: null })) continue
      asked.add(host)
      yield host
    }
    const own = this.#options.host
    if (!asked.has(own)) yield own
    asked.add(own)
    for (const host of await hostsIn(this.#options.runPath)) if (!asked.has(host)) yield host
  }

  async #sendTo(host: string, request: Request, signal?: AbortSignal): Promise<Response> {
    const where = socketPath(this.#options.runPath, host)
    if (this.#closed) throw new ServiceUnavailable({ host, where })
    const served = this.#served.get(host)
    if (served !== undefined) return askHere(served.endpoint, request, signal)
    const connection = await this.#connect(host, where)
    return connection.request(request, signal)
  }

  /** One connection a host, also for calls that begin at the same time. */
  #connect(host: string, path: string): Promise<Connection> {
    const kept = this.#connections.get(host)
    if (kept !== undefined) return kept
    const opening = this.#open(host, path)
    const forget = () => {
      if (this.#connections.get(host) === opening) this.#connections.delete(host)
    }
    this.#connections.set(host, opening)
    opening.then((connection) => connection.onEnd(forget), forget)
    return opening
  }

  async #open(host: string, path: string): Promise<Connection> {
    const there = pathProblem(path) === null && (await checkRunFolder(this.#options.runPath))
    if (!there) throw new ServiceUnavailable({ host, where: path })
    return Connection.open(host, path)
  }

  /** Ends one topic of a host; the socket goes with the last. */
  async #end(host: string, topic: string): Promise<void> {
    const served = this.#served.get(host)
    if (served === undefined || !served.endpoint.serves(topic)) return
    if (served.endpoint.topics.length > 1) return served.endpoint.close(topic)
    await this.#endHost(host, served)
  }

  async #endHost(host: string, served: Served): Promise<void> {
    await (await served.server).close()
    if (this.#served.get(host) === served) this.#served.delete(host)
  }
}
