/** The one place of the flag engine that reads files. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { parseCommandLine, parseConfigText, parseEnvironment, type SettingsLayer, unreadableFile } from './sources.ts'

/** Read when it exists and no file is named. */
export const DEFAULT_CONFIG_FILE = '/etc/netloom/netloom.conf'

/** More is no configuration, and a device may never end. */
const LONGEST_FILE_BYTES = 4 * 1024 * 1024

/** Where settings come from: what the caller of a program gave it. */
export interface SettingsInput {
  /** Values of `--config-file`, in order. */
  readonly configFiles: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** `--flag=value` texts of the command line. */
  readonly commandLine: readonly string[]
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
}

async function readText(path: string): Promise<string> {
  if ((await stat(path)).isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' })
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of createReadStream(path, { end: LONGEST_FILE_BYTES })) {
    chunks.push(chunk)
    bytes += chunk.length
  }
  if (bytes > LONGEST_FILE_BYTES) throw new Error('it is longer than 4 MiB')
  return Buffer.concat(chunks).toString('utf8')
}

async function readConfigFile(path: string): Promise<SettingsLayer> {
  try {
    return parseConfigText(await readText(path), path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return unreadableFile(path, REASONS[code ?? ''] ?? message)
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}

/** One layer for each path, in order; a file that cannot be read is a problem in its layer. Never rejects. */
export async function readConfigFiles(paths: readonly string[]): Promise<readonly SettingsLayer[]> {
  return Promise.all(paths.map(readConfigFile))
}

/** All layers, the winning one last: files in order, environment, command line. Never rejects. */
export async function readSettings(
  input: SettingsInput,
  defaultFile: string = DEFAULT_CONFIG_FILE,
): Promise<readonly SettingsLayer[]> {
  const given = input.configFiles.length > 0
  const files = given ? input.configFiles : (await exists(defaultFile)) ? [defaultFile] : []
  const layers = await readConfigFiles(files)
  return [...layers, parseEnvironment(input.environment), parseCommandLine(input.commandLine)]
}
