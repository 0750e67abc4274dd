/** The folder in which `netloom-dhcpbridge` leaves lease events, one file each, while the service is here or away. */
import { type FSWatcher, mkdirSync, readdirSync, readFileSync, watch as watchFolder } from 'node:fs'
import { mkdir, readdir, readFile, rename, unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type LeaseEvent, type LeaseSpool, type Logger, parseAddress, parseMac } from 'netloom/contracts'

/** Belt and braces: inotify may be exhausted, and a folder may be replaced under us. */
const POLL_MS = 5_000

/** Where files go that hold no event; the dot hides it from the reader. */
const REJECTED = '.rejected'

export interface LeaseSpoolOptions {
  readonly folder: string
  readonly logger: Logger
  readonly pollMs?: number
}

/** A spool over a folder, which is made (for root only) when it is not there. */
export function createLeaseSpool({ folder, logger, pollMs = POLL_MS }: LeaseSpoolOptions): LeaseSpool {
  const boot = bootId()
  const stuck = new Set<string>()

  async function names(): Promise<readonly string[]> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const all = await readdir(folder)
    return all.filter((name) => !name.startsWith('.')).sort((a, b) => compareNames(a, b, boot))
  }

  async function read(): Promise<readonly LeaseEvent[]> {
    const events: LeaseEvent[] = []
    for (const name of await names()) {
      try {
        events.push(parseEvent(name, await readFile(join(folder, name), 'utf8')))
      } catch (error) {
        if (!isMissing(error)) await reject(name, error)
      }
    }
    return events
  }

  /** One bad file is told once, and never keeps the others waiting. */
  async function reject(name: string, error: unknown): Promise<void> {
    if (stuck.has(name)) return
    logger.warn('a lease event cannot be read and is put aside', { file: join(folder, name), error })
    try {
      await mkdir(join(folder, REJECTED), { recursive: true, mode: 0o700 })
      await rename(join(folder, name), join(folder, REJECTED, name))
    } catch {
      stuck.add(name)
    }
  }

  async function done(event: LeaseEvent): Promise<void> {
    await unlink(join(folder, basename(event.id))).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
  }

  return { read, done, watch: (onArrival) => watchSpool(folder, stuck, onArrival, logger, pollMs) }
}

/**
 * The order of events: by name, as the helper counts time since boot; what another boot left is older.
 * @param boot the identity of this boot, with which the names of its events end
 */
export function compareNames(a: string, b: string, boot: string): number {
  const [current, other] = [a.endsWith(boot), b.endsWith(boot)]
  if (current !== other) return current ? 1 : -1
  return a < b ? -1 : a > b ? 1 : 0
}

/** @throws {TypeError} and what the model throws for text that is no event */
export function parseEvent(id: string, text: string): LeaseEvent {
  const [action, mac = '', address = '', ...rest] = text.trimEnd().split(' ')
  if ((action !== 'add' && action !== 'del') || rest.length > 0) throw new TypeError('not `add|del MAC ADDRESS`')
  return { id, action, mac: parseMac(mac), address: parseAddress(address) }
}

function watchSpool(
  folder: string,
  stuck: ReadonlySet<string>,
  onArrival: () => void,
  logger: Logger,
  pollMs: number,
): { close(): void } {
  const isEvent = (name: string) => !name.startsWith('.') && !stuck.has(name)
  let told = false
  let watcher: FSWatcher | undefined
  const tell = () => {
    if (told) return
    told = true
    setImmediate(() => {
      if (!told) return
      told = false
      onArrival()
    })
  }
  const poll = () => {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      if (readdirSync(folder).some(isEvent)) tell()
    } catch (error) {
      logger.warn('the folder of lease events cannot be read', { folder, error })
    }
  }
  poll()
  try {
    watcher = watchFolder(folder, { persistent: false }, (_event, name) => {
      if (name === null || isEvent(name)) tell()
    })
    watcher.on('error', () => watcher?.close())
  } catch (error) {
    logger.warn('lease events are looked for by the clock only', { folder, error })
  }
  const timer = setInterval(poll, pollMs).unref()
  return {
    close() {
      clearInterval(timer)
      watcher?.close()
      told = false
    },
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
