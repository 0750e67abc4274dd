import { randomUUID } from 'node:crypto'
import type { Options } from 'amqplib'
import { ConnectionLost, type NetloomError } from 'netloom/contracts'
import { encodeMessage, envelope, type Request, type Response } from '../envelope.ts'
import type { Route } from './route.ts'
import { expirationOf, headersOf, REPLY_TO } from './wire.ts'

/** One message of ours from when it is asked for until it is settled, over as many sendings as that takes. */
export class Question {
  readonly id = randomUUID()
  readonly request: Request
  readonly route: Route
  readonly outcome: Promise<Response>
  readonly #deadline: number
  #resolve: (response: Response) => void = () => {}
  #reject: (error: Error) => void = () => {}
  #sending = 0
  #sent = false
  #since: number | null = null
  #sinceBefore: number | null = null

  /** @throws {InvalidInput} it is longer than the bus carries @throws {TypeError} it is no JSON */
  constructor(request: Request, route: Route) {
    encodeMessage(envelope(request))
    this.request = request
    this.route = route
    this.#deadline = performance.now() + request.timeout_ms
    this.outcome = new Promise<Response>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** The broker has it, as far as we know. */
  get sent(): boolean {
    return this.#sent
  }

  /** When it was first sent, as `performance.now()`; null when for sure nobody has had it. */
  get since(): number | null {
    return this.#since
  }

  /** Tells late news of an earlier sending from news of the last. */
  get sending(): number {
    return this.#sending
  }

  get expired(): boolean {
    return this.#deadline <= performance.now()
  }

  resolve(response: Response): void {
    this.#resolve(response)
  }

  reject(error: Error): void {
    this.#reject(error)
  }

  /** It may or may not be done, and nobody can tell any more. */
  lose(): void {
    this.reject(this.lost())
  }

  /** The error of `lose`. */
  lost(): NetloomError {
    const { method, server } = this.request
    return new ConnectionLost({ method, host: server })
  }

  /** The message of the next sending. @param from the host that asks */
  message(from: string): { readonly content: Buffer; readonly properties: Options.Publish } {
    const { request, route, id } = this
    const now = performance.now()
    const timeout_ms = Math.ceil(this.#deadline - now)
    this.#sending += 1
    return {
      content: Buffer.from(encodeMessage(envelope({ ...request, timeout_ms }))),
      properties: {
        mandatory: route.mandatory,
        messageId: id,
        correlationId: id,
        appId: from,
        contentType: 'application/json',
        headers: headersOf(this.#since === null ? null : now - this.#since),
        ...(route.persistent ? { persistent: true } : { expiration: expirationOf(timeout_ms) }),
        ...(request.kind === 'call' ? { replyTo: REPLY_TO } : {}),
      },
    }
  }

  /** The message was handed to the connection. */
  markSent(): void {
    this.#sent = true
    this.#sinceBefore = this.#since
    this.#since ??= performance.now()
  }

  /** The last sending reached nobody. */
  takeBack(): void {
    this.interrupt()
    this.#since = this.#sinceBefore
  }

  /** What became of the last sending will not be known. */
  interrupt(): void {
    this.#sending += 1
    this.#sent = false
  }
}

/** Calls that the broker has had since before then: their ids, by routing key. */
export function overdue(questions: Iterable<Question>, before: number): ReadonlyMap<string, readonly string[]> {
  const idsByKey = new Map<string, string[]>()
  for (const { id, request, route, sent, since } of questions) {
    if (!sent || request.kind === 'cast' || since === null || since > before) continue
    const ids = idsByKey.get(route.key) ?? []
    idsByKey.set(route.key, ids)
    ids.push(id)
  }
  return idsByKey
}
