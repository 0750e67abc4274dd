import type { ConnectionOptions } from 'mysql2'
import type { Target } from './target.ts'

export const STATEMENT_LIMIT_MS = 15_000

const CONNECT_LIMIT_MS = 5_000

/** What every connection is opened with. */
export function connectionOptions({ host, port, user, password, database }: Target) {
  return {
    host,
    port,
    user,
    password,
    database,
    // Names are told apart byte by byte, as SQLite does it.
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    connectTimeout: CONNECT_LIMIT_MS,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
  } satisfies ConnectionOptions
}

/** What every connection is told first: whatever the server's own settings are, the same statement means the same. */
export const SESSION_SETTINGS = [
  // Values that do not fit are errors; and mysql2 writes quotes in texts as \', which NO_BACKSLASH_ESCAPES would break.
  `SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'`,
  `SET SESSION time_zone = '+00:00'`,
  'SET SESSION innodb_lock_wait_timeout = 5',
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
]
