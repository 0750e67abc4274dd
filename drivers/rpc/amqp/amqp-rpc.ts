import {
  type Dispatch,
  type Json,
  type JsonObject,
  type RpcCallOptions,
  type RpcDriver,
  type RpcServeOptions,
  type RpcTarget,
  ServiceUnavailable,
} from 'netloom/contracts'
import { defaultLimits, Endpoint, type EndpointLimits } from '../endpoint.ts'
import { type Request, settle } from '../envelope.ts'
import { askHere } from '../in-process.ts'
import { Answers } from './answers.ts'
import type { BusConnectionOptions } from './bus-connection.ts'
import { HostService } from './host-service.ts'
import { Line, type LineOptions } from './line.ts'
import { namesUnder } from './names.ts'

export interface AmqpRpcOptions extends Omit<BusConnectionOptions, 'name'> {
  /** What all names at the broker begin with. */
  readonly prefix: string
  /** This machine, for the logs of others. */
  readonly host: string
  /** How long a call waits that does not say. */
  readonly timeoutMs: number
  readonly limits?: Partial<EndpointLimits>
}

interface Served {
  readonly endpoint: Endpoint
  readonly answers: Answers
}

/** RpcDriver over RabbitMQ. */
export class AmqpRpc implements RpcDriver {
  readonly #options: AmqpRpcOptions
  readonly #lineOptions: LineOptions
  readonly #limits: EndpointLimits
  readonly #line: Line
  readonly #served = new Map<string, Served>()
  readonly #services = new Set<HostService>()
  /** A queue of casts that cannot be had for now stalls whoever touches it: it has a connection of its own. */
  #casts: Promise<Line> | null = null
  #closed = false

  private constructor(options: AmqpRpcOptions, lineOptions: LineOptions, line: Line) {
    this.#options = options
    this.#lineOptions = lineOptions
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#line = line
  }

  /** @throws {BusUnavailable} no broker is there @throws {ConfigInvalid} it does not want us */
  static async open(options: AmqpRpcOptions): Promise<AmqpRpc> {
    const name = `netloom ${options.host}`
    const lineOptions = { ...options, name, names: namesUnder(options.prefix) }
    return new AmqpRpc(options, lineOptions, await Line.open(lineOptions))
  }

  async call(target: RpcTarget, method: string, args: JsonObject, options: RpcCallOptions = {}): Promise<Json> {
    const { timeoutMs: timeout_ms = this.#options.timeoutMs, signal } = options
    const { topic, server = null } = target
    const request: Request = { kind: 'call', topic, server, method, args, timeout_ms }
    const here = this.#here(request)
    return settle(here === null ? await this.#line.ask(request, signal) : await askHere(here, request, signal))
  }

  async cast({ topic, server }: RpcTarget, method: string, args: JsonObject): Promise<void> {
    const request = this.#castRequest(topic, server ?? null, method, args)
    // One that names no host has to outlive this process, so it always goes to the broker.
    const here = server === undefined ? null : this.#here(request)
    if (here !== null) settle(await askHere(here, request))
    else settle(await (server === undefined ? await this.#castLine() : this.#line).ask(request))
  }

  async fanout(topic: string, method: string, args: JsonObject): Promise<void> {
    settle(await this.#line.fanout(this.#castRequest(topic, null, method, args)))
  }

  async serve(
    topic: string,
    host: string,
    dispatch: Dispatch,
    options: RpcServeOptions = {},
  ): Promise<{ close(): Promise<void> }> {
    const { names, logger } = this.#lineOptions
    names.host(topic, host)
    const { endpoint, answers } = this.#served.get(host) ?? this.#begin(host)
    endpoint.add(topic, dispatch, options)
    const topology = { topic, host, names, answers, limits: this.#limits }
    const service = new HostService({ topology, endpoint, logger })
    const close = async () => {
      await service.close()
      this.#services.delete(service)
      if (endpoint.topics.length === 0) this.#served.delete(host)
    }
    this.#services.add(service)
    try {
      await service.open(this.#line, options.direct === true ? null : await this.#castLine())
    } catch (error) {
      await close()
      throw error
    }
    return { close }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#services].map((service) => service.close()))
    this.#services.clear()
    this.#served.clear()
    await Promise.all([this.#line.close(), this.#casts?.then((line) => line.close()).catch(() => {})])
  }

  #castRequest(topic: string, server: string | null, method: string, args: JsonObject): Request {
    return { kind: 'cast', topic, server, method, args, timeout_ms: this.#options.timeoutMs }
  }

  /** The host of this process that is asked; null when it is another, or when there is none. */
  #here(request: Request): Endpoint | null {
    for (const { endpoint } of this.#served.values()) if (endpoint.accepts(request)) return endpoint
    return null
  }

  /** Opened by who first needs it; one that could not be opened is opened by the next. */
  #castLine(): Promise<Line> {
    if (this.#closed) throw new ServiceUnavailable({ host: null, where: this.#line.where() })
    if (this.#casts !== null) return this.#casts
    const opening = Line.open({ ...this.#lineOptions, name: `${this.#lineOptions.name} casts` })
    opening.catch(() => {
      this.#casts = null
    })
    this.#casts = opening
    return opening
  }

  #begin(host: string): Served {
    const { logger } = this.#options
    // What waits, waits at the broker.
    const limits = { ...this.#limits, waiting: Number.POSITIVE_INFINITY }
    const endpoint = new Endpoint(host, this.#line.where(), logger, limits)
    const served = { endpoint, answers: new Answers(endpoint, logger) }
    this.#served.set(host, served)
    return served
  }
}
