/** What the cases of every message bus need, and helpers that they share. */
import type { Dispatch, Json, Logger, RpcDriver } from 'netloom/contracts'
import type { EndpointLimits } from '../../../drivers/rpc/endpoint.ts'
import { within } from '../../../drivers/rpc/within.ts'

/** A bus of its own for each test. */
export interface Bus {
  /** What was logged, warnings and errors only. */
  readonly warnings: readonly string[]
  /** A driver of its own, as each process has one. */
  open(host: string, options?: { readonly limits?: Partial<EndpointLimits> }): Promise<RpcDriver>
  /** Closes all that was opened and leaves nothing behind. */
  end(): Promise<void>
}

/** A logger that remembers what it warns of. */
export function memoryLogger(): { readonly logger: Logger; readonly warnings: string[] } {
  const warnings: string[] = []
  const silent = () => {}
  const warn = (message: string) => void warnings.push(message)
  return { warnings, logger: { debug: silent, info: silent, warn, error: warn } }
}

/** Answers with what it got. */
export const echo: Dispatch = async (method, args) => ({ method, args })

/** A dispatch whose calls end when the test says so. */
export function gate() {
  const begun: string[] = []
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const dispatch = async (method: string): Promise<Json> => {
    begun.push(method)
    await opened
    return method
  }
  return { begun, open, dispatch }
}

/** What a promise was rejected with, as code; fails when it was not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: { code?: string }) => error,
  )
  return 'value' in outcome ? `no error but ${JSON.stringify(outcome.value)}` : (outcome.code ?? String(outcome))
}

/** What a promise comes to; fails when that takes longer. */
export function inTime<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  return within(promise, limitMs, () => new Error(`not settled after ${limitMs} ms`))
}

/** Waits until a fact holds. The limit is for one that never does: how long it takes on a busy machine is no claim. */
export async function until(holds: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not so after ${limitMs} ms: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
