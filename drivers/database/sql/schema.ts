import { SchemaMismatch } from 'netloom/contracts'
import { MigrationExecutor, type QueryRunner } from 'typeorm'
import type { Dialect } from './dialect.ts'
import { InitialSchema } from './migrations/initial.ts'
import { HostChanges, ServiceBusySince, ServiceNodes } from './migrations/many-hosts.ts'

/** In the order in which they are applied. */
export const migrations = [InitialSchema, HostChanges, ServiceNodes, ServiceBusySince]

/** Records which migrations a store has seen. Not TypeORM's `migrations`: nova has a table of that name. */
export const MIGRATIONS_TABLE = 'schema_migrations'

/**
 * What the store is: 'empty', or 'current' when it has exactly the schema of this program.
 * @throws {SchemaMismatch} for any other: older, newer, or not netloom's
 */
export async function inspectSchema(runner: QueryRunner, dialect: Dialect): Promise<'empty' | 'current'> {
  const tables: { name: string }[] = await runner.query(dialect.listTables)
  if (tables.length === 0) return 'empty'
  const wanted = migrations.map((migration) => new migration().name).join(', ')
  if (!tables.some((table) => table.name === MIGRATIONS_TABLE)) {
    const names = tables.map((table) => table.name)
    const found = `of another program (tables ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''})`
    throw new SchemaMismatch({ found, wanted, remedy: 'point the flag sql_connection at an empty store' })
  }
  const rows: { name: string }[] = await runner.query(`SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY id`)
  const found = rows.map((row) => row.name).join(', ')
  if (found === wanted) return 'current'
  const remedy = 'run the netloom release that made it, or point the flag sql_connection at an empty store'
  throw new SchemaMismatch({ found: found || 'none', wanted, remedy })
}

/** Makes the schema inside the write transaction that the caller has begun, unless another process has made it since. */
export async function makeSchema(runner: QueryRunner): Promise<void> {
  const executor = new MigrationExecutor(runner.dataSource, runner)
  executor.transaction = 'none'
  await executor.executePendingMigrations()
}
