import type { Claim, Dialect, Refusal, SqlRow, SqlSession } from '../sql/dialect.ts'

function errorCode(error: unknown): string {
  const { code, driverError } = (error ?? {}) as { code?: unknown; driverError?: { code?: unknown } }
  return String(driverError?.code ?? code ?? '')
}

/** SQLite 3.35 or newer (RETURNING). Source: https://www.sqlite.org/lang.html and https://www.sqlite.org/rescode.html */
export const sqliteDialect: Dialect = {
  // A deferred transaction that has read and then writes fails at once when another wrote meanwhile; no waiting helps.
  beginWrite: 'BEGIN IMMEDIATE',
  beginRead: 'BEGIN DEFERRED',
  listTables:
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
  insertionOrder: 'rowid',

  among: (column) => `${column} IN (SELECT value FROM json_each(?))`,

  async claim(session: SqlSession, { table, set, where, order, params }: Claim): Promise<SqlRow | null> {
    const pick = `SELECT id FROM ${table} WHERE ${where} ORDER BY ${order} LIMIT 1`
    const { rows } = await session.query(`UPDATE ${table} SET ${set} WHERE id = (${pick}) RETURNING *`, params)
    return rows[0] ?? null
  },

  refusal(error: unknown): Refusal {
    const code = errorCode(error)
    if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return { kind: 'busy' }
    if (code === 'SQLITE_CONSTRAINT_FOREIGNKEY') return { kind: 'foreign-key' }
    if (code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY') {
      return { kind: 'unique', subject: (error as Error).message }
    }
    return { kind: 'other' }
  },
}
