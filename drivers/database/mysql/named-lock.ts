import { createHash } from 'node:crypto'

/** What runs a statement; a runner of TypeORM or a connection of mysql2. */
export type Query = (sql: string, params: readonly (string | number)[]) => Promise<readonly { readonly got: unknown }[]>

/**
 * The name of a lock of the server. It has one set of names for all databases, of 64 characters and without case, so the
 * name is a hash.
 */
export function lockName(database: string, what: string): string {
  const hash = createHash('sha256').update(`${database}\0${what}`).digest('hex')
  return `netloom-${hash.slice(0, 48)}`
}

/** Takes a lock for as long as the connection lives. @returns whether it got it in this time */
export async function takeLock(query: Query, name: string, seconds: number): Promise<boolean> {
  const [row] = await query('SELECT GET_LOCK(?, ?) AS got', [name, seconds])
  return Number(row?.got) === 1
}

/** Gives a lock back; each time that it was taken counts. */
export async function giveLock(query: Query, name: string): Promise<void> {
  await query('SELECT RELEASE_LOCK(?) AS got', [name])
}
