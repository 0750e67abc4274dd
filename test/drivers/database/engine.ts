import type { Engine } from '../../../drivers/database/sql/dialect.ts'
import { databaseOf } from '../../../drivers/database/sqlite/file.ts'

/** The engine for a value of `sql_connection`, as the plugins make it. @param poolSize connections to a server at most */
export async function engineFor(connection: string, poolSize = 10): Promise<Engine> {
  const file = databaseOf(connection)
  if (file !== null) {
    const { SqliteEngine } = await import('../../../drivers/database/sqlite/engine.ts')
    const { loadSqlite } = await import('../../../drivers/database/sqlite/library.ts')
    return new SqliteEngine(await loadSqlite(), file)
  }
  const { MysqlEngine } = await import('../../../drivers/database/mysql/engine.ts')
  const { parseTarget } = await import('../../../drivers/database/mysql/target.ts')
  const { target, problem } = parseTarget(connection)
  if (target === null) throw new TypeError(problem)
  return new MysqlEngine(target, { poolSize })
}
