/** Which request a piece of work belongs to, without handing its id through every call: for log lines. */
import { AsyncLocalStorage } from 'node:async_hooks'

const current = new AsyncLocalStorage<string>()

/** Runs work as part of a request; all that it starts belongs to it too. */
export function runInRequest<T>(requestId: string, work: () => T): T {
  return current.run(requestId, work)
}

/** The id of the request that this is part of; undefined outside any. */
export function currentRequestId(): string | undefined {
  return current.getStore()
}
