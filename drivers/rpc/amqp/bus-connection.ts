import type { Channel, ChannelModel, RecoveringChannelModel } from 'amqplib'
import { connect } from 'amqplib'
import { BusUnavailable, type Logger } from 'netloom/contracts'
import { within } from '../within.ts'
import { type Brokers, placeOf } from './brokers.ts'
import { connectFailure } from './connect-failure.ts'
import type { Tls } from './tls.ts'

/** Silence after which one side takes the other for dead is two to three of these, in seconds. */
const HEARTBEAT_SECONDS = 8

/** How long a broker may be silent while it greets, in milliseconds. */
const GREETING_MS = 5000

/** How long a farewell may take, in milliseconds. */
const FAREWELL_MS = 1000

export interface BusConnectionOptions {
  /** What the connection is called, in logs and at the broker (`rabbitmqctl list_connections`). */
  readonly name: string
  readonly brokers: Brokers
  /** Null: without TLS. */
  readonly tls: Tls | null
  /** Longest time between two attempts. */
  readonly retryMs: number
  readonly logger: Logger
}

/** What is made on each new connection, before anybody is told that it is there. */
export interface BusUsers {
  /** Rejects only when the connection broke meanwhile. */
  up(model: ChannelModel): Promise<void>
  down(): void
  /** The broker takes no messages for now, or again. */
  blocked(isBlocked: boolean): void
}

/** The connection to the broker: once it was there, it comes back for ever. */
export class BusConnection {
  readonly #options: BusConnectionOptions
  readonly #users: BusUsers
  #recovering: RecoveringChannelModel | null = null
  #model: ChannelModel | null = null
  #broker = 0

  constructor(options: BusConnectionOptions, users: BusUsers) {
    this.#options = options
    this.#users = users
  }

  /** The broker in use, or the one that is tried, as `host:port`. */
  get where(): string {
    return placeOf(this.#current)
  }

  get model(): ChannelModel | null {
    return this.#model
  }

  /**
   * The first connection: each broker is tried once.
   * @throws {BusUnavailable} none is there
   * @throws {ConfigInvalid} one is there and does not want us
   */
  async open(): Promise<void> {
    const { name, brokers, tls, retryMs, logger } = this.#options
    // amqplib reads it at each attempt: so the next attempt goes to the next broker.
    const url = { protocol: tls === null ? 'amqp' : 'amqps', heartbeat: HEARTBEAT_SECONDS, ...this.#address() }
    const failures: Error[] = []
    const recovering = await connect(url, {
      ...(tls ?? {}),
      noDelay: true,
      timeout: GREETING_MS,
      clientProperties: { connection_name: name },
      recovery: {
        waitForConnect: false,
        initialDelay: Math.min(100, retryMs),
        maxDelay: retryMs,
        jitter: 0.5,
        initialMaxRetries: brokers.list.length - 1,
        setup: (model: ChannelModel) => this.#setUp(model),
      },
    })
    this.#recovering = recovering
    // No listener for `connect`: what one throws there counts as a failed connection, for ever. `setup` does the work.
    recovering.on('connect-failed', (error) => {
      if (failures.length < brokers.list.length)
        failures.push(connectFailure(error, this.#current, brokers.virtualHost, tls !== null))
      logger.debug('the message bus is not reached', { name, where: this.where, error: error.message })
      this.#broker = (this.#broker + 1) % brokers.list.length
      Object.assign(url, this.#address())
    })
    recovering.on('disconnect', (error) => {
      this.#model = null
      logger.warn('the message bus is away', { name, where: this.where, error: error.message })
      this.#users.down()
    })
    recovering.on('blocked', (reason) => {
      logger.warn('the message bus takes no messages', { name, where: this.where, reason })
      this.#users.blocked(true)
    })
    recovering.on('unblocked', () => this.#users.blocked(false))
    // `disconnect` follows.
    recovering.on('error', () => {})
    recovering.on('handler-error', (error: Error) => logger.error('a listener of the bus failed', { error }))
    try {
      await recovering.waitForConnect()
    } catch (error) {
      throw failures.find((failure) => !(failure instanceof BusUnavailable)) ?? failures.at(-1) ?? error
    }
  }

  /** Says goodbye when there is somebody to hear it; leaves no socket behind. */
  async close(): Promise<void> {
    // amqplib has no other way to be rid of the socket of a broker that does not answer the farewell.
    const socket = (this.#model?.connection as { stream?: { destroy(): void } } | undefined)?.stream
    this.#model = null
    const farewell = this.#recovering?.close() ?? Promise.resolve()
    await within(farewell, FAREWELL_MS, () => new Error('no farewell')).catch(() => {})
    socket?.destroy()
  }

  get #current() {
    const { list } = this.#options.brokers
    return list[this.#broker] ?? list[0]
  }

  #address() {
    const { host, port, user, password } = this.#current
    const vhost = encodeURIComponent(this.#options.brokers.virtualHost)
    return { hostname: host, port, username: user, password, vhost }
  }

  async #setUp(model: ChannelModel): Promise<void> {
    // Until amqplib listens itself, an error without a listener would end the process.
    model.on('error', () => {})
    await this.#users.up(model)
    this.#model = model
  }
}

/** Logs what goes wrong on a channel; its `close` follows and is acted upon. */
export function watchChannel(channel: Channel, logger: Logger): void {
  channel.on('error', (error) => logger.warn('a channel of the message bus failed', { error: error.message }))
  channel.on('handler-error', (error: Error) => logger.error('a listener of the bus failed', { error }))
}
