import type { ChannelModel, ConfirmChannel, ConsumeMessage, Message } from 'amqplib'
import { BusUnavailable, type Logger, RpcTimeout, ServiceUnavailable, TryLater } from 'netloom/contracts'
import { failure, type Request, type Response, readResponse } from '../envelope.ts'
import { within } from '../within.ts'
import { watchChannel } from './bus-connection.ts'
import type { Names } from './names.ts'
import { overdue, Question } from './question.ts'
import { fanoutRoute, type Route, routeOf } from './route.ts'
import { idsOf, PROBE, probeMessage, REPLY_TO, textOf, UNKNOWN } from './wire.ts'

/** How long what is new waits for a bus that is away, in milliseconds. */
const PATIENCE_MS = 5000

/** How long hosts may take to come back after the bus did, in milliseconds. */
const RETURN_MS = 5000

/** Time between two tries to reach a host that may be coming back, in milliseconds. */
const RETRY_MS = 100

/** Calls that last longer are asked after, so often, in milliseconds. */
const PROBE_MS = 2000

export interface CallerOptions {
  readonly names: Names
  /** The host that asks, for the logs of those who are asked. */
  readonly host: string
  readonly logger: Logger
  /** The broker, for errors. */
  readonly where: () => string
}

/** The asking side: what was sent, what waits for an answer, and what becomes of it when the connection breaks. */
export class Caller {
  readonly #options: CallerOptions
  readonly #questions = new Map<string, Question>()
  readonly #probes = setInterval(() => this.#probe(), PROBE_MS).unref()
  #channel: ConfirmChannel | null = null
  #blocked = false
  #wasUp = false
  #closed = false
  /** Until when a host that is not there may be on its way back. */
  #returnUntil = 0

  constructor(options: CallerOptions) {
    this.#options = options
  }

  /** Takes a new connection, and sends on it what waited for it. */
  async up(model: ChannelModel): Promise<void> {
    const channel = await model.createConfirmChannel()
    watchChannel(channel, this.#options.logger)
    let open = true
    channel.on('close', () => {
      open = false
      this.#lose(channel)
      // When the connection itself is well, it is given up too: with a new one all is made anew.
      setImmediate(() => model.close().catch(() => {}))
    })
    channel.on('return', (message) => this.#returned(message))
    await channel.assertExchange(this.#options.names.fanout, 'direct', { durable: true })
    await channel.consume(REPLY_TO, (message) => this.#answered(channel, message), { noAck: true })
    if (!open) throw new Error('the channel was closed')
    this.#channel = channel
    if (this.#wasUp) this.#returnUntil = performance.now() + RETURN_MS
    this.#wasUp = true
    this.blocked(false)
  }

  /** While the broker takes no messages, they wait here. */
  blocked(isBlocked: boolean): void {
    this.#blocked = isBlocked
    for (const question of this.#questions.values()) this.#send(question)
  }

  /** Those who still wait get ConnectionLost. */
  close(): void {
    this.#closed = true
    clearInterval(this.#probes)
    for (const question of this.#questions.values()) question.lose()
  }

  /** Whether there is a broker that takes messages. */
  get #takes(): boolean {
    return this.#channel !== null && !this.#blocked
  }

  /**
   * Waits for the answer to a call; of a cast, until the broker has it.
   * @throws {ServiceUnavailable} @throws {ConnectionLost} @throws {RpcTimeout} @throws {BusUnavailable}
   */
  ask(request: Request, signal?: AbortSignal): Promise<Response> {
    return this.#ask(request, routeOf(request, this.#options.names), signal)
  }

  /** Returns when the broker has it. @throws {BusUnavailable} */
  fanout(request: Request): Promise<Response> {
    return this.#ask(request, fanoutRoute(request, this.#options.names))
  }

  async #ask(request: Request, route: Route, signal?: AbortSignal): Promise<Response> {
    signal?.throwIfAborted()
    if (this.#closed) throw this.#unavailable(request)
    const question = new Question(request, route)
    this.#questions.set(question.id, question)
    this.#send(question)
    const giveUp = () => {
      if (question.since === null && !this.#takes) question.reject(this.#away())
    }
    const patience = question.sent ? undefined : setTimeout(giveUp, PATIENCE_MS)
    try {
      return await within(question.outcome, request.timeout_ms, () => this.#late(question), signal)
    } finally {
      clearTimeout(patience)
      this.#questions.delete(question.id)
    }
  }

  /** Sends what is not sent, as soon as it can be. */
  #send(question: Question): void {
    const channel = this.#channel
    if (channel === null || this.#blocked || question.sent || question.expired) return
    const { exchange, key } = question.route
    const { content, properties } = question.message(this.#options.host)
    const { sending } = question
    try {
      channel.publish(exchange, key, content, properties, (error: Error | null) => {
        if (question.sending === sending) this.#confirmed(question, error)
      })
    } catch {
      // The channel is about to close; then it is sent on the next one.
      return
    }
    question.markSent()
  }

  #confirmed(question: Question, error: Error | null): void {
    const { kind, server } = question.request
    if (error === null) {
      if (kind === 'cast') question.resolve({ result: null })
      return
    }
    // A channel that closes says so of all its messages; `#lose` knows what that means for each.
    if (error.message !== 'message nacked') return
    question.takeBack()
    if (question.since !== null) {
      this.#sendAgain(question)
      return
    }
    const reason = `${server === null ? 'every host' : `host ${server}`} is busy: its queue is full`
    question.resolve(failure(new TryLater({ reason }), true))
  }

  /** The broker had no queue for it: the host is not there. */
  #returned({ properties, content }: Message): void {
    if (properties.type === PROBE) {
      for (const id of idsOf(content)) this.#questions.get(id)?.lose()
      return
    }
    const question = this.#questions.get(properties.messageId)
    if (question === undefined) return
    question.takeBack()
    if (performance.now() < this.#returnUntil) this.#sendAgain(question)
    else if (question.since === null) question.reject(this.#unavailable(question.request))
    else question.lose()
  }

  #answered(channel: ConfirmChannel, message: ConsumeMessage | null): void {
    if (message === null) {
      channel.close().catch(() => {})
      return
    }
    const { correlationId, type } = message.properties
    const question = this.#questions.get(correlationId)
    if (question === undefined) return
    if (type === UNKNOWN) {
      question.lose()
      return
    }
    const read = readResponse(textOf(message.content))
    if ('problem' in read) {
      question.reject(read.problem)
      return
    }
    const response = read.message
    const refused = 'error' in response && response.refused === true && response.error.code === ServiceUnavailable.code
    if (refused && question.request.server === null) {
      // That host is closing: another one may take it.
      question.takeBack()
      this.#sendAgain(question)
    } else question.resolve(response)
  }

  #sendAgain(question: Question): void {
    setTimeout(() => {
      if (this.#questions.has(question.id)) this.#send(question)
    }, RETRY_MS)
  }

  #lose(channel: ConfirmChannel): void {
    if (this.#channel === channel) this.#channel = null
    for (const question of this.#questions.values()) {
      question.interrupt()
      if (question.since !== null && !question.route.repeatable) question.lose()
    }
  }

  /** Asks after calls that take long: a server that dies takes its queue and the calls in it along without a word. */
  #probe(): void {
    for (const [key, ids] of overdue(this.#questions.values(), performance.now() - PROBE_MS)) {
      const { content, properties } = probeMessage(ids, PROBE_MS, this.#options.host)
      try {
        this.#channel?.publish('', key, content, properties)
      } catch {
        // The channel is about to close, which says more than a probe.
      }
    }
  }

  #late(question: Question): Error {
    const { method, server, timeout_ms } = question.request
    if (question.sent) return new RpcTimeout({ method, host: server, seconds: timeout_ms / 1000 })
    if (question.since !== null) return question.lost()
    return this.#takes ? this.#unavailable(question.request) : this.#away()
  }

  #away(): Error {
    const reason = this.#blocked ? 'it takes no messages for now, being short of memory or disk' : 'not connected'
    return new BusUnavailable({ where: this.#options.where(), reason })
  }

  #unavailable({ server }: Request): Error {
    return new ServiceUnavailable({ host: server, where: this.#options.where() })
  }
}
