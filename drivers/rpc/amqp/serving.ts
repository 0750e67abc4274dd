import { setTimeout as delay } from 'node:timers/promises'
import type { Channel, ChannelModel } from 'amqplib'
import { BusUnavailable, type Logger, ServiceAlreadyRunning } from 'netloom/contracts'
import { within } from '../within.ts'
import { watchChannel } from './bus-connection.ts'
import type { Declare } from './topology.ts'

/** How long the queue of a process that ended may still be there, in milliseconds. */
const LINGER_MS = 2000

/** Time between two tries to declare what is ours, in milliseconds. */
const RETRY_MS = 250

/** How long the broker may take to let a channel or a consumer go, in milliseconds. */
const FAREWELL_MS = 1000

/** The queue is still another connection's; or it went away in the moment between declaring and reading it. */
const PASSING = [405, 404]

export interface ServingOptions {
  readonly topic: string
  readonly host: string
  readonly declare: Declare
  readonly logger: Logger
  /** The broker, for errors. */
  readonly where: () => string
}

/** What a host declares at the broker, kept there: declared anew on each connection, and when its channel breaks. */
export class Serving {
  readonly #options: ServingOptions
  #model: ChannelModel | null = null
  #channel: Channel | null = null
  #shared: readonly string[] = []
  #retired = false

  constructor(options: ServingOptions) {
    this.#options = options
  }

  /** The first time. @throws {ServiceAlreadyRunning} another process serves the host @throws {BusUnavailable} */
  async open(model: ChannelModel): Promise<void> {
    const { host, where } = this.#options
    const deadline = performance.now() + LINGER_MS
    this.#model = model
    for (;;) {
      try {
        return await this.#declare(model)
      } catch (error) {
        const { code, message } = error as Error & { code?: number }
        if (!PASSING.includes(code ?? 0)) throw new BusUnavailable({ where: where(), reason: message })
        if (performance.now() > deadline) throw new ServiceAlreadyRunning({ host, where: where() })
        await delay(RETRY_MS)
      }
    }
  }

  /** On a new connection, or when the channel broke: as often as it takes. */
  async up(model: ChannelModel): Promise<void> {
    const { topic, host, logger } = this.#options
    let failed = false
    this.#model = model
    while (this.#model === model && !this.#retired) {
      try {
        return await this.#declare(model)
      } catch (error) {
        // A connection that broke has been logged.
        if (this.#model !== model) return
        const fields = { topic, host, error: (error as Error).message }
        logger[failed ? 'debug' : 'warn']('a host is not at the message bus yet', fields)
        failed = true
        await delay(RETRY_MS)
      }
    }
  }

  down(): void {
    this.#model = null
  }

  /** Leaves shared queues to others. */
  async retire(): Promise<void> {
    this.#retired = true
    const channel = this.#channel
    if (channel !== null) await Promise.all(this.#shared.map((tag) => quietly(channel.cancel(tag))))
  }

  /** Leaves the broker; what was not acknowledged there is another's. */
  async close(): Promise<void> {
    this.#retired = true
    const channel = this.#channel
    this.#channel = null
    if (channel !== null) await quietly(channel.close())
  }

  async #declare(model: ChannelModel): Promise<void> {
    const channel = await model.createChannel()
    watchChannel(channel, this.#options.logger)
    let open = true
    channel.on('close', () => {
      open = false
      this.#lost(channel)
    })
    try {
      this.#shared = await this.#options.declare(channel)
      if (!open) throw new Error('the channel was closed')
    } catch (error) {
      channel.close().catch(() => {})
      throw error
    }
    this.#channel = channel
  }

  #lost(channel: Channel): void {
    if (this.#channel !== channel) return
    this.#channel = null
    const model = this.#model
    // A connection that breaks closes its channels before it says so itself.
    setImmediate(() => {
      if (model !== null && model === this.#model) void this.up(model)
    })
  }
}

/** Waits a little for the broker, whatever it says. */
async function quietly(promise: Promise<unknown>): Promise<void> {
  await within(promise, FAREWELL_MS, () => new Error('no farewell')).catch(() => {})
}
