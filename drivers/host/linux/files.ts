/** Files that are there whole or not at all (defects-linux-net C9). */
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** How many files are open at a time, far below the limit of any service. */
const AT_ONCE = 64

export interface FileFacts {
  readonly path: string
  readonly content: string
  readonly mode: number
}

/** The files that are there; one that is missing, is no file or cannot be read is left out. */
export async function readFiles(paths: readonly string[]): Promise<readonly FileFacts[]> {
  const found: FileFacts[] = []
  for (let i = 0; i < paths.length; i += AT_ONCE) {
    const some = await Promise.all(paths.slice(i, i + AT_ONCE).map(readOne))
    found.push(...some.filter((file) => file !== null))
  }
  return found
}

async function readOne(path: string): Promise<FileFacts | null> {
  try {
    const [content, { mode }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    return { path, content, mode: mode & 0o7777 }
  } catch {
    return null
  }
}

/**
 * Writes beside and renames. Who watches the folder sees one new file with its content and mode; the temporary name
 * begins with a dot, which dnsmasq passes over.
 * @throws {Error} with the path and what the file system says; the former file is then untouched
 */
export async function writeWhole(path: string, content: string, mode: number): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.new`)
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  try {
    await rm(temporary, { force: true })
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(content)
      await file.chmod(mode)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw new Error(`${path} cannot be written: ${(error as Error).message}`, { cause: error })
  }
}

/** Nothing happens when it is gone already. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true })
}
