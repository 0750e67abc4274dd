import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ConfigInvalid, PluginStartFailed, SchemaMismatch } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { entities } from '../../../drivers/database/sql/entities.ts'
import { migrations } from '../../../drivers/database/sql/schema.ts'
import { loadSqlite } from '../../../drivers/database/sqlite/library.ts'
import sqlitePlugin from '../../../drivers/database/sqlite.ts'
import { bundle } from '../../kit-internal/bundle.ts'
import { newNetwork, openDatabase, TestClock, temporaryDirectory } from './kit.ts'
import { startChild } from './processes/start.ts'

describe('the schema', () => {
  test('is made by the migrations exactly as the entities describe it', async () => {
    const path = join(await temporaryDirectory(), 'facts.sqlite')
    await openDatabase(path)
    const file = new Database(path, { readonly: true })
    const all = <T>(sql: string) => file.prepare(sql).all() as T[]
    for (const { options } of entities) {
      const table = options.tableName!
      const columns = all<{ name: string; type: string; notnull: number }>(`PRAGMA table_info(${table})`)
      const wanted = Object.entries(
        options.columns as Record<string, { type: string; length?: number; nullable?: true }>,
      )
      expect(columns.map(({ name, type, notnull }) => [name, type.toLowerCase(), notnull === 1])).toEqual(
        wanted.map(([name, column]) => [
          name,
          column.length === undefined ? column.type : `${column.type}(${column.length})`,
          column.nullable !== true,
        ]),
      )
      const indexes = all<{ name: string; unique: number; origin: string; partial: number }>(
        `PRAGMA index_list(${table})`,
      ).filter((index) => index.origin === 'c')
      const found = indexes.map(({ name, unique, partial }) => ({
        name,
        unique: unique === 1,
        partial: partial === 1,
        columns: all<{ name: string }>(`PRAGMA index_info(${name})`).map((column) => column.name),
      }))
      const described = (options.indices ?? []).map((index) => ({
        name: index.name!,
        unique: index.unique === true,
        partial: index.where !== undefined,
        columns: index.columns as string[],
      }))
      const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
      expect(found.sort(byName), table).toEqual(described.sort(byName))
      const keys = all<{ from: string; to: string; on_delete: string }>(`PRAGMA foreign_key_list(${table})`)
      expect(keys.map(({ from, to, on_delete }) => `${from} ${to} ${on_delete}`).sort(), table).toEqual(
        (options.foreignKeys ?? [])
          .map((key) => `${key.columnNames[0]} ${key.referencedColumnNames[0]} ${key.onDelete ?? 'NO ACTION'}`)
          .sort(),
      )
    }
    file.close()
  })

  test('is kept, with its facts, when the store is opened again', async () => {
    const path = join(await temporaryDirectory(), 'facts.sqlite')
    const first = await openDatabase(path)
    await first.transaction((store) => store.networks.create(newNetwork('10.0.0.0/24')))
    await first.close()
    const second = await openDatabase(path)
    expect((await second.read((store) => store.networks.list())).map((network) => network.cidr)).toEqual([
      '10.0.0.0/24',
    ])
  })

  test('is made once when several processes open an empty store at the same moment', async () => {
    const directory = await temporaryDirectory()
    const script = await bundle('test/drivers/database/processes/worker.ts', 'database-worker')
    for (let round = 0; round < 3; round++) {
      const path = join(directory, `facts-${round}.sqlite`)
      const children = Array.from({ length: 4 }, () => startChild(script, [path, 'open']))
      expect(await Promise.all(children.map((child) => child.ended))).toEqual(
        Array(4).fill({ code: 0, output: 'open\n' }),
      )
    }
  })

  test.each([
    {
      store: 'a newer one',
      sql: `CREATE TABLE schema_migrations (id INTEGER PRIMARY KEY, timestamp BIGINT, name VARCHAR);
        INSERT INTO schema_migrations VALUES (1, 1795478400000, 'InitialSchema1795478400000'), (2, 1, 'Later1895478400000')`,
      found: 'InitialSchema1795478400000, Later1895478400000',
    },
    {
      store: 'one of another program',
      sql: 'CREATE TABLE networks (id INTEGER); CREATE TABLE migrations (id INTEGER)',
      found: 'of another program (tables migrations, networks)',
    },
  ])('is refused and left alone when the store has $store', async ({ sql, found }) => {
    const path = join(await temporaryDirectory(), 'facts.sqlite')
    const file = new Database(path)
    file.exec(sql)
    const tables = () => file.prepare('SELECT name, sql FROM sqlite_master ORDER BY name').all()
    const before = tables()
    const error = await openDatabase(path).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(SchemaMismatch)
    expect((error as InstanceType<typeof SchemaMismatch>).details).toMatchObject({
      found,
      wanted: migrations.map((migration) => new migration().name).join(', '),
    })
    expect(tables()).toEqual(before)
    file.close()
  })
})

describe('the file', () => {
  test('is made for its owner alone, with its directories', async () => {
    const directory = join(await temporaryDirectory(), 'state', 'deep')
    const path = join(directory, 'facts.sqlite')
    const database = await openDatabase(path)
    await database.claimHost('host1')
    const modes = await Promise.all(
      [directory, path, `${path}-wal`, `${path}-host-host1.lock`].map((name) => stat(name)),
    )
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(['700', '600', '600', '600'])
  })

  test.each([
    { what: 'that is not a database', make: (path: string) => writeFile(path, 'no database at all, '.repeat(100)) },
    { what: 'that is a directory', make: async (path: string) => void (await openDatabase(join(path, 'inner'))) },
  ])('$what is refused with its path and the remedy', async ({ make }) => {
    const path = join(await temporaryDirectory(), 'facts.sqlite')
    await make(path)
    const error = await openDatabase(path).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigInvalid)
    expect((error as Error).message).toContain(`sql_connection: ${path} cannot be used as a SQLite database`)
  })
})

describe('the plugin', () => {
  test.each([
    ['sqlite:////var/lib/netloom/netloom.sqlite', true],
    ['sqlite://', true],
    ['sqlite:///:memory:', true],
    ['sqlite:///relative/netloom.sqlite', false],
    ['sqlite:///', false],
    ['mysql://netloom:secret@db/netloom', false],
    ['', false],
  ])('checks sql_connection: %s', (sql_connection, good) => {
    const problems = sqlitePlugin.check({ sql_connection, state_path: '/var/lib/netloom' })
    expect(problems).toHaveLength(good ? 0 : 1)
    expect(problems.join()).not.toContain('secret')
  })

  test('makes a store that works', async () => {
    const database = (await sqlitePlugin.create({
      flags: { sql_connection: 'sqlite://', state_path: '/nowhere' },
      services: { clock: new TestClock() },
      logger: null as never,
    })) as Awaited<ReturnType<typeof openDatabase>>
    await database.open()
    expect(await database.read((store) => store.networks.list())).toEqual([])
    await sqlitePlugin.dispose?.(database)
  })

  test('names the package and the remedy when better-sqlite3 does not load', async () => {
    const error = await loadSqlite(() => Promise.reject(new Error('no such file\nrequire stack'))).catch(
      (e: unknown) => e,
    )
    expect(error).toBeInstanceOf(PluginStartFailed)
    expect((error as Error).message).toMatch(
      /^could not start db_backend = sqlite -> better-sqlite3: .*no such file.*npm rebuild better-sqlite3/,
    )
  })
})
