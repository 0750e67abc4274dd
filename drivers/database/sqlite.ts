/** `db_backend = sqlite`: the fact store in one file beside the service. */
import { clockRef, coreOptions, dbBackendSlot, definePlugin } from 'netloom/contracts'
import { sqlConnection } from './sql-connection.ts'
import { databaseOf } from './sqlite/file.ts'

const WANTED =
  'sql_connection must be sqlite:/// and an absolute path (sqlite:////var/lib/...), sqlite:// for memory, or ' +
  'mysql://user:password@host:port/database'

export default definePlugin({
  name: 'sqlite',
  summary: 'Keeps the facts in a SQLite database file',
  provides: dbBackendSlot,
  contract: '1.0',
  options: {
    state_path: coreOptions.state_path,
    sql_connection: sqlConnection,
  },
  requires: { clock: clockRef },
  check: (flags) => (databaseOf(flags.sql_connection) === null ? [WANTED] : []),
  async create({ flags, services }) {
    const database = databaseOf(flags.sql_connection)
    if (database === null) throw new TypeError(WANTED)
    const [{ loadSqlite }, { SqliteEngine }, { SqlDatabase }] = await Promise.all([
      import('./sqlite/library.ts'),
      import('./sqlite/engine.ts'),
      import('./sql/database.ts'),
    ])
    return new SqlDatabase(new SqliteEngine(await loadSqlite(), database), services.clock)
  },
  dispose: (database) => database.close(),
})
