import type { MessageProperties } from 'amqplib'
import type { Logger } from 'netloom/contracts'

/** How many senders are told apart; the rest are one. */
const MAX_SENDERS = 1000

/** Counts malformed messages by sender; each sender is logged once, and again at ten, a hundred and so on. */
export class Strangers {
  readonly #host: string
  readonly #logger: Logger
  readonly #counts = new Map<string, { count: number; next: number }>()

  constructor(host: string, logger: Logger) {
    this.#host = host
    this.#logger = logger
  }

  note({ appId, userId }: MessageProperties, error: Error): void {
    let sender = typeof appId === 'string' ? appId : typeof userId === 'string' ? userId : 'unknown'
    if (!this.#counts.has(sender) && this.#counts.size >= MAX_SENDERS) sender = 'others'
    const known = this.#counts.get(sender) ?? { count: 0, next: 1 }
    this.#counts.set(sender, known)
    known.count += 1
    if (known.count < known.next) return
    known.next *= 10
    this.#logger.warn('a malformed message', { host: this.#host, sender, count: known.count, error })
  }
}
