/** `db_backend = mysql`: the fact store on a MySQL or MariaDB server that all hosts share. */
import { clockRef, dbBackendSlot, definePlugin, option } from 'netloom/contracts'
import { parseTarget } from './mysql/target.ts'
import { sqlConnection } from './sql-connection.ts'

export default definePlugin({
  name: 'mysql',
  summary: 'Keeps the facts on a MySQL or MariaDB server',
  provides: dbBackendSlot,
  contract: '1.0',
  options: {
    sql_connection: sqlConnection,
    sql_max_pool_size: option.integer({
      default: 10,
      min: 2,
      max: 1000,
      help: 'Connections to the database server at most, besides the one that claims the host',
    }),
  },
  requires: { clock: clockRef },
  check(flags) {
    const { problem } = parseTarget(flags.sql_connection)
    return problem === null ? [] : [problem]
  },
  async create({ flags, services }) {
    const { target, problem } = parseTarget(flags.sql_connection)
    if (target === null) throw new TypeError(problem)
    const [{ MysqlEngine }, { SqlDatabase }] = await Promise.all([
      import('./mysql/engine.ts'),
      import('./sql/database.ts'),
    ])
    return new SqlDatabase(new MysqlEngine(target, { poolSize: flags.sql_max_pool_size }), services.clock)
  },
  dispose: (database) => database.close(),
})
