import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalRpc, type LocalRpcOptions } from '../../../drivers/rpc/local/local-rpc.ts'
import { type Bus, memoryLogger } from './bus.ts'

export interface LocalBus extends Bus {
  readonly runPath: string
  open(host: string, options?: Partial<LocalRpcOptions>): Promise<LocalRpc>
  /** A raw connection to the socket of a host. */
  raw(host: string): Socket
}

/** Drivers on one temporary folder. */
export async function makeLocalBus(): Promise<LocalBus> {
  const folder = await mkdtemp(join(tmpdir(), 'nlbus-'))
  const runPath = join(folder, 'run')
  const { logger, warnings } = memoryLogger()
  const drivers: LocalRpc[] = []
  const sockets: Socket[] = []
  return {
    runPath,
    warnings,
    async open(host, options = {}) {
      const driver = new LocalRpc({ runPath, host, timeoutMs: 5000, logger, ...options })
      drivers.push(driver)
      return driver
    },
    raw(host) {
      const socket = connect(join(runPath, `${host}.sock`))
      socket.on('error', () => {})
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
