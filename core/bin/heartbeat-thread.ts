/** The thread of the heartbeat: opens a connection of its own, tells that the service lives, and since when it is busy. */
import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { boot } from './boot.ts'
import type { HeartbeatThreadData } from './heartbeat.ts'
import { openReporter } from './service-parts.ts'

/** How often the pulse of the service is felt, in milliseconds. */
const FEEL_MS = 1000

/** A service whose loop stands for so long is busy, in milliseconds. */
const BUSY_MS = 3000

const { settings, facts, intervalMs, pulse } = workerData as HeartbeatThreadData
const stopped = new AbortController()
parentPort?.once('message', () => stopped.abort())

const booted = await boot(settings)
const { logger, container } = booted
const reporter = await openReporter(booted)

let seen = { pulse: Atomics.load(pulse, 0), at: Date.now() }
let away = false
let next = Date.now() + intervalMs
while (!stopped.signal.aborted) {
  await delay(Math.min(FEEL_MS, intervalMs), undefined, { signal: stopped.signal }).catch(() => undefined)
  const now = Date.now()
  const felt = Atomics.load(pulse, 0)
  if (felt !== seen.pulse) seen = { pulse: felt, at: now }
  if (now < next || stopped.signal.aborted) continue
  next = now + intervalMs
  const busy_since = now - seen.at >= BUSY_MS ? new Date(seen.at).toISOString() : null
  try {
    await reporter.report({ ...facts, busy_since })
    if (away) logger.info('heartbeats are heard again')
    away = false
  } catch (error) {
    if (!away) logger.error('heartbeats are not heard', { error })
    away = true
  }
}
await reporter.close()
await container.dispose()
