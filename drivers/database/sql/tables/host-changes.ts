import type { HostChangeRow, HostChangeTable } from 'netloom/contracts'
import { hostChangeEntity } from '../entities.ts'
import { feedPositions, forgetRows } from '../feed.ts'
import { insertText, rowReader, type TableContext } from '../statements.ts'

const ROWS_PER_INSERT = 500

const read = rowReader(hostChangeEntity)

export class HostChanges implements HostChangeTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  async record(host: string, owners: readonly string[]): Promise<void> {
    const { session, now } = this.#context
    for (let first = 0; first < owners.length; first += ROWS_PER_INSERT) {
      const part = owners.slice(first, first + ROWS_PER_INSERT)
      const text = insertText('host_changes', ['host', 'owner', 'created_at'], part.length)
      await session.query(
        text,
        part.flatMap((owner) => [host, owner, now()]),
      )
    }
  }

  async after(host: string, id: number, limit: number): Promise<readonly HostChangeRow[]> {
    const { rows } = await this.#context.session.query(
      `SELECT * FROM host_changes WHERE host = ? AND id > ? ORDER BY id LIMIT ${Math.trunc(limit)}`,
      [host, id],
    )
    return rows.map((row) => read(row))
  }

  async positions(before: string): Promise<{ readonly oldest: number; readonly settled: number }> {
    return feedPositions(this.#context.session, 'host_changes', before)
  }

  async forget(before: string, limit: number): Promise<number> {
    return forgetRows(this.#context, 'host_changes', before, limit)
  }
}
