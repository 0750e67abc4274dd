import type { EventFilter, EventTable, NetworkEvent, NewEvent } from 'netloom/contracts'
import type { SqlRow, SqlValue } from '../dialect.ts'
import { eventEntity } from '../entities.ts'
import { feedPositions, forgetRows } from '../feed.ts'
import { insertText, rowReader, type TableContext, Where } from '../statements.ts'

const ROWS_PER_INSERT = 500

const COLUMNS = Object.keys(eventEntity.options.columns).filter((name) => name !== 'id')

const readRow = rowReader(eventEntity)

function read(row: SqlRow): NetworkEvent {
  const event = readRow(row)
  return { ...event, payload: JSON.parse(event.payload) } as NetworkEvent
}

export class Events implements EventTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  async append(events: readonly NewEvent[]): Promise<void> {
    const { session, now } = this.#context
    const created_at = now()
    for (let first = 0; first < events.length; first += ROWS_PER_INSERT) {
      const part = events.slice(first, first + ROWS_PER_INSERT).map((event): Record<string, SqlValue> => {
        return { ...event, created_at, payload: JSON.stringify(event.payload) }
      })
      await session.query(
        insertText('events', COLUMNS, part.length),
        part.flatMap((row) => COLUMNS.map((name) => row[name]!)),
      )
    }
  }

  async after(id: number, limit: number, filter: EventFilter): Promise<readonly NetworkEvent[]> {
    const { session, dialect } = this.#context
    const where = new Where()
      .and('id > ?', id)
      .among(dialect, 'type', filter.types)
      .equals('project_id', filter.projectId)
      .equals('instance_uuid', filter.instanceUuid)
      .equals('address', filter.address)
    if (filter.since !== undefined) where.and('created_at >= ?', filter.since)
    const { rows } = await session.query(
      `SELECT * FROM events ${where.text} ORDER BY id LIMIT ${Math.trunc(limit)}`,
      where.params,
    )
    return rows.map(read)
  }

  async ofAddress(address: string): Promise<readonly NetworkEvent[]> {
    const { rows } = await this.#context.session.query('SELECT * FROM events WHERE address = ? ORDER BY id', [address])
    return rows.map(read)
  }

  async positions(before: string): Promise<{ readonly oldest: number; readonly settled: number }> {
    return feedPositions(this.#context.session, 'events', before)
  }

  async forget(before: string, limit: number): Promise<number> {
    return forgetRows(this.#context, 'events', before, limit)
  }
}
