/** The entries of one domain as files. What begins with a dot is ours: names in DNS cannot, and dnsmasq passes it over. */
import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** In the folder of a domain that was created; an entry may be in one that was not. */
const CREATED = '.created'

/** How many files are open at a time. */
const AT_ONCE = 64

/** Domains that were created, in order. */
export async function listDomains(root: string): Promise<readonly string[]> {
  const domains: string[] = []
  for (const name of await namesIn(root)) {
    if ((await readOrNull(join(root, name, CREATED))) !== null) domains.push(name)
  }
  return domains
}

export class DomainFolder {
  readonly domain: string
  readonly #root: string
  readonly #path: string

  /** @param domain checked: it becomes the name of a folder */
  constructor(root: string, domain: string) {
    this.domain = domain
    this.#root = root
    this.#path = join(root, domain)
  }

  /** @returns false when it was created before */
  create(): Promise<boolean> {
    return this.add(CREATED, '')
  }

  /** All of it in one step. @returns false when there is nothing of it */
  async destroy(): Promise<boolean> {
    const gone = this.#temporary()
    const done = await unlessMissing(() => rename(this.#path, gone))
    await rm(gone, { recursive: true, force: true })
    return done
  }

  /** @returns false when the file is there: of several at once one wins */
  add(name: string, content: string): Promise<boolean> {
    return this.#place(content, async (file) => {
      for (;;) {
        await mkdir(this.#path, { recursive: true, mode: 0o755 })
        try {
          // The folder may be destroyed meanwhile; then the next one is for this entry.
          if (await unlessMissing(() => link(file, join(this.#path, name)))) return true
        } catch (error) {
          if (codeOf(error) === 'EEXIST') return false
          throw error
        }
      }
    })
  }

  /** @returns false when there is no such file */
  async replace(name: string, content: string): Promise<boolean> {
    if ((await this.read(name)) === null) return false
    return this.#place(content, (file) => unlessMissing(() => rename(file, join(this.#path, name))))
  }

  /** @returns false when there is no such file */
  remove(name: string): Promise<boolean> {
    return unlessMissing(() => rm(join(this.#path, name)))
  }

  read(name: string): Promise<string | null> {
    return readOrNull(join(this.#path, name))
  }

  /** Names and contents, in order of the names. */
  async all(): Promise<ReadonlyMap<string, string>> {
    const names = await namesIn(this.#path)
    const found = new Map<string, string>()
    for (let i = 0; i < names.length; i += AT_ONCE) {
      const some = names.slice(i, i + AT_ONCE)
      const contents = await Promise.all(some.map((name) => this.read(name)))
      for (const [index, content] of contents.entries()) if (content !== null) found.set(some[index]!, content)
    }
    return found
  }

  /** Writes beside, and lets `move` give the whole file its place. */
  async #place(content: string, move: (file: string) => Promise<boolean>): Promise<boolean> {
    await mkdir(this.#root, { recursive: true, mode: 0o755 })
    const file = this.#temporary()
    try {
      await writeFile(file, content, { mode: 0o644, flag: 'wx', flush: true })
      return await move(file)
    } finally {
      await rm(file, { force: true })
    }
  }

  #temporary(): string {
    return join(this.#root, `.${randomUUID()}`)
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).filter((name) => !name.startsWith('.')).sort()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

async function unlessMissing(change: () => Promise<void>): Promise<boolean> {
  try {
    await change()
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
