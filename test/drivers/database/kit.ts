/** What the tests of the fact store share: stores that are closed after each test, and facts to put in them. */
import type { Clock } from 'netloom/contracts'
import { onTestFinished } from 'vitest'
import { type Patience, SqlDatabase } from '../../../drivers/database/sql/database.ts'
import { engineFor } from './engine.ts'
import { TestClock } from './facts.ts'
import { engineName, makePlace, type Place } from './places.ts'

export * from './facts.ts'

export interface OpenOptions {
  /** A new empty one when it is not given. */
  readonly place?: Place
  readonly clock?: Clock
  readonly patienceMs?: Partial<Patience>
}

/** @returns an open store, closed when the test is finished */
export async function openDatabase({ place, clock = new TestClock(), patienceMs }: OpenOptions = {}) {
  const connection = place?.connection ?? (engineName === 'sqlite' ? 'sqlite://' : (await makePlace()).connection)
  const database = new SqlDatabase(await engineFor(connection), clock, patienceMs)
  await database.open()
  onTestFinished(() => database.close())
  return database
}
