/** What our messages say in the properties of AMQP; `envelope.ts` has what they say in their bodies. */
import { isUtf8 } from 'node:buffer'
import type { MessageProperties } from 'amqplib'
import { MAX_MESSAGE_BYTES } from '../envelope.ts'

/** The broker's name for the channel that asks: answers come back on it, without a queue. */
export const REPLY_TO = 'amq.rabbitmq.reply-to'

/** The longest time to live that the broker takes, in milliseconds. */
const LONGEST_MS = 2 ** 32 - 1

/** `type` of a message that asks whether calls are still known; its body is `{"ids":[...]}`. */
export const PROBE = 'probe'

/** `type` of an answer to a probe: the call is not known. */
export const UNKNOWN = 'unknown'

/** Header of a message that may have been delivered before: how long ago it was first sent, in milliseconds. */
const SENT_MS_AGO = 'sent_ms_ago'

/** The time to live of a message whose caller waits so long. */
export function expirationOf(ms: number): string {
  return String(Math.min(Math.ceil(ms), LONGEST_MS))
}

/** @param sentMsAgo null when this is the first time for sure */
export function headersOf(sentMsAgo: number | null): Record<string, unknown> {
  return sentMsAgo === null ? {} : { [SENT_MS_AGO]: Math.ceil(sentMsAgo) }
}

/** How long ago the message was first sent; null when this is the first time for sure. */
export function sentMsAgoOf({ headers }: MessageProperties): number | null {
  const value: unknown = headers?.[SENT_MS_AGO]
  return typeof value === 'number' && value >= 0 ? value : null
}

/** How often a message of a quorum queue was delivered before. */
export function deliveriesOf({ headers }: MessageProperties): number {
  const value: unknown = headers?.['x-delivery-count']
  return typeof value === 'number' ? value : 0
}

/** Where to answer; null when nobody waits for an answer, or claims to wait where no caller can. */
export function replyToOf({ replyTo }: MessageProperties): string | null {
  return typeof replyTo === 'string' && replyTo.startsWith(`${REPLY_TO}.`) ? replyTo : null
}

/** The text of a body; null when it is not UTF-8. */
export function textOf(content: Buffer): string | null {
  return content.length <= MAX_MESSAGE_BYTES && isUtf8(content) ? content.toString('utf8') : null
}

/** Asks whether calls are still known. @param from the host that asks */
export function probeMessage(ids: readonly string[], everyMs: number, from: string) {
  return {
    content: Buffer.from(JSON.stringify({ ids })),
    properties: { type: PROBE, mandatory: true, replyTo: REPLY_TO, expiration: expirationOf(everyMs), appId: from },
  }
}

/** The ids that a probe asks for; none when it is malformed. */
export function idsOf(content: Buffer): readonly string[] {
  try {
    const { ids } = JSON.parse(textOf(content) ?? '') as { ids?: unknown }
    return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : []
  } catch {
    return []
  }
}
