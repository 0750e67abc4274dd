import { setTimeout } from 'node:timers/promises'
import { type Connection, createConnection } from 'mysql2/promise'
import { type NetloomError, parseHost, ServiceAlreadyRunning, StoreUnavailable } from 'netloom/contracts'
import { connectionOptions, STATEMENT_LIMIT_MS } from './connection-options.ts'
import { refusedBy } from './failures.ts'
import { giveLock, lockName, type Query, takeLock } from './named-lock.ts'
import { describeTarget, type Target } from './target.ts'

export interface HostClaimsOptions {
  /** Time between two looks at the connection. */
  readonly intervalMs: number
  /** After so long without a look the server ends the connection, in whole seconds: a machine may lose its power. */
  readonly silenceSeconds: number
}

const DEFAULTS: HostClaimsOptions = { intervalMs: 2_000, silenceSeconds: 20 }

interface Claim {
  readonly onLost: (error: NetloomError) => void
  /** Null while the claim is not known to hold. */
  heldOn: Connection | null
  refusedSince: number | null
}

/**
 * Which hosts this process serves. Each is a named lock of the server, which ends with its connection; that is kept for
 * the life of the process, and a lost one is made again.
 */
export class HostClaims {
  readonly #target: Target
  readonly #options: HostClaimsOptions
  readonly #claims = new Map<string, Claim>()
  readonly #ended = new AbortController()
  #connection: Promise<Connection> | null = null
  #watch: Promise<void> | null = null

  constructor(target: Target, options: Partial<HostClaimsOptions> = {}) {
    this.#target = target
    this.#options = { ...DEFAULTS, ...options }
  }

  /** Does nothing for a host that is claimed already. @throws {ServiceAlreadyRunning} @throws {StoreUnavailable} */
  async claim(host: string, onLost: Claim['onLost']): Promise<void> {
    parseHost(host)
    if (this.#claims.has(host)) return
    const connection = await this.#connected()
    if (!(await this.#take(connection, host))) throw this.#taken(host)
    this.#claims.set(host, { onLost, heldOn: connection, refusedSince: null })
    this.#watch ??= this.#watchOver()
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await this.#watch
    if (this.#connection === null) return
    try {
      const connection = await this.#connection
      // A connection that only ends gives its locks back some time later.
      for (const host of this.#claims.keys()) await giveLock(this.#query(connection), this.#lockOf(host))
    } catch {
      // Then the server gives them back.
    } finally {
      this.#disconnect()
    }
  }

  async #watchOver(): Promise<void> {
    const { signal } = this.#ended
    while (!signal.aborted) {
      await setTimeout(this.#options.intervalMs, undefined, { ref: false, signal }).catch(() => undefined)
      if (signal.aborted) return
      try {
        const connection = await this.#connected()
        await this.#query(connection)('SELECT 1 AS got', [])
        for (const [host, claim] of this.#claims) {
          if (claim.heldOn !== connection) await this.#claimAgain(connection, host, claim)
        }
      } catch {
        this.#disconnect()
      }
    }
  }

  /**
   * The server may not have noticed yet that the old connection is gone, so a lock that is taken is another process's
   * only when it stays so.
   */
  async #claimAgain(connection: Connection, host: string, claim: Claim): Promise<void> {
    if (await this.#take(connection, host)) {
      Object.assign(claim, { heldOn: connection, refusedSince: null })
      return
    }
    claim.refusedSince ??= performance.now()
    const { silenceSeconds, intervalMs } = this.#options
    if (performance.now() < claim.refusedSince + silenceSeconds * 1000 + intervalMs) return
    this.#claims.delete(host)
    claim.onLost(this.#taken(host))
  }

  async #connected(): Promise<Connection> {
    this.#connection ??= this.#connect()
    try {
      return await this.#connection
    } catch (error) {
      this.#connection = null
      const reason = `${(error as Error).message}; start it, or mend the flag sql_connection`
      throw (
        refusedBy(error, this.#target) ??
        new StoreUnavailable({ store: describeTarget(this.#target), reason }, { cause: error })
      )
    }
  }

  async #connect(): Promise<Connection> {
    const connection = await createConnection(connectionOptions(this.#target))
    // An event that nobody hears would end the process; the next look finds out.
    connection.on('error', () => undefined)
    await this.#query(connection)('SET SESSION wait_timeout = ?', [this.#options.silenceSeconds])
    return connection
  }

  #disconnect(): void {
    this.#connection?.then(
      (connection) => connection.destroy(),
      () => undefined,
    )
    this.#connection = null
  }

  #take(connection: Connection, host: string): Promise<boolean> {
    return takeLock(this.#query(connection), this.#lockOf(host), 0)
  }

  #lockOf(host: string): string {
    return lockName(this.#target.database, `host ${host}`)
  }

  #query(connection: Connection): Query {
    return async (sql, params) => {
      const [rows] = await connection.query({ sql, values: [...params], timeout: STATEMENT_LIMIT_MS })
      return rows as unknown as Awaited<ReturnType<Query>>
    }
  }

  #taken(host: string): NetloomError {
    return new ServiceAlreadyRunning({ host, where: describeTarget(this.#target) })
  }
}
