import {
  type Dispatch,
  type Json,
  type Logger,
  type RpcServeOptions,
  RpcTimeout,
  runWithin,
  ServiceAlreadyRunning,
  ServiceUnavailable,
  TryLater,
} from 'netloom/contracts'
import { failure, type Request, type Response } from './envelope.ts'
import { within } from './within.ts'

/** How much one host does and holds at a time. */
export interface EndpointLimits {
  /** Requests of other processes that run at a time. */
  readonly running: number
  /** Requests that wait for one of those places; what comes after is refused. */
  readonly waiting: number
  /** How long a close waits for what runs, in milliseconds. */
  readonly closeMs: number
}

export const defaultLimits: EndpointLimits = { running: 128, waiting: 2048, closeMs: 10_000 }

interface Served {
  readonly dispatch: Dispatch
  readonly direct: boolean
}

/** The host that serves, apart from what carries the messages: its topics, and the bound on what runs at a time. */
export class Endpoint {
  readonly host: string
  readonly #where: string
  readonly #logger: Logger
  readonly #limits: EndpointLimits
  readonly #topics = new Map<string, Served>()
  readonly #waiting: (() => void)[] = []
  readonly #active = new Map<Promise<Response>, string>()
  readonly #closing = new Set<string>()
  #running = 0

  constructor(host: string, where: string, logger: Logger, limits: EndpointLimits) {
    this.host = host
    this.#where = where
    this.#logger = logger
    this.#limits = limits
  }

  /** @throws {ServiceAlreadyRunning} the topic is served */
  add(topic: string, dispatch: Dispatch, { direct = false }: RpcServeOptions = {}): void {
    if (this.#topics.has(topic)) throw new ServiceAlreadyRunning({ host: this.host, where: this.#where })
    this.#topics.set(topic, { dispatch, direct })
  }

  get topics(): readonly string[] {
    return [...this.#topics.keys()]
  }

  serves(topic: string): boolean {
    return this.#topics.has(topic)
  }

  /** True when the topic is served, to one who names this host, or no host where that is not left to others. */
  accepts({ topic, server }: Pick<Request, 'topic' | 'server'>): boolean {
    const served = this.#topics.get(topic)
    return served !== undefined && (server === null ? !served.direct : server === this.host)
  }

  /** Why a request of another process is not taken now, or null. */
  refusal(request: Request): Response | null {
    if (!this.accepts(request) || this.#closing.has(request.topic)) return this.#unserved()
    if (this.#running < this.#limits.running || this.#waiting.length < this.#limits.waiting) return null
    const reason = `host ${this.host} is busy: ${this.#limits.waiting} requests wait already`
    return failure(new TryLater({ reason }), true)
  }

  /**
   * Runs a request of another process within the bound, at once or when its turn comes. Never rejects.
   * @param gone aborted when the answer cannot reach the caller any more, who then may ask again
   */
  async receive(request: Request, gone?: AbortSignal): Promise<Response> {
    const refusal = this.refusal(request)
    if (refusal !== null) return refusal
    const late = await this.#place(request.timeout_ms)
    try {
      if (this.#closing.has(request.topic)) return this.#unserved()
      if (!late) return await this.run(request, gone)
      const { method, timeout_ms } = request
      return failure(new RpcTimeout({ method, host: this.host, seconds: timeout_ms / 1000 }), true)
    } finally {
      this.#leave()
    }
  }

  /**
   * Runs a request at once. Calls of this process come here directly, also while the host closes: an operation that
   * calls its own host holds a place already, and would wait for itself. Never rejects.
   */
  async run(request: Request, gone?: AbortSignal): Promise<Response> {
    const served = this.#topics.get(request.topic)
    if (served === undefined || !this.accepts(request)) return this.#unserved()
    const outcome = this.#dispatch(served.dispatch, request, gone)
    this.#active.set(outcome, request.topic)
    try {
      return await outcome
    } finally {
      this.#active.delete(outcome)
    }
  }

  /** Ends a topic: refuses what waits or comes, and waits for what runs, within bounds. */
  async close(topic: string): Promise<void> {
    this.#closing.add(topic)
    const ended = Promise.all(this.#activeOn(topic))
    const cut = () => new TryLater({ reason: `operations run after ${this.#limits.closeMs / 1000} s` })
    try {
      await within(ended, this.#limits.closeMs, cut)
    } catch {
      this.#logger.warn('closed while operations run', { host: this.host, operations: this.#activeOn(topic).length })
    }
    this.#topics.delete(topic)
    this.#closing.delete(topic)
  }

  #activeOn(topic: string): Promise<Response>[] {
    return [...this.#active].filter(([, its]) => its === topic).map(([outcome]) => outcome)
  }

  /** Takes a place, waiting for one when all are taken. @returns whether the wait was longer than the caller's */
  async #place(patienceMs: number): Promise<boolean> {
    if (this.#running < this.#limits.running) {
      this.#running += 1
      return false
    }
    const since = performance.now()
    await new Promise<void>((turn) => this.#waiting.push(turn))
    return performance.now() - since >= patienceMs
  }

  /** Gives the place to the next that waits. */
  #leave(): void {
    const turn = this.#waiting.shift()
    if (turn === undefined) this.#running -= 1
    else turn()
  }

  #unserved(): Response {
    return failure(new ServiceUnavailable({ host: this.host, where: this.#where }), true)
  }

  async #dispatch(dispatch: Dispatch, request: Request, gone?: AbortSignal): Promise<Response> {
    const { kind, method, args, timeout_ms } = request
    try {
      // A cast has nobody who waits; of a call's time a little is the way here.
      const answer =
        kind === 'cast' ? dispatch(method, args) : runWithin(0.95 * timeout_ms, () => dispatch(method, args), gone)
      // An operation without a result answers undefined, which JSON cannot say.
      return { result: ((await answer) as Json | undefined) ?? null }
    } catch (error) {
      if (kind === 'cast') this.#logger.warn('a cast failed', { host: this.host, method, error })
      return failure(error)
    }
  }
}
