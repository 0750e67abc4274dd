import type { Channel, ConsumeMessage } from 'amqplib'
import { ConnectionLost, InvalidInput, type Logger } from 'netloom/contracts'
import type { Endpoint } from '../endpoint.ts'
import {
  encodeAnswer,
  failure,
  MAX_MESSAGE_BYTES,
  messageTooLong,
  type Request,
  type Response,
  readRequest,
} from '../envelope.ts'
import { Memory } from './memory.ts'
import { Strangers } from './strangers.ts'
import { deliveriesOf, idsOf, PROBE, replyToOf, sentMsAgoOf, textOf, UNKNOWN } from './wire.ts'

/** How long an outcome is kept after its caller gave up, for messages that are late themselves, in milliseconds. */
const KEEP_MS = 10_000

/** How long a cast that was done is remembered, for a broker that did not hear so, in milliseconds. */
const KEEP_CAST_MS = 3_600_000

/** A cast that ended the process so often is not begun again. */
export const MAX_DELIVERIES = 5

type Identified = Request & { readonly messageId: string }

/** What one host does with the messages that it is given: once each, however often they come. Never throws. */
export class Answers {
  readonly #endpoint: Endpoint
  readonly #logger: Logger
  readonly #strangers: Strangers
  readonly #calls = new Memory()
  readonly #casts = new Memory()

  constructor(endpoint: Endpoint, logger: Logger) {
    this.#endpoint = endpoint
    this.#logger = logger
    this.#strangers = new Strangers(endpoint.host, logger)
  }

  /** A message that names this host, or a fan-out. */
  async own(channel: Channel, message: ConsumeMessage): Promise<void> {
    if (message.properties.type === PROBE) {
      this.#probed(channel, message)
      acknowledge(channel, message)
      return
    }
    const request = this.#read(channel, message)
    if (request === null) return
    answer(channel, message, await this.#once(request, sentMsAgoOf(message.properties)))
    acknowledge(channel, message)
  }

  /**
   * A call that names no host. One that comes again was with a host that went away: what that did is not known.
   * @param gone aborted when the channel closes: the caller is told that the call is lost, and may repeat it
   */
  async any(channel: Channel, message: ConsumeMessage, gone: AbortSignal): Promise<void> {
    if (message.properties.type === PROBE) {
      acknowledge(channel, message)
      return
    }
    const request = this.#read(channel, message)
    if (request === null) return
    if (message.fields.redelivered) {
      const { method } = request
      // In this order, nothing about the answer can bring it a third time.
      acknowledge(channel, message)
      answer(channel, message, encoded(failure(new ConnectionLost({ method, host: null }))))
      return
    }
    answer(channel, message, encoded(await this.#endpoint.receive(request, gone)))
    acknowledge(channel, message)
  }

  /** A cast that names no host: the broker keeps it until it is done, and so brings it again when that is not known. */
  async stored(channel: Channel, message: ConsumeMessage): Promise<void> {
    const request = this.#read(channel, message)
    if (request === null) return
    const { messageId, method } = request
    const deliveries = deliveriesOf(message.properties)
    if (!this.#casts.has(messageId) && deliveries >= MAX_DELIVERIES) {
      this.#logger.error('a cast was begun too often and is dropped', { host: this.#endpoint.host, method, deliveries })
      acknowledge(channel, message)
      return
    }
    await this.#casts.once(messageId, KEEP_CAST_MS, async () => {
      const outcome = await this.#endpoint.receive({ ...request, timeout_ms: Number.POSITIVE_INFINITY })
      // What this host refuses as it closes stays with the broker, for the next one.
      if ('error' in outcome && outcome.refused === true) this.#casts.forget(messageId)
      return Buffer.alloc(0)
    })
    if (this.#casts.has(messageId)) acknowledge(channel, message)
  }

  #once(request: Identified, sentMsAgo: number | null): Promise<Buffer> {
    const { messageId, method, timeout_ms } = request
    const { host } = this.#endpoint
    if (sentMsAgo !== null && !this.#calls.has(messageId) && this.#calls.mayHaveForgotten(sentMsAgo))
      return Promise.resolve(encoded(failure(new ConnectionLost({ method, host }))))
    // A fan-out names no host, but what comes to our own queue means us.
    const begin = async () => encoded(await this.#endpoint.receive({ ...request, server: request.server ?? host }))
    return this.#calls.once(messageId, timeout_ms + KEEP_MS, begin)
  }

  /** Says which calls are not known, and answers again those that are done. */
  #probed(channel: Channel, { properties, content }: ConsumeMessage): void {
    const to = replyToOf(properties)
    if (to === null) return
    for (const id of idsOf(content)) {
      const known = this.#calls.answer(id)
      if (known === undefined) reply(channel, to, Buffer.alloc(0), id, UNKNOWN)
      else if (known !== null) reply(channel, to, known, id)
    }
  }

  /** The request; null when it is none: then it is done with, and said so where there is somebody to hear it. */
  #read(channel: Channel, message: ConsumeMessage): Identified | null {
    const { content, properties } = message
    const { messageId } = properties
    const read = readRequest(textOf(content))
    let problem: Error
    if (content.length > MAX_MESSAGE_BYTES) problem = messageTooLong(content.length)
    else if ('problem' in read) problem = read.problem
    else if (typeof messageId === 'string' && messageId !== '') return { ...read.message, messageId }
    else problem = new InvalidInput({ what: 'message id', value: null, want: 'a text of its own for each message' })
    this.#strangers.note(properties, problem)
    acknowledge(channel, message)
    answer(channel, message, encoded(failure(problem, true)))
    return null
  }
}

function encoded(response: Response): Buffer {
  return Buffer.from(encodeAnswer(response))
}

function answer(channel: Channel, { properties }: ConsumeMessage, content: Buffer): void {
  const to = replyToOf(properties)
  if (to !== null) reply(channel, to, content, properties.correlationId)
}

function reply(channel: Channel, to: string, content: Buffer, correlationId: unknown, type?: string): void {
  const properties = { ...(typeof correlationId === 'string' ? { correlationId } : {}), ...(type ? { type } : {}) }
  try {
    channel.sendToQueue(to, content, properties)
  } catch {
    // The channel is gone; the caller asks after its call.
  }
}

function acknowledge(channel: Channel, message: ConsumeMessage): void {
  try {
    channel.ack(message)
  } catch {
    // The channel is gone, and the broker brings again what it has to.
  }
}
