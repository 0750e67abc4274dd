/** What tables have in common that readers follow by number: see `core/model/feed.ts`. */
import type { SqlSession } from './dialect.ts'
import { type TableContext, Where } from './statements.ts'

/** The position before the oldest row, and the one of the newest that is from before the time. */
export async function feedPositions(
  session: SqlSession,
  table: string,
  before: string,
): Promise<{ readonly oldest: number; readonly settled: number }> {
  const { rows } = await session.query(
    `SELECT (SELECT MIN(id) FROM ${table}) AS oldest,
      (SELECT MAX(id) FROM ${table} WHERE created_at < ?) AS settled`,
    [before],
  )
  return { oldest: Math.max(0, Number(rows[0]?.oldest ?? 1) - 1), settled: Number(rows[0]?.settled ?? 0) }
}

/** Removes rows from before the time, so many at most. @returns how many */
export async function forgetRows(
  { session, dialect }: TableContext,
  table: string,
  before: string,
  limit: number,
): Promise<number> {
  // The newest stays, so that who was away can always tell that something was forgotten.
  const { rows } = await session.query(
    `SELECT id FROM ${table} WHERE created_at < ? AND id < (SELECT MAX(id) FROM ${table})
      ORDER BY created_at, id LIMIT ${Math.trunc(limit)}`,
    [before],
  )
  if (rows.length === 0) return 0
  const old = new Where().among(
    dialect,
    'id',
    rows.map((row) => Number(row.id)),
  )
  return (await session.query(`DELETE FROM ${table} ${old.text}`, old.params)).affected
}
