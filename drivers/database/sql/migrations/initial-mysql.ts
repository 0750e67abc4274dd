/**
 * What the first schema is made of on MySQL and MariaDB only. They have no partial index, and an UPDATE does not follow an
 * index to the one row that ORDER BY wants when a condition is IS NULL; so columns that the engine keeps by itself say in
 * a number what a row is. They are invisible to `SELECT *`, and no row of the program has them.
 */
import { type QueryRunner, Table } from 'typeorm'

/** Values of `fixed_ips.state`. */
export const FIXED_IP_STATE = { free: 0, waiting: 1, held: 2, reserved: 3 } as const

const STATE = `CASE
  WHEN instance_uuid IS NULL AND allocated = 0 AND reserved = 0 AND leased = 0 AND host IS NULL
    THEN ${FIXED_IP_STATE.free}
  WHEN allocated = 0 AND (instance_uuid IS NOT NULL OR leased = 1) THEN ${FIXED_IP_STATE.waiting}
  WHEN instance_uuid IS NOT NULL OR leased = 1 OR host IS NOT NULL THEN ${FIXED_IP_STATE.held}
  ELSE ${FIXED_IP_STATE.reserved} END`

const columns = [
  {
    table: 'fixed_ips',
    column: 'state',
    definition: `TINYINT AS (${STATE}) STORED INVISIBLE, ADD INDEX ix_fixed_ips_free (network_id, state, updated_at)`,
  },
  {
    table: 'floating_ips',
    column: 'free',
    definition:
      'TINYINT AS (project_id IS NULL AND fixed_ip_id IS NULL) STORED INVISIBLE, ADD INDEX ix_floating_ips_free (pool, free)',
  },
  // SQLite has `rowid`.
  { table: 'instances', column: 'seq', definition: 'BIGINT NOT NULL AUTO_INCREMENT INVISIBLE UNIQUE' },
]

/** A row for each connection that commits, which tells after a lost one what its last commit was. */
const commitMarks = new Table({
  name: 'commit_marks',
  columns: [
    { name: 'id', type: 'varchar', length: '36', isPrimary: true },
    { name: 'mark', type: 'integer' },
    { name: 'marked_at', type: 'datetime' },
  ],
})

export function isMysql(runner: QueryRunner): boolean {
  return runner.dataSource.options.type === 'mysql'
}

/** The table without the indexes that the columns here make better ones for. */
export function withMysqlIndexes(table: Table): Table {
  const mine = table.clone()
  mine.indices = mine.indices.filter(({ name }) => !['ix_fixed_ips_free', 'ix_fixed_ips_held'].includes(String(name)))
  return mine
}

/** Each step may have been done before. */
export async function makeMysqlParts(runner: QueryRunner): Promise<void> {
  for (const { table, column, definition } of columns) {
    if (await runner.hasColumn(table, column)) continue
    await runner.query(`ALTER TABLE ${table} ADD COLUMN ${column} ${definition}`)
  }
  await runner.createTable(commitMarks, true)
}
