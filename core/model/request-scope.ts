/** Which request a piece of work belongs to, and until when, without handing it through every call. */
import { AsyncLocalStorage } from 'node:async_hooks'

interface Scope {
  readonly requestId?: string
  /** As `performance.now()` gives it. */
  readonly deadlineMs?: number
  /** Aborted when nobody can get the answer any more. */
  readonly gone?: AbortSignal | undefined
}

const current = new AsyncLocalStorage<Scope>()

/** Runs work as part of a request, for log lines; all that it starts belongs to it too. */
export function runInRequest<T>(requestId: string, work: () => T): T {
  return current.run({ ...current.getStore(), requestId }, work)
}

/** The id of the request that this is part of; undefined outside any. */
export function currentRequestId(): string | undefined {
  return current.getStore()?.requestId
}

/**
 * Runs work whose caller waits for so long, in milliseconds, and no longer than until the signal: nothing of it is begun
 * in the store afterwards, so that what the caller does then is not overtaken by it.
 */
export function runWithin<T>(timeoutMs: number, work: () => T, gone?: AbortSignal): T {
  return current.run({ ...current.getStore(), deadlineMs: performance.now() + timeoutMs, gone }, work)
}

/** Runs what must be done though nobody waits any more, such as an undo. */
export function runToTheEnd<T>(work: () => T): T {
  const { deadlineMs: _, gone: __, ...scope } = current.getStore() ?? {}
  return current.run(scope, work)
}

/** How long the caller still waits, in milliseconds, 0 when it does not any more; undefined when it waits for ever. */
export function timeLeftMs(): number | undefined {
  const { deadlineMs, gone } = current.getStore() ?? {}
  if (gone?.aborted) return 0
  return deadlineMs === undefined ? undefined : Math.max(0, deadlineMs - performance.now())
}
