import type Database from 'better-sqlite3'
import { parseHost, ServiceAlreadyRunning } from 'netloom/contracts'
import { sqliteDialect } from './dialect.ts'
import { MEMORY, makePrivateFile } from './file.ts'
import type { Sqlite } from './library.ts'

/**
 * Which hosts this process serves. Each is a lock of the kernel on a file beside the database, so it ends with the
 * process, however that ends, and holds across network namespaces. The file stays: to delete it would let two lock
 * two files of one name.
 */
export class HostLocks {
  readonly #sqlite: Sqlite
  readonly #database: string
  readonly #held = new Map<string, Database.Database>()

  constructor(sqlite: Sqlite, database: string) {
    this.#sqlite = sqlite
    this.#database = database
  }

  /** Does nothing for a host that is claimed already. @throws {ServiceAlreadyRunning} @throws {InvalidInput} */
  claim(host: string): void {
    parseHost(host)
    // Nobody else can reach a store in memory.
    if (this.#database === MEMORY || this.#held.has(host)) return
    const path = `${this.#database}-host-${host}.lock`
    makePrivateFile(path)
    const lock = new this.#sqlite(path, { timeout: 0 })
    try {
      lock.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      lock.close()
      if (sqliteDialect.refusal(error).kind !== 'busy') throw error
      throw new ServiceAlreadyRunning({ host, where: this.#database }, { cause: error })
    }
    this.#held.set(host, lock)
  }

  release(): void {
    for (const lock of this.#held.values()) lock.close()
    this.#held.clear()
  }
}
