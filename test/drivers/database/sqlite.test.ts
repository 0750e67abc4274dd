import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ConfigInvalid, PluginStartFailed } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { entities } from '../../../drivers/database/sql/entities.ts'
import { loadSqlite } from '../../../drivers/database/sqlite/library.ts'
import sqlitePlugin from '../../../drivers/database/sqlite.ts'
import { openDatabase, TestClock } from './kit.ts'
import { temporaryDirectory } from './places.ts'

/** Opens the store in this file. */
const openFile = (path: string) => openDatabase({ place: { connection: `sqlite:///${path}`, query: async () => [] } })

test('the schema is made by the migrations exactly as the entities describe it', async () => {
  const path = join(await temporaryDirectory(), 'facts.sqlite')
  await openFile(path)
  const file = new Database(path, { readonly: true })
  const all = <T>(sql: string) => file.prepare(sql).all() as T[]
  for (const { options } of entities) {
    const table = options.tableName!
    const columns = all<{ name: string; type: string; notnull: number }>(`PRAGMA table_info(${table})`)
    const wanted = Object.entries(options.columns as Record<string, { type: string; length?: number; nullable?: true }>)
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

describe('the file', () => {
  test('is made for its owner alone, with its directories', async () => {
    const directory = join(await temporaryDirectory(), 'state', 'deep')
    const path = join(directory, 'facts.sqlite')
    const database = await openFile(path)
    await database.claimHost('host1')
    const modes = await Promise.all(
      [directory, path, `${path}-wal`, `${path}-host-host1.lock`].map((name) => stat(name)),
    )
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(['700', '600', '600', '600'])
  })

  test.each([
    { what: 'that is not a database', make: (path: string) => writeFile(path, 'no database at all, '.repeat(100)) },
    { what: 'that is a directory', make: async (path: string) => void (await openFile(join(path, 'inner'))) },
  ])('$what is refused with its path and the remedy', async ({ make }) => {
    const path = join(await temporaryDirectory(), 'facts.sqlite')
    await make(path)
    const error = await openFile(path).catch((reason: unknown) => reason)
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
