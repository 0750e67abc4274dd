import type { FeedTable } from '../contracts/database.ts'
import type { FeedPage } from '../model/feed.ts'

/** Longer than any transaction is open: see the limits of the stores. In milliseconds. */
const SETTLING_MS = 60_000

/**
 * What a reader of a table that is followed by number gets.
 * @param nowMs this machine's time
 * @param position null: no rows, only where they are settled now
 * @param limit rows that `rowsAfter` gives at most
 */
export async function feedPage<T>(
  table: FeedTable,
  nowMs: number,
  position: number | null,
  limit: number,
  rowsAfter: (position: number) => Promise<readonly T[]>,
): Promise<FeedPage<T>> {
  const { oldest, settled } = await table.positions(new Date(nowMs - SETTLING_MS).toISOString())
  if (position === null) return { rows: [], more: false, settled, forgotten: false }
  const rows = await rowsAfter(position)
  return { rows, more: rows.length === limit, settled: Math.max(position, settled), forgotten: position < oldest }
}
