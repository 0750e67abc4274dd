import type { Claim, Dialect, Refusal, SqlRow, SqlSession } from '../sql/dialect.ts'
import { FIXED_IP_STATE } from '../sql/migrations/initial-mysql.ts'

/** Deadlock; lock wait timeout; MariaDB: the row has changed since the snapshot. */
const BUSY = [1213, 1205, 1020]

/** Too many connections; the server shuts down; the connection was killed. */
const AWAY = [1040, 1053, 1927]

const DUPLICATE = [1062, 1586]
const FOREIGN_KEY = [1216, 1217, 1451, 1452]

/** What mysql2 tells of an error. */
interface DriverError {
  readonly errno?: unknown
  readonly code?: unknown
  readonly fatal?: unknown
  readonly message?: string
}

/** The error of mysql2 in what TypeORM made of it. */
export function driverErrorOf(error: unknown): DriverError {
  return (error as { driverError?: DriverError } | null)?.driverError ?? (error as DriverError | null) ?? {}
}

const { free, waiting, held, reserved } = FIXED_IP_STATE

/**
 * What MySQL 8 and MariaDB 10.11 both have. Source: https://mariadb.com/kb/en/sql-statements/,
 * https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html
 */
export const mysqlDialect: Dialect = {
  beginWrite: ['START TRANSACTION'],
  // Connections are READ COMMITTED, where each statement sees a state of its own.
  beginRead: ['SET TRANSACTION ISOLATION LEVEL REPEATABLE READ', 'START TRANSACTION READ ONLY'],
  releaseSavepoint: null,
  // A row that is always there, and that nothing else locks: an empty table has nothing to lock.
  lockNetworks: 'SELECT id FROM schema_migrations ORDER BY id LIMIT 1 FOR UPDATE',
  listTables:
    'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME',
  clock: 'SELECT ROUND(UNIX_TIMESTAMP(SYSDATE(3)) * 1000) AS ms',
  insertionOrder: 'seq',

  // A number that is compared with a constant: all else makes an UPDATE sort the pool.
  conditions: {
    fixedIpFree: `fixed_ips.state = ${free}`,
    fixedIpReserved: `fixed_ips.state = ${reserved}`,
    fixedIpHeld: `fixed_ips.state IN (${waiting}, ${held})`,
    fixedIpWaiting: `fixed_ips.state = ${waiting}`,
    floatingIpFree: 'floating_ips.free = 1',
  },

  // It locks the row too. A refused INSERT locks it for reading only, and two who then want to write wait for each other.
  keepExisting: (key) => `ON DUPLICATE KEY UPDATE ${key} = ${key}`,
  forUpdate: (select) => `${select} FOR UPDATE`,

  // An UPDATE or DELETE would look at each row of the table for a subquery.
  among: (column, values) => ({
    text: values.length === 0 ? 'FALSE' : `${column} IN (${values.map(() => '?').join(', ')})`,
    params: values,
  }),

  async claim(session: SqlSession, { table, index, set, where, order, params }: Claim): Promise<SqlRow | null> {
    // A sort would lock every free row until the transaction ends.
    const by = index === undefined ? '' : ` FORCE INDEX (${index})`
    const { affected, insertId } = await session.query(
      `UPDATE ${table}${by} SET ${set}, id = LAST_INSERT_ID(id) WHERE ${where} ORDER BY ${order} LIMIT 1`,
      params,
    )
    if (affected === 0) return null
    // Not LAST_INSERT_ID() again: the work may have sent another claim meanwhile.
    const { rows } = await session.query(`SELECT * FROM ${table} WHERE id = ?`, [insertId])
    return rows[0] ?? null
  },

  refusal(error: unknown): Refusal {
    const { errno, code, fatal, message = '' } = driverErrorOf(error)
    if (BUSY.includes(Number(errno))) return { kind: 'busy' }
    if (AWAY.includes(Number(errno)) || (fatal === true && !isServerError(errno))) return { kind: 'away' }
    // mysql2 gave up waiting for an answer.
    if (code === 'PROTOCOL_SEQUENCE_TIMEOUT') return { kind: 'away' }
    if (DUPLICATE.includes(Number(errno))) {
      // The value before the name of the key is the user's.
      return { kind: 'unique', subject: /for key '([^']*)'$/.exec(message)?.[1] ?? '' }
    }
    if (FOREIGN_KEY.includes(Number(errno))) return { kind: 'foreign-key' }
    return { kind: 'other' }
  },
}

/** The server's own numbers begin at 1000; those of the operating system are negative. */
function isServerError(errno: unknown): boolean {
  return typeof errno === 'number' && errno >= 1000
}
