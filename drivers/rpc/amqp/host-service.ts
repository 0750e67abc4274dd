import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from 'netloom/contracts'
import type { Endpoint } from '../endpoint.ts'
import { within } from '../within.ts'
import type { Line } from './line.ts'
import { Serving } from './serving.ts'
import { type Declare, declareCasts, declareHost, type Topology } from './topology.ts'

/** How long a start waits for the queue of casts, in milliseconds. */
const CASTS_MS = 5000

export interface HostServiceOptions {
  readonly topology: Topology
  readonly endpoint: Endpoint
  readonly logger: Logger
}

/** One topic of one host, from when it is served until it is not. */
export class HostService {
  readonly #options: HostServiceOptions
  readonly #kept: { readonly line: Line; readonly serving: Serving }[] = []

  constructor(options: HostServiceOptions) {
    this.#options = options
  }

  /**
   * @param casts the connection for the queue of casts; null: the host serves only what names it, and fan-outs
   * @throws {ServiceAlreadyRunning} @throws {BusUnavailable}
   */
  async open(line: Line, casts: Line | null): Promise<void> {
    const { topology, logger } = this.#options
    const { topic, host, names } = topology
    const serving = (on: Line, declare: Declare) => {
      const made = new Serving({ topic, host, declare, logger, where: on.where })
      this.#kept.push({ line: on, serving: made })
      return made
    }
    await line.serve(serving(line, declareHost(topology, casts === null)))
    if (casts === null) return
    // Calls are served without it.
    const kept = casts.keep(serving(casts, declareCasts(topology)))
    const late = () => new Error(`the broker does not answer in ${CASTS_MS / 1000} s`)
    await within(kept, CASTS_MS, late).catch((error: Error) => {
      const queue = names.casts(topic)
      const remedy = `when it stays so: rabbitmqctl delete_queue ${queue}, which loses the casts in it`
      logger.error('stored casts are not read', { queue, error: error.message, remedy })
    })
  }

  /** Leaves shared queues to others, refuses what comes to the own one, answers what runs, within bounds. */
  async close(): Promise<void> {
    const ended = this.#options.endpoint.close(this.#options.topology.topic)
    await Promise.all(this.#kept.map(({ serving }) => serving.retire()))
    await ended
    // What has ended just now is answered first.
    await nextTurn()
    await Promise.all(this.#kept.splice(0).map(({ line, serving }) => line.leave(serving)))
  }
}
