import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, link, rename, rm, stat } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ServiceAlreadyRunning, TryLater } from 'netloom/contracts'

/** Takes away the name again, unless another has it by now. */
export type ReleaseSocket = () => Promise<void>

/** How long others may be in the middle of the same, in milliseconds. */
const PATIENCE_MS = 5000

/**
 * Makes `server` listen at `path`, in place of what a dead process left there. It first listens under a name of its
 * own. A second name for that, the claim, is the lock under which the public name is looked at and taken, so that of
 * several that start at once one wins. A claim whose owner was killed is told by nobody listening on it.
 * @throws {ServiceAlreadyRunning} a live service is there
 */
export async function claimSocket(server: Server, path: string, host: string): Promise<ReleaseSocket> {
  const own = join(dirname(path), `.${randomBytes(3).toString('base64url')}`)
  const claim = join(dirname(path), `.${host}`)
  server.listen({ path: own, backlog: 511 })
  await once(server, 'listening')
  try {
    await chmod(own, 0o600)
    const { ino } = await stat(own)
    await takeClaim(own, claim)
    try {
      if (await answers(path)) throw new ServiceAlreadyRunning({ host, where: path })
      await rename(own, path)
    } finally {
      await rm(claim, { force: true })
    }
    return () => release(path, ino)
  } catch (error) {
    server.close()
    throw error
  } finally {
    await rm(own, { force: true })
  }
}

async function takeClaim(own: string, claim: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await linked(own, claim))) {
    if (performance.now() > deadline) throw new TryLater({ reason: `another service is starting at ${claim}` })
    if (await answers(claim)) await delay(10)
    else await rm(claim, { force: true })
  }
}

async function linked(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** True when a process listens there. */
async function answers(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false
    // Its queue is full: somebody has it.
    if (code === 'EAGAIN') return true
    throw error
  } finally {
    socket.destroy()
  }
}

async function release(path: string, ino: number): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (found?.ino === ino) await rm(path, { force: true })
}
