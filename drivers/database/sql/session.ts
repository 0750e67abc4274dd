import type { QueryRunner } from 'typeorm'
import type { Dialect, SqlResult, SqlSession, SqlValue } from './dialect.ts'
import { hindranceOf } from './retry.ts'

/** Is told of each statement before it is sent. */
export type OnStatement = (sql: string, params: readonly SqlValue[]) => void

export interface SessionOptions {
  readonly runner: QueryRunner
  readonly dialect: Dialect
  readonly readOnly: boolean
  readonly onStatement: OnStatement | null
}

/**
 * The statements of one work. It ends with the work, and when the engine gives the transaction up: a statement that came
 * later would land inside a stranger's, or in none.
 */
export class Session implements SqlSession {
  readonly #options: SessionOptions
  #ended = false
  #changed = false
  #failure: { readonly error: unknown } | null = null

  constructor(options: SessionOptions) {
    this.#options = options
  }

  /** Whether a statement has changed the store. */
  get changed(): boolean {
    return this.#changed
  }

  /** The error with which the engine gave the transaction up, whatever the work made of it. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure
  }

  async query(sql: string, params: readonly SqlValue[] = []): Promise<SqlResult> {
    const { runner, dialect, readOnly, onStatement } = this.#options
    if (this.#ended) throw new TypeError('a table of the fact store was used after its transaction had ended')
    if (this.#failure !== null) throw this.#failure.error
    const writes = !sql.startsWith('SELECT')
    if (readOnly && writes) throw new TypeError(`a read of the fact store tried to write: ${sql}`)
    onStatement?.(sql, params)
    try {
      const result = await runner.query(sql, [...params], true)
      const affected = result.affected ?? result.records.length
      this.#changed ||= writes && affected > 0
      return { rows: result.records, affected, insertId: insertIdOf(result.raw) }
    } catch (error) {
      if (hindranceOf(dialect, error) !== null) this.#failure = { error }
      throw error
    }
  }

  end(): void {
    this.#ended = true
  }
}

/** Of mysql2 a header, of better-sqlite3 the number itself. */
function insertIdOf(raw: unknown): number {
  if (typeof raw === 'number' || typeof raw === 'bigint') return Number(raw)
  return Number((raw as { insertId?: unknown } | undefined)?.insertId ?? 0)
}
