/**
 * Where stores are made for tests. The test files of this folder run twice: on SQLite without any service, and on the
 * server that `test/services/setup.ts` names.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createConnection } from 'mysql2/promise'
import { inject, onTestFinished } from 'vitest'
import { parseTarget } from '../../../drivers/database/mysql/target.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** `mysql://user:password@host:port` of a server for tests, where they run on one. */
    readonly mysqlServer: string
  }
}

/** The server of this run; null where it runs on SQLite. */
export const mysqlServer: string | null = inject('mysqlServer') ?? null

export const engineName = mysqlServer === null ? 'sqlite' : 'mysql'

/** A store that several connections and processes may open. */
export interface Place {
  /** For `sql_connection`. */
  readonly connection: string
  /** Runs a statement on a connection of its own, past netloom. */
  query(sql: string, params?: readonly unknown[]): Promise<Record<string, unknown>[]>
}

/** @returns the path of a directory that goes with the test */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'netloom-database-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

/** @returns an empty store that goes with the test */
export function makePlace(): Promise<Place> {
  return mysqlServer === null ? makeFile() : makeMysqlDatabase(mysqlServer)
}

/** A text, and the values of its `?`. */
export type Statement = readonly [sql: string, params: readonly unknown[]]

/** How the engine would do a statement, a line for each table that it reads. */
export async function explain(place: Place, [sql, params]: Statement): Promise<readonly string[]> {
  if (engineName === 'sqlite') {
    const bound = params.map((value) => (typeof value === 'boolean' ? Number(value) : value))
    return (await place.query(`EXPLAIN QUERY PLAN ${sql}`, bound)).map((row) => String(row.detail))
  }
  const rows = await place.query(`EXPLAIN ${sql}`, params)
  return rows.map(
    ({ type, table, key, rows: read, Extra }) => `${type} ${table} USING INDEX ${key}: ${read} row, ${Extra}`,
  )
}

async function makeFile(): Promise<Place> {
  const path = join(await temporaryDirectory(), 'facts.sqlite')
  let other: Database.Database | null = null
  onTestFinished(() => void other?.close())
  return {
    connection: `sqlite:///${path}`,
    async query(sql, params = []) {
      other ??= new Database(path)
      const statement = other.prepare(sql)
      if (statement.reader) return statement.all(...params) as Record<string, unknown>[]
      statement.run(...params)
      return []
    },
  }
}

let made = 0

/** @param server `mysql://user:password@host:port` */
export async function makeMysqlDatabase(server: string): Promise<Place> {
  made += 1
  const name = `netloom_test_${process.pid}_${made}`
  const { target, problem } = parseTarget(`${server}/${name}`)
  if (target === null) throw new TypeError(problem)
  const { database: _database, ...credentials } = target
  const other = await createConnection(credentials)
  // Not what netloom needs: it must make its tables right whatever the database says.
  await other.query(`CREATE DATABASE ${name} CHARACTER SET latin1`)
  await other.query(`USE ${name}`)
  // A test may end the server, and this connection with it.
  other.on('error', () => undefined)
  onTestFinished(async () => {
    other.destroy()
    const last = await createConnection(credentials)
    await last.query(`DROP DATABASE IF EXISTS ${name}`)
    await last.end()
  })
  return {
    connection: `${server}/${name}`,
    async query(sql, params = []) {
      const [rows] = await other.query(sql, [...params])
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : []
    },
  }
}
