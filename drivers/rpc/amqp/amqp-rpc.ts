import type { ChannelModel } from 'amqplib'
import {
  BusUnavailable,
  type Dispatch,
  type Json,
  type JsonObject,
  type RpcCallOptions,
  type RpcDriver,
  type RpcServeOptions,
  type RpcTarget,
} from 'netloom/contracts'
import { defaultLimits, Endpoint, type EndpointLimits } from '../endpoint.ts'
import { type Request, settle } from '../envelope.ts'
import { askHere } from '../in-process.ts'
import { Answers } from './answers.ts'
import { BusConnection, type BusConnectionOptions } from './bus-connection.ts'
import { Caller } from './caller.ts'
import { type Names, namesUnder } from './names.ts'
import { Serving } from './serving.ts'

export interface AmqpRpcOptions extends BusConnectionOptions {
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
  readonly #limits: EndpointLimits
  readonly #names: Names
  readonly #connection: BusConnection
  readonly #caller: Caller
  readonly #served = new Map<string, Served>()
  readonly #servings = new Set<Serving>()

  private constructor(options: AmqpRpcOptions) {
    const { prefix, host, logger } = options
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#names = namesUnder(prefix)
    this.#caller = new Caller({ names: this.#names, host, logger, where: this.#where })
    this.#connection = new BusConnection(options, {
      up: (model) => this.#up(model),
      down: () => this.#down(),
      blocked: (isBlocked) => this.#caller.blocked(isBlocked),
    })
  }

  /** @throws {BusUnavailable} no broker is there @throws {ConfigInvalid} it does not want us */
  static async open(options: AmqpRpcOptions): Promise<AmqpRpc> {
    const rpc = new AmqpRpc(options)
    try {
      await rpc.#connection.open()
    } catch (error) {
      rpc.#caller.close()
      throw error
    }
    return rpc
  }

  async call(target: RpcTarget, method: string, args: JsonObject, options: RpcCallOptions = {}): Promise<Json> {
    const { timeoutMs: timeout_ms = this.#options.timeoutMs, signal } = options
    const { topic, server = null } = target
    const request: Request = { kind: 'call', topic, server, method, args, timeout_ms }
    const here = this.#here(request)
    return settle(here === null ? await this.#caller.ask(request, signal) : await askHere(here, request, signal))
  }

  async cast(target: RpcTarget, method: string, args: JsonObject): Promise<void> {
    const { topic, server = null } = target
    const request: Request = { kind: 'cast', topic, server, method, args, timeout_ms: this.#options.timeoutMs }
    // One that names no host has to outlive this process.
    const here = server === null ? null : this.#here(request)
    settle(here === null ? await this.#caller.ask(request) : await askHere(here, request))
  }

  async fanout(topic: string, method: string, args: JsonObject): Promise<void> {
    const request: Request = { kind: 'cast', topic, server: null, method, args, timeout_ms: this.#options.timeoutMs }
    settle(await this.#caller.fanout(request))
  }

  async serve(
    topic: string,
    host: string,
    dispatch: Dispatch,
    options: RpcServeOptions = {},
  ): Promise<{ close(): Promise<void> }> {
    this.#names.host(topic, host)
    const { endpoint, answers } = this.#served.get(host) ?? this.#begin(host)
    endpoint.add(topic, dispatch, options)
    const serving = new Serving({
      topic,
      direct: options.direct === true,
      endpoint,
      answers,
      names: this.#names,
      limits: this.#limits,
      logger: this.#options.logger,
      where: this.#where,
    })
    const close = async () => {
      this.#servings.delete(serving)
      await serving.close()
      if (endpoint.topics.length === 0) this.#served.delete(host)
    }
    try {
      const { model } = this.#connection
      if (model === null) throw new BusUnavailable({ where: this.#where(), reason: 'not connected' })
      await serving.open(model)
    } catch (error) {
      await close()
      throw error
    }
    this.#servings.add(serving)
    return { close }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servings].map((serving) => serving.close()))
    this.#servings.clear()
    this.#served.clear()
    this.#caller.close()
    await this.#connection.close()
  }

  readonly #where = () => this.#connection.where

  /** The host of this process that is asked; null when it is another, or when there is none. */
  #here(request: Request): Endpoint | null {
    for (const { endpoint } of this.#served.values()) if (endpoint.accepts(request)) return endpoint
    return null
  }

  #begin(host: string): Served {
    const { logger } = this.#options
    // What waits, waits at the broker.
    const limits = { ...this.#limits, waiting: Number.POSITIVE_INFINITY }
    const endpoint = new Endpoint(host, this.#where(), logger, limits)
    const served = { endpoint, answers: new Answers(endpoint, logger) }
    this.#served.set(host, served)
    return served
  }

  async #up(model: ChannelModel): Promise<void> {
    await this.#caller.up(model)
    for (const serving of this.#servings) void serving.up(model)
  }

  #down(): void {
    for (const serving of this.#servings) serving.down()
  }
}
