import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dispatch, Logger } from 'netloom/contracts'
import { LocalRpc, type LocalRpcOptions } from '../../../drivers/rpc/local/local-rpc.ts'

export interface Bus {
  readonly runPath: string
  /** What was logged, warnings only. */
  readonly warnings: readonly string[]
  /** A driver of its own, as each process has one. */
  open(host: string, options?: Partial<LocalRpcOptions>): LocalRpc
  /** A raw connection to the socket of a host. */
  raw(host: string): Socket
  /** Closes all that was opened and deletes the folder. */
  end(): Promise<void>
}

/** Drivers on one temporary folder. */
export async function makeBus(): Promise<Bus> {
  const folder = await mkdtemp(join(tmpdir(), 'nlbus-'))
  const runPath = join(folder, 'run')
  const warnings: string[] = []
  const drivers: LocalRpc[] = []
  const sockets: Socket[] = []
  const silent = () => {}
  const logger: Logger = { debug: silent, info: silent, warn: (message) => warnings.push(message), error: silent }
  return {
    runPath,
    warnings,
    open(host, options = {}) {
      const driver = new LocalRpc({ runPath, host, timeoutMs: 5000, logger, ...options })
      drivers.push(driver)
      return driver
    },
    raw(host) {
      const socket = connect(join(runPath, `${host}.sock`))
      socket.on('error', silent)
      sockets.push(socket)
      return socket
    },
    async end() {
      for (const socket of sockets) socket.destroy()
      await Promise.all(drivers.map((driver) => driver.close()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Answers with what it got. */
export const echo: Dispatch = async (method, args) => ({ method, args })

/** What a promise was rejected with, as code; fails when it was not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: { code?: string }) => error,
  )
  return 'value' in outcome ? `no error but ${JSON.stringify(outcome.value)}` : (outcome.code ?? String(outcome))
}

/** Waits until a fact holds. */
export async function until(holds: () => boolean | Promise<boolean>, limitMs = 5000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not so after ${limitMs} ms: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
