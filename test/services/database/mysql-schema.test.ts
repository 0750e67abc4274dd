import { expect, test } from 'vitest'
import { SqlDatabase } from '../../../drivers/database/sql/database.ts'
import { entities } from '../../../drivers/database/sql/entities.ts'
import { engineFor } from '../../drivers/database/engine.ts'
import { newNetwork, openDatabase, poolOf, TestClock } from '../../drivers/database/kit.ts'
import { makePlace, type Place } from '../../drivers/database/places.ts'

/** Columns that only this engine has; `SELECT *` leaves them out. */
const OWN = { fixed_ips: ['state'], floating_ips: ['free'], instances: ['seq'] } as Record<string, string[]>

const ofSchema = (place: Place, select: string) => place.query(`${select} WHERE TABLE_SCHEMA = DATABASE()`)

async function expectWholeSchema(place: Place): Promise<void> {
  const columns = await ofSchema(
    place,
    'SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLLATION_NAME FROM information_schema.COLUMNS',
  )
  const indexes = await ofSchema(place, 'SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE FROM information_schema.STATISTICS')
  for (const { options } of entities) {
    const table = options.tableName!
    const found = columns.filter(
      (column) => column.TABLE_NAME === table && !OWN[table]?.includes(String(column.COLUMN_NAME)),
    )
    const described = Object.entries(
      options.columns as Record<string, { type: string; length?: number; nullable?: true }>,
    )
    const types: Record<string, string> = { integer: 'int', boolean: 'tinyint(1)', double: 'double', bigint: 'bigint' }
    expect(
      found.map((column) => [
        column.COLUMN_NAME,
        String(column.COLUMN_TYPE).replace(/^(big)?int\(\d+\)$/, '$1int'),
        column.IS_NULLABLE,
      ]),
    ).toEqual(
      described.map(([name, { type, length, nullable }]) => [
        name,
        types[type] ?? `${type}(${length})`,
        nullable === true ? 'YES' : 'NO',
      ]),
    )
    for (const index of options.indices ?? []) {
      // Its place is taken by ix_fixed_ips_unused over `state`.
      if (index.name === 'ix_fixed_ips_held') continue
      const rows = indexes.filter(({ TABLE_NAME, INDEX_NAME }) => TABLE_NAME === table && INDEX_NAME === index.name)
      expect(
        rows.map(({ NON_UNIQUE }) => Number(NON_UNIQUE) === 0),
        index.name,
      ).toContain(index.unique === true)
    }
  }
  expect(new Set(columns.map((column) => column.COLLATION_NAME))).toEqual(new Set([null, 'utf8mb4_bin']))
}

test('the schema is what the entities describe, whatever the character set of the database was', async () => {
  const place = await makePlace()
  await openDatabase({ place })
  await expectWholeSchema(place)
})

test('a first schema that was cut off anywhere is refused, and finished by an upgrade', async () => {
  const all = ['services', 'commit_marks', 'floating_ips', 'fixed_ips', 'virtual_interfaces', 'instances', 'networks']
  const place = await makePlace()
  await (await openDatabase({ place })).close()
  for (let lost = 1; lost <= all.length; lost += 2) {
    await place.query('DELETE FROM schema_migrations')
    await place.query('CREATE TABLE schema_upgrade_unfinished (id INT PRIMARY KEY)')
    for (const table of all.slice(0, lost)) await place.query(`DROP TABLE ${table}`)
    if (lost === 1) await place.query('ALTER TABLE floating_ips DROP INDEX ix_floating_ips_free, DROP COLUMN free')
    const database = new SqlDatabase(await engineFor(place.connection), new TestClock())
    const again = new SqlDatabase(await engineFor(place.connection), new TestClock())
    const { wanted } = await again.schemaStatus()
    await expect(database.open()).rejects.toThrow(
      `the fact store has schema none and a part of more, this program needs ${wanted.join(', ')}: ` +
        'an upgrade began and did not end: run `netloom db upgrade` to finish it, or restore a backup',
    )
    expect(await again.schemaStatus()).toMatchObject({ state: 'partial', found: [] })
    expect(await again.upgradeSchema()).toMatchObject({ state: 'current' })
    await again.close()
    await expectWholeSchema(place)
  }
})

test('names are told apart as SQLite does it, and texts keep every character', async () => {
  const database = await openDatabase()
  const label = `ß ẞ ss '"\\ \u{1F578}`
  const found = await database.transaction(async ({ networks, floatingIps, services }) => {
    for (const [index, host] of ['Node', 'node', 'nöde', 'node-1'].entries()) {
      await floatingIps.create([{ address: `203.0.113.${index}`, pool: host, interface: null }])
      await services.report({ host, version: '1', nodes: '', started_at: 'x', reported_at: 'x', busy_since: null })
    }
    await networks.create(newNetwork('10.0.0.0/29', { label, project_id: 'Acme' }))
    return {
      pools: await floatingIps.pools(),
      hosts: (await services.list()).map(({ host }) => host),
      label: (await networks.list())[0]?.label,
    }
  })
  const names = ['Node', 'node', 'node-1', 'nöde']
  expect(found).toEqual({ pools: names, hosts: names, label })
})

test('a value that does not fit is refused whatever the settings of the server are', async () => {
  const place = await makePlace()
  const database = await openDatabase({ place })
  const create = database.transaction((store) => store.networks.create({ ...poolOf(2), label: 'x'.repeat(256) }))
  await expect(create).rejects.toThrow("Data too long for column 'label'")
})

test('the clock is the server’s', async () => {
  const place = await makePlace()
  const database = await openDatabase({ place, clock: { nowMs: () => 0 } })
  const [before] = await place.query('SELECT UNIX_TIMESTAMP() * 1000 AS ms')
  expect(await database.nowMs()).toBeGreaterThanOrEqual(Number(before!.ms))
  expect(await database.nowMs()).toBeLessThan(Number(before!.ms) + 60_000)
})

test('the deletion of an interface, a network or a fixed IP leaves no row that refers to it', async () => {
  const place = await makePlace()
  await openDatabase({ place })
  const keys = await place.query(
    `SELECT CONSTRAINT_NAME AS name, DELETE_RULE AS rule FROM information_schema.REFERENTIAL_CONSTRAINTS
      WHERE CONSTRAINT_SCHEMA = DATABASE()`,
  )
  const described = entities.flatMap(({ options }) => options.foreignKeys ?? [])
  const rules = Object.fromEntries(keys.map(({ name, rule }) => [name, rule]))
  expect(Object.keys(rules).sort()).toEqual(described.map(({ name }) => name).sort())
  for (const { name, onDelete } of described) {
    expect(rules[name!] === 'SET NULL', name).toBe(onDelete === 'SET NULL')
  }
})
