import type { ChannelModel } from 'amqplib'
import { BusUnavailable } from 'netloom/contracts'
import type { Request, Response } from '../envelope.ts'
import { BusConnection, type BusConnectionOptions } from './bus-connection.ts'
import { Caller } from './caller.ts'
import type { Names } from './names.ts'
import type { Serving } from './serving.ts'

export interface LineOptions extends BusConnectionOptions {
  readonly names: Names
  /** This machine, for the logs of others. */
  readonly host: string
}

/** One connection with its two uses: asking others, and serving. */
export class Line {
  readonly #caller: Caller
  readonly #connection: BusConnection
  readonly #servings = new Set<Serving>()

  private constructor(options: LineOptions) {
    const { names, host, logger } = options
    this.#caller = new Caller({ names, host, logger, where: this.where })
    this.#connection = new BusConnection(options, {
      up: (model) => this.#up(model),
      down: () => this.#down(),
      blocked: (isBlocked) => this.#caller.blocked(isBlocked),
    })
  }

  /** @throws {BusUnavailable} no broker is there @throws {ConfigInvalid} it does not want us */
  static async open(options: LineOptions): Promise<Line> {
    const line = new Line(options)
    try {
      await line.#connection.open()
    } catch (error) {
      line.#caller.close()
      throw error
    }
    return line
  }

  /** The broker, for errors. */
  readonly where = (): string => this.#connection.where

  /** As `Caller.ask`. */
  ask(request: Request, signal?: AbortSignal): Promise<Response> {
    return this.#caller.ask(request, signal)
  }

  /** As `Caller.fanout`. */
  fanout(request: Request): Promise<Response> {
    return this.#caller.fanout(request)
  }

  /** From now on, until `leave`. @throws {ServiceAlreadyRunning} @throws {BusUnavailable} */
  async serve(serving: Serving): Promise<void> {
    const { model } = this.#connection
    if (model === null) throw new BusUnavailable({ where: this.where(), reason: 'not connected' })
    this.#servings.add(serving)
    try {
      await serving.open(model)
    } catch (error) {
      await this.leave(serving)
      throw error
    }
  }

  /** From now on or from when the broker lets it, until `leave`. Returns the first time that it is there. */
  async keep(serving: Serving): Promise<void> {
    const { model } = this.#connection
    this.#servings.add(serving)
    if (model !== null) await serving.up(model)
  }

  async leave(serving: Serving): Promise<void> {
    this.#servings.delete(serving)
    await serving.close()
  }

  async close(): Promise<void> {
    this.#caller.close()
    await this.#connection.close()
  }

  async #up(model: ChannelModel): Promise<void> {
    await this.#caller.up(model)
    for (const serving of this.#servings) void serving.up(model)
  }

  #down(): void {
    for (const serving of this.#servings) serving.down()
  }
}
