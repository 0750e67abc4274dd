/**
 * The heartbeat of a service. It has a thread of its own, with a connection of its own, so that no work can delay it: a
 * service whose work keeps it from answering is told as busy, not taken for dead (lessons G6).
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { SettingsInput } from '../../config/read-settings.ts'
import type { Logger } from '../contracts/ports.ts'
import type { ServiceReport } from '../model/rows.ts'

/** What a heartbeat tells that does not change while the service runs. */
export type HeartbeatFacts = Omit<ServiceReport, 'busy_since'>

export interface HeartbeatThreadData {
  readonly settings: SettingsInput
  readonly facts: HeartbeatFacts
  readonly intervalMs: number
  /** A counter that the service's own loop moves on: while it stands the service is busy. */
  readonly pulse: Int32Array
}

/** How often the service's loop shows that it goes round, in milliseconds. */
const PULSE_MS = 500

/** How long the thread may take to end, in milliseconds. */
const STOP_MS = 3000

export interface Heartbeat {
  stop(): Promise<void>
}

/** Beats from a thread until stopped; a thread that dies is replaced. */
export function startHeartbeat(
  settings: SettingsInput,
  facts: HeartbeatFacts,
  intervalMs: number,
  logger: Logger,
): Heartbeat {
  const pulse = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const pulsing = setInterval(() => Atomics.add(pulse, 0, 1), PULSE_MS)
  let stopping = false
  let worker = start()

  function start(): Worker {
    const workerData: HeartbeatThreadData = { settings, facts, intervalMs, pulse }
    const thread = new Worker(new URL('./heartbeat-thread.js', import.meta.url), { workerData })
    thread.on('error', (error) => logger.error('the thread of the heartbeat failed', { error }))
    thread.on('exit', () => {
      if (stopping) return
      setTimeout(() => {
        if (!stopping) worker = start()
      }, intervalMs).unref()
    })
    return thread
  }

  return {
    async stop() {
      stopping = true
      clearInterval(pulsing)
      const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
      worker.postMessage('stop')
      await Promise.race([ended, delay(STOP_MS, undefined, { ref: false })])
      await worker.terminate()
    },
  }
}
