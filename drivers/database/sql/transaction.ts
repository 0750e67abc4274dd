/** From BEGIN to COMMIT: one attempt, on one connection. */
import type { QueryRunner } from 'typeorm'
import type { Dialect, Engine } from './dialect.ts'
import { type OnStatement, Session } from './session.ts'

type Outcome = PromiseSettledResult<unknown>

/** A work of a transaction; what it returns or throws is its outcome. */
export type SessionWork = (session: Session) => Promise<unknown>

export interface TransactionOptions {
  readonly engine: Engine
  readonly runner: QueryRunner
  readonly onStatement: OnStatement | null
}

/**
 * Runs works one after another in one write transaction. One that throws leaves nothing, and the others stay; each sees
 * what those before it did.
 * @throws the engine's error, when it gave up the transaction and nothing of any work was done
 */
export async function writeGroup(
  works: readonly SessionWork[],
  options: TransactionOptions,
): Promise<readonly Outcome[]> {
  // Savepoints cost as much as a small work, and works that must be undone are rare: then all are done again with them.
  return (await tryGroup(works, options, false)) ?? (await tryGroup(works, options, true))!
}

/** @returns null when one of several works must be undone and there is no savepoint */
async function tryGroup(
  works: readonly SessionWork[],
  { engine, runner, onStatement }: TransactionOptions,
  savepoints: boolean,
): Promise<readonly Outcome[] | null> {
  const { dialect } = engine
  return withinTransaction(dialect, runner, dialect.beginWrite, async () => {
    const outcomes: Outcome[] = []
    let changed = false
    for (const work of works) {
      if (savepoints) await runner.query('SAVEPOINT work')
      const session = new Session({ runner, dialect, readOnly: false, onStatement })
      const outcome = await settled(work, session)
      outcomes.push(outcome)
      const undo = outcome.status === 'rejected' && session.changed
      if (undo && !savepoints) {
        await runner.query('ROLLBACK')
        return works.length === 1 ? outcomes : null
      }
      if (undo) await undoWork(runner, outcome.reason)
      else changed ||= session.changed
      if (savepoints && dialect.releaseSavepoint !== null) await runner.query(dialect.releaseSavepoint)
    }
    await engine.commit(runner, changed)
    return outcomes
  })
}

/** Runs a work that only reads, on one state of the store. */
export async function readOnce<T>(
  work: (session: Session) => Promise<T>,
  { engine, runner, onStatement }: TransactionOptions,
): Promise<T> {
  const { dialect } = engine
  return withinTransaction(dialect, runner, dialect.beginRead, async () => {
    const outcome = await settled(work, new Session({ runner, dialect, readOnly: true, onStatement }))
    if (outcome.status === 'rejected') throw outcome.reason
    await runner.query('COMMIT')
    return outcome.value as T
  })
}

async function withinTransaction<T>(
  dialect: Dialect,
  runner: QueryRunner,
  begin: readonly string[],
  use: () => Promise<T>,
): Promise<T> {
  try {
    for (const statement of begin) await runner.query(statement)
    return await use()
  } catch (error) {
    // A lost connection has rolled back by itself; so has an engine that is out of room, and has nothing left to do.
    if (dialect.refusal(error).kind !== 'away') await runner.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/** @throws the engine's error, when it gave up the transaction, even if the work took no notice */
async function settled(work: SessionWork, session: Session): Promise<Outcome> {
  let outcome: Outcome
  try {
    outcome = { status: 'fulfilled', value: await work(session) }
  } catch (reason) {
    outcome = { status: 'rejected', reason }
  } finally {
    session.end()
  }
  if (session.failure !== null) throw session.failure.error
  return outcome
}

async function undoWork(runner: QueryRunner, reason: unknown): Promise<void> {
  try {
    await runner.query('ROLLBACK TO SAVEPOINT work')
  } catch {
    // Without the savepoint the whole transaction is gone, and this is why.
    throw reason
  }
}
