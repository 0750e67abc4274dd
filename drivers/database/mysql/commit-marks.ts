import { randomUUID } from 'node:crypto'
import type { QueryRunner } from 'typeorm'

/** What the last commit of a connection wrote. */
export interface Mark {
  readonly id: string
  readonly value: number
}

/**
 * Tells after a connection was lost during its COMMIT whether that happened: each transaction writes a number into a row
 * that belongs to its connection, and later the row is read with a lock, which waits while the transaction is undecided.
 */
export class CommitMarks {
  readonly #ids = new WeakMap<object, string>()
  readonly #values = new WeakMap<object, number>()

  /** Puts a mark into the open transaction of a connection. */
  async put(runner: QueryRunner, connection: object): Promise<Mark> {
    const mark = { id: this.#ids.get(connection) ?? randomUUID(), value: (this.#values.get(connection) ?? 0) + 1 }
    this.#ids.set(connection, mark.id)
    this.#values.set(connection, mark.value)
    await runner.query(
      `INSERT INTO commit_marks (id, mark, marked_at) VALUES (?, ?, UTC_TIMESTAMP())
        ON DUPLICATE KEY UPDATE mark = ?, marked_at = UTC_TIMESTAMP()`,
      [mark.id, mark.value, mark.value],
    )
    return mark
  }

  /** Whether the transaction with this mark was committed; asked on another connection. */
  async isCommitted(runner: QueryRunner, { id, value }: Mark): Promise<boolean> {
    const rows: { mark: number }[] = await runner.query('SELECT mark FROM commit_marks WHERE id = ? FOR UPDATE', [id])
    return rows[0]?.mark === value
  }

  /** Removes the marks of connections that are long gone. */
  async tidy(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM commit_marks WHERE marked_at < UTC_TIMESTAMP() - INTERVAL 1 DAY')
  }
}
