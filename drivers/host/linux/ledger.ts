/**
 * What netloom made on this host. A line is appended before a thing is made and after it is gone, so a process that is
 * killed at any moment knows afterwards what may be its own, and nothing that others made is ever taken away.
 *
 *     boot 6b0f…       what follows was made in this boot
 *     + {"kind":…}     is about to be made
 *     - link br100     is gone
 *
 * Links, addresses and daemons do not outlive a boot; files do.
 */
import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { type HostResource, resourceKey } from 'netloom/contracts'

/** Records by key, oldest first. A daemon has two from just before its restart until just after. */
type Records = Map<string, readonly HostResource[]>

export class Ledger {
  readonly #path: string
  readonly #boot: string
  #records: Records = new Map()
  #file: number | null = null
  /** Written before the next line. */
  #before = ''

  /** @param boot identifies this boot of the machine */
  constructor(path: string, boot: string) {
    this.#path = path
    this.#boot = boot
  }

  /**
   * Reads the file, once, and rewrites it without what is past; makes its folder.
   * @throws what the file system says, when it can be neither read nor made
   */
  open(): void {
    if (this.#file !== null) return
    this.#records = parseLedger(readIfThere(this.#path), this.#boot)
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o755 })
    const head = `boot ${this.#boot}`
    try {
      const lines = [head, ...[...this.#records.values()].flat().map(madeLine)]
      writeFileSync(`${this.#path}.new`, `${lines.join('\n')}\n`, { mode: 0o600, flush: true })
      renameSync(`${this.#path}.new`, this.#path)
    } catch {
      // On a full disk the old file still tells what is ours: it is continued, after a line that may be torn.
      this.#before = `\n${head}\n`
    }
    this.#file = openSync(this.#path, 'a', 0o600)
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file)
    this.#file = null
  }

  /** All that netloom made and did not take away: the latest record of each key. */
  all(): readonly HostResource[] {
    return [...this.#records.values()].flatMap((records) => records.slice(-1))
  }

  keys(): Iterable<string> {
    return this.#records.keys()
  }

  has(key: string): boolean {
    return this.#records.has(key)
  }

  /** What may be there under a key, latest first. */
  recordsOf(key: string): readonly HostResource[] {
    return (this.#records.get(key) ?? []).toReversed()
  }

  /** Before it is made. What was recorded stays possible. @throws what the file system says; then it must not be made */
  remember(resources: readonly HostResource[]): void {
    const added = resources.map(withoutContent).filter((resource) => {
      const text = JSON.stringify(resource)
      return !this.#records.get(resourceKey(resource))?.some((record) => JSON.stringify(record) === text)
    })
    this.#append(added.map(madeLine))
    for (const resource of added) push(this.#records, resource)
  }

  /** After it was made: only this is there now. */
  settle(resources: readonly HostResource[]): void {
    const several = resources.map(withoutContent).filter((resource) => this.recordsOf(resourceKey(resource)).length > 1)
    this.#append(several.flatMap((resource) => [`- ${resourceKey(resource)}`, madeLine(resource)]))
    for (const resource of several) this.#records.set(resourceKey(resource), [resource])
  }

  /** After it is gone. */
  forget(keys: readonly string[]): void {
    const known = keys.filter((key) => this.#records.has(key))
    this.#append(known.map((key) => `- ${key}`))
    for (const key of known) this.#records.delete(key)
  }

  #append(lines: readonly string[]): void {
    if (lines.length === 0) return
    this.open()
    const file = this.#file as number
    const text = Buffer.from(`${this.#before}${lines.join('\n')}\n`)
    this.#before = `\n${this.#before.trimStart()}`
    if (writeSync(file, text) !== text.length) throw new Error(`${this.#path} could not be written whole`)
    fdatasyncSync(file)
    this.#before = ''
  }
}

/** Pure. A line that was not written whole, or that is of another boot and cannot have outlived it, counts for nothing. */
export function parseLedger(text: string, boot: string): Records {
  const records: Records = new Map()
  let current = false
  for (const line of text.split('\n').slice(0, -1)) {
    if (line.startsWith('boot ')) current = line.slice(5) === boot
    else if (line.startsWith('- ')) records.delete(line.slice(2))
    else if (line.startsWith('+ ')) {
      const resource = parseRecord(line.slice(2))
      if (resource && (current || resource.kind === 'file')) push(records, resource)
    }
  }
  return records
}

function parseRecord(text: string): HostResource | null {
  try {
    const value = JSON.parse(text) as HostResource
    return typeof resourceKey(value) === 'string' ? value : null
  } catch {
    return null
  }
}

function push(records: Records, resource: HostResource): void {
  const key = resourceKey(resource)
  records.set(key, [...(records.get(key) ?? []), resource])
}

/** A file's content is on the disk already, and may be long or secret; what is moved is looked at each time. */
function withoutContent(resource: HostResource): HostResource {
  if (resource.kind === 'handover') {
    const { carried: _, ...lasting } = resource
    return lasting
  }
  return resource.kind === 'file' ? { ...resource, content: '' } : resource
}

function madeLine(resource: HostResource): string {
  return `+ ${JSON.stringify(resource)}`
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
