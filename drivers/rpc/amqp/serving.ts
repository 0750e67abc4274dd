import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { BusUnavailable, type Logger, ServiceAlreadyRunning } from 'netloom/contracts'
import type { Endpoint, EndpointLimits } from '../endpoint.ts'
import { within } from '../within.ts'
import type { Answers } from './answers.ts'
import { watchChannel } from './bus-connection.ts'
import type { Names } from './names.ts'

/** How long the queue of a process that ended may still be there, in milliseconds. */
const LINGER_MS = 2000

/** Time between two tries to declare what is ours, in milliseconds. */
const RETRY_MS = 250

/** How long the broker may take to let a channel go, in milliseconds. */
const FAREWELL_MS = 1000

/** Casts that one host takes from the shared queue at a time. */
const CASTS = 16

/** How often the broker brings a cast before it drops it itself: a backstop for what `Answers` does. */
const DELIVERY_LIMIT = 20

/** Time without readers after which the queue of calls goes, in milliseconds. */
const UNREAD_MS = 10_000

/** The queue is still another connection's; or it went away in the moment between declaring and reading it. */
const PASSING = [405, 404]

export interface ServingOptions {
  readonly topic: string
  /** Answers only what names the host, and fan-outs. */
  readonly direct: boolean
  readonly endpoint: Endpoint
  readonly answers: Answers
  readonly names: Names
  readonly limits: EndpointLimits
  readonly logger: Logger
  readonly where: () => string
}

/** One topic of one host at the broker: its queues, and the one who reads them. Declared anew on each connection. */
export class Serving {
  readonly #options: ServingOptions
  #model: ChannelModel | null = null
  #channel: Channel | null = null
  #shared: readonly string[] = []
  #closed = false

  constructor(options: ServingOptions) {
    this.#options = options
  }

  /** The first time. @throws {ServiceAlreadyRunning} another process serves the host @throws {BusUnavailable} */
  async open(model: ChannelModel): Promise<void> {
    const deadline = performance.now() + LINGER_MS
    this.#model = model
    for (;;) {
      try {
        return await this.#declare(model)
      } catch (error) {
        const { endpoint, where } = this.#options
        const { code, message } = error as Error & { code?: number }
        if (!PASSING.includes(code ?? 0)) throw new BusUnavailable({ where: where(), reason: message })
        if (performance.now() > deadline) throw new ServiceAlreadyRunning({ host: endpoint.host, where: where() })
        await delay(RETRY_MS)
      }
    }
  }

  /** On a new connection, or when the channel broke: as often as it takes. */
  async up(model: ChannelModel): Promise<void> {
    const { topic, endpoint, logger } = this.#options
    this.#model = model
    let failed = false
    while (this.#model === model && !this.#closed) {
      try {
        return await this.#declare(model)
      } catch (error) {
        const fields = { topic, host: endpoint.host, error: (error as Error).message }
        if (failed) logger.debug('a host is not at the message bus yet', fields)
        else logger.warn('a host is not at the message bus yet', fields)
        failed = true
        await delay(RETRY_MS)
      }
    }
  }

  down(): void {
    this.#model = null
  }

  /** Leaves the shared queues to others, refuses what comes to the own one, answers what runs, within bounds. */
  async close(): Promise<void> {
    const { endpoint, topic } = this.#options
    this.#closed = true
    const ended = endpoint.close(topic)
    const channel = this.#channel
    if (channel !== null) await Promise.all(this.#shared.map((tag) => quietly(channel.cancel(tag))))
    await ended
    // What has ended just now is answered first.
    await nextTurn()
    this.#channel = null
    if (channel !== null) await quietly(channel.close())
  }

  async #declare(model: ChannelModel): Promise<void> {
    const { topic, direct, endpoint, answers, names, limits, logger } = this.#options
    const channel = await model.createChannel()
    watchChannel(channel, logger)
    let open = true
    channel.on('close', () => {
      open = false
      this.#lost(channel)
    })
    const consume = async (queue: string, take: (channel: Channel, message: ConsumeMessage) => Promise<void>) => {
      const { consumerTag } = await channel.consume(queue, (message) => {
        if (message !== null) void take(channel, message)
        // The queue was deleted under us.
        else channel.close().catch(() => {})
      })
      return consumerTag
    }
    const shared: string[] = []
    try {
      const own = names.host(topic, endpoint.host)
      const full = { maxLength: limits.waiting, arguments: { 'x-overflow': 'reject-publish' } }
      await channel.prefetch(limits.running)
      await channel.assertQueue(own, { exclusive: true, autoDelete: true, durable: false, ...full })
      await channel.assertExchange(names.fanout, 'direct', { durable: true })
      await channel.bindQueue(own, names.fanout, topic)
      if (!direct) {
        await channel.assertQueue(names.calls(topic), { autoDelete: true, expires: UNREAD_MS, ...full })
        shared.push(await consume(names.calls(topic), (...given) => answers.any(...given)))
        const quorum = { 'x-queue-type': 'quorum', 'x-delivery-limit': DELIVERY_LIMIT }
        await channel.assertQueue(names.casts(topic), { durable: true, arguments: quorum })
        await channel.prefetch(CASTS)
        shared.push(await consume(names.casts(topic), (...given) => answers.stored(...given)))
        await channel.prefetch(limits.running)
      }
      await consume(own, (...given) => answers.own(...given))
      if (!open) throw new Error('the channel was closed')
    } catch (error) {
      channel.close().catch(() => {})
      throw error
    }
    this.#channel = channel
    this.#shared = shared
  }

  #lost(channel: Channel): void {
    if (this.#channel !== channel) return
    this.#channel = null
    if (this.#model !== null) void this.up(this.#model)
  }
}

/** Waits a little for the broker, whatever it says. */
async function quietly(promise: Promise<unknown>): Promise<void> {
  await within(promise, FAREWELL_MS, () => new Error('no farewell')).catch(() => {})
}
