import type { Claim, Dialect, Refusal, SqlRow, SqlSession } from '../sql/dialect.ts'

function errorCode(error: unknown): string {
  const { code, driverError } = (error ?? {}) as { code?: unknown; driverError?: { code?: unknown } }
  return String(driverError?.code ?? code ?? '')
}

/** Conditions on a fixed IP that nobody holds: equalities only, in the order of the index. */
const unheld = (reserved: 0 | 1) =>
  `fixed_ips.instance_uuid IS NULL AND fixed_ips.allocated = 0 AND fixed_ips.reserved = ${reserved} ` +
  'AND fixed_ips.leased = 0 AND fixed_ips.host IS NULL'

/** SQLite 3.35 or newer (RETURNING). Source: https://www.sqlite.org/lang.html and https://www.sqlite.org/rescode.html */
export const sqliteDialect: Dialect = {
  // A deferred transaction that has read and then writes fails at once when another wrote meanwhile; no waiting helps.
  beginWrite: ['BEGIN IMMEDIATE'],
  beginRead: ['BEGIN DEFERRED'],
  releaseSavepoint: 'RELEASE SAVEPOINT work',
  lockNetworks: null,
  clock: null,
  listTables:
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
  insertionOrder: 'rowid',

  conditions: {
    fixedIpFree: unheld(0),
    fixedIpReserved: unheld(1),
    // Word for word the condition of the index ix_fixed_ips_held, or SQLite does not use it.
    fixedIpHeld: '(fixed_ips.instance_uuid IS NOT NULL OR fixed_ips.leased = 1 OR fixed_ips.host IS NOT NULL)',
    // Implies the one before, so free addresses are not read.
    fixedIpWaiting: 'fixed_ips.allocated = 0 AND (fixed_ips.instance_uuid IS NOT NULL OR fixed_ips.leased = 1)',
    floatingIpFree: 'project_id IS NULL AND fixed_ip_id IS NULL',
  },

  keepExisting: (key) => `ON CONFLICT (${key}) DO NOTHING`,
  forUpdate: (select) => select,

  // One text for any number of values, and no limit of parameters.
  among: (column, values) => ({
    text: `${column} IN (SELECT value FROM json_each(?))`,
    params: [JSON.stringify(values)],
  }),

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
