/** What a host declares at the broker, and who reads it. */
import type { Channel, ConsumeMessage } from 'amqplib'
import type { Answers } from './answers.ts'
import type { Names } from './names.ts'

/** Time without readers after which the queue of calls goes, in milliseconds. */
const UNREAD_MS = 10_000

/** Casts that one host takes from the shared queue at a time. */
const CASTS = 16

/** How often the broker brings a cast before it drops it itself: a backstop for what `Answers` does. */
const DELIVERY_LIMIT = 20

/** Declares and reads. @returns the consumers of queues that are shared with other hosts */
export type Declare = (channel: Channel) => Promise<readonly string[]>

export interface Topology {
  readonly topic: string
  readonly host: string
  readonly names: Names
  readonly answers: Answers
  /** Requests that run at a time, and that wait at the broker for one of those places. */
  readonly limits: { readonly running: number; readonly waiting: number }
}

/**
 * The own queue, exclusive: it goes with the connection, so that a call to a dead host comes back at once, and a second
 * process of the host is told. And the queue of calls that name no host, unless `direct`.
 */
export function declareHost({ topic, host, names, answers, limits }: Topology, direct: boolean): Declare {
  return async (channel) => {
    const shared: string[] = []
    const own = names.host(topic, host)
    const full = { maxLength: limits.waiting, arguments: { 'x-overflow': 'reject-publish' } }
    await channel.prefetch(limits.running)
    await channel.assertQueue(own, { exclusive: true, autoDelete: true, durable: false, ...full })
    await channel.assertExchange(names.fanout, 'direct', { durable: true })
    await channel.bindQueue(own, names.fanout, topic)
    if (!direct) {
      const calls = names.calls(topic)
      const gone = new AbortController()
      channel.once('close', () => gone.abort())
      await channel.assertQueue(calls, { autoDelete: true, expires: UNREAD_MS, ...full })
      shared.push(await read(channel, calls, (message) => answers.any(channel, message, gone.signal)))
    }
    await read(channel, own, (message) => answers.own(channel, message))
    return shared
  }
}

/** The queue of casts that name no host: a quorum queue, which keeps what it confirmed. */
export function declareCasts({ topic, names, answers }: Topology): Declare {
  return async (channel) => {
    const casts = names.casts(topic)
    const quorum = { 'x-queue-type': 'quorum', 'x-delivery-limit': DELIVERY_LIMIT }
    await channel.prefetch(CASTS)
    await channel.assertQueue(casts, { durable: true, arguments: quorum })
    return [await read(channel, casts, (message) => answers.stored(channel, message))]
  }
}

async function read(channel: Channel, queue: string, take: (message: ConsumeMessage) => Promise<void>) {
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message !== null) void take(message)
    // The queue was deleted under us.
    else channel.close().catch(() => {})
  })
  return consumerTag
}
