/** How long the store keeps what is only read for a while. */
import type { DatabaseDriver, FeedTable, NetworkStore } from '../contracts/database.ts'
import type { ManagerServices } from './manager-services.ts'

/** How long changes of facts are kept for hosts that are away; one that was away for longer reads everything. In milliseconds. */
const KEEP_CHANGES_MS = 3_600_000

/** Rows that one transaction removes: a claim never waits for more. */
const ROWS_AT_ONCE = 1000

/** Removes old changes of facts and old events. */
export async function forgetOld({ database, clock, flags }: ManagerServices): Promise<void> {
  await forget(database, clock.nowMs() - KEEP_CHANGES_MS, (store) => store.hostChanges)
  const keepMs = flags.event_retention_time * 1000
  if (keepMs > 0) await forget(database, clock.nowMs() - keepMs, (store) => store.events)
}

async function forget(database: DatabaseDriver, beforeMs: number, table: (store: NetworkStore) => FeedTable) {
  const before = new Date(Math.max(0, beforeMs)).toISOString()
  let forgotten = ROWS_AT_ONCE
  while (forgotten === ROWS_AT_ONCE) {
    forgotten = await database.transaction((store) => table(store).forget(before, ROWS_AT_ONCE))
  }
}
