/** The folder of sockets: whoever can open one is an administrator, so the folder is its owner's alone. */
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigInvalid, parseHost, RootRequired } from 'netloom/contracts'

/** `sun_path` of Linux without its closing zero, in bytes. Source: unix(7). */
export const MAX_SOCKET_PATH_BYTES = 107

const SUFFIX = '.sock'

/** Where the service of a host listens. @throws {InvalidInput} the host's name could leave the folder */
export function socketPath(runPath: string, host: string): string {
  return join(runPath, `${parseHost(host)}${SUFFIX}`)
}

/** Says what is wrong with the length of the path, or null. */
export function pathProblem(path: string): string | null {
  const bytes = Buffer.byteLength(path)
  if (bytes <= MAX_SOCKET_PATH_BYTES) return null
  return `the socket ${path} would have a path of ${bytes} bytes, at most ${MAX_SOCKET_PATH_BYTES} are possible: choose a shorter run_path`
}

/** Makes the folder when it is missing. @throws {ConfigInvalid} it cannot be made, or is not private */
export async function makeRunFolder(runPath: string): Promise<void> {
  try {
    await mkdir(runPath, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw runPathInvalid(runPath, `cannot be made: ${(error as Error).message}`)
  }
  await checkRunFolder(runPath)
}

/**
 * Refuses a folder in which somebody else could put a socket.
 * @returns false when there is none
 * @throws {ConfigInvalid} it is not private
 * @throws {RootRequired} it is root's
 */
export async function checkRunFolder(runPath: string): Promise<boolean> {
  const uid = process.geteuid?.() ?? 0
  const folder = await stat(runPath).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    if (error.code === 'EACCES' && uid !== 0) throw new RootRequired({ what: `opening ${runPath}` })
    throw runPathInvalid(runPath, error.message)
  })
  if (folder === null) return false
  if (!folder.isDirectory()) throw runPathInvalid(runPath, 'is not a folder')
  if (folder.uid !== uid) {
    if (folder.uid === 0) throw new RootRequired({ what: `opening ${runPath}` })
    throw runPathInvalid(runPath, `belongs to user ${folder.uid}, not to ${uid} who runs this`)
  }
  if ((folder.mode & 0o077) !== 0) {
    const mode = (folder.mode & 0o777).toString(8)
    throw runPathInvalid(
      runPath,
      `is open to other users (mode ${mode}): make it private with \`chmod 700 ${runPath}\``,
    )
  }
  return true
}

/** Hosts that have a socket there, alive or not, in order of name. Throws as `checkRunFolder` does. */
export async function hostsIn(runPath: string): Promise<readonly string[]> {
  if (!(await checkRunFolder(runPath))) return []
  return (await readdir(runPath))
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length))
    .filter(isHost)
    .sort()
}

/** The configuration error of the flag. */
export function runPathInvalid(runPath: string, message: string): InstanceType<typeof ConfigInvalid> {
  return new ConfigInvalid({
    problems: [
      { level: 'error', flag: 'run_path', value: runPath, file: null, line: null, message: `${runPath} ${message}` },
    ],
  })
}

function isHost(name: string): boolean {
  try {
    return parseHost(name) === name
  } catch {
    return false
  }
}
