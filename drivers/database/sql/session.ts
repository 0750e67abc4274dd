import type { QueryRunner } from 'typeorm'
import type { SqlResult, SqlSession, SqlValue } from './dialect.ts'

/**
 * The statements of one transaction. It ends with the transaction: a statement that came later would land inside a
 * stranger's.
 */
export class Session implements SqlSession {
  readonly #runner: QueryRunner
  readonly #readOnly: boolean
  readonly #onStatement: ((sql: string) => void) | null
  #ended = false

  constructor(runner: QueryRunner, readOnly: boolean, onStatement: ((sql: string) => void) | null) {
    this.#runner = runner
    this.#readOnly = readOnly
    this.#onStatement = onStatement
  }

  async query(sql: string, params: readonly SqlValue[] = []): Promise<SqlResult> {
    if (this.#ended) throw new TypeError('a table of the fact store was used after its transaction had ended')
    if (this.#readOnly && !sql.startsWith('SELECT'))
      throw new TypeError(`a read of the fact store tried to write: ${sql}`)
    this.#onStatement?.(sql)
    const result = await this.#runner.query(sql, [...params], true)
    return { rows: result.records, affected: result.affected ?? result.records.length }
  }

  end(): void {
    this.#ended = true
  }
}
