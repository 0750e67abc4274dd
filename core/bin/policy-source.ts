/** The policy of a service: read at its start, and again when its file changed. */
import { readFile, stat } from 'node:fs/promises'
import type { Logger } from '../contracts/ports.ts'
import { ConfigInvalid, type ConfigProblem } from '../errors/boot.ts'
import { Policy } from '../network/policy/policy.ts'
import { type PolicyRead, readPolicy } from '../network/policy/policy-file.ts'

/** More is no policy. */
const LONGEST_FILE_BYTES = 1024 * 1024

/** @param path null: the rules as they are by default */
export async function readPolicyFile(path: string | null | undefined): Promise<PolicyRead> {
  if (path === null || path === undefined) return { policy: new Policy(), problems: [] }
  try {
    if ((await stat(path)).size > LONGEST_FILE_BYTES) throw new Error('it is longer than 1 MiB')
    const { rpcMethods } = await import('../network/methods/index.ts')
    return readPolicy(await readFile(path, 'utf8'), path, rpcMethods)
  } catch (error) {
    const message = `it cannot be read: ${(error as Error).message}`
    const problem: ConfigProblem = { level: 'error', flag: 'policy_file', value: path, file: path, line: null, message }
    return { policy: new Policy(), problems: [problem] }
  }
}

export class PolicySource {
  readonly #path: string | null
  readonly #logger: Logger
  #current = new Policy()
  /** What the file was like when it was read last. */
  #version: string | null = null

  private constructor(path: string | null, logger: Logger) {
    this.#path = path
    this.#logger = logger
  }

  /** @throws {ConfigInvalid} naming file, rule and position */
  static async open(path: string | null, logger: Logger): Promise<PolicySource> {
    const source = new PolicySource(path, logger)
    const errors = await source.#read()
    if (errors.length > 0) throw new ConfigInvalid({ problems: errors })
    return source
  }

  get current(): Policy {
    return this.#current
  }

  /** Reads the file again when it changed. One that is broken is told, and the former rules stay. */
  async refresh(): Promise<void> {
    if (this.#path === null || (await this.#versionNow()) === this.#version) return
    const errors = await this.#read()
    if (errors.length === 0) this.#logger.info('the policy was read again', { file: this.#path })
    else this.#logger.error('the policy was not changed: its file is broken', { file: this.#path, problems: errors })
  }

  /** @returns its errors; without any it is the current policy from now on */
  async #read(): Promise<readonly ConfigProblem[]> {
    // Before it is read: what is written meanwhile is then read again.
    this.#version = await this.#versionNow()
    const { policy, problems } = await readPolicyFile(this.#path)
    const errors = problems.filter(({ level }) => level === 'error')
    for (const { level, message, file, line } of problems) {
      if (level === 'warning') this.#logger.warn(message, { flag: 'policy_file', file, line })
    }
    if (errors.length === 0) this.#current = policy
    return errors
  }

  async #versionNow(): Promise<string | null> {
    if (this.#path === null) return null
    const found = await stat(this.#path, { bigint: true }).catch(() => null)
    return found === null ? 'missing' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`
  }
}
