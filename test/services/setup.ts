/**
 * Before the tests that need a server: one that NETLOOM_TEST_MYSQL names (`mysql://user:password@host:port`), or that
 * lets root in on this machine's loopback without a password, or a private one.
 */
import { type Connection, createConnection } from 'mysql2/promise'
import type { TestProject } from 'vitest/node'
import { parseTarget } from '../../drivers/database/mysql/target.ts'
import { startPrivateMariadb } from '../kit-internal/private-mariadb.ts'

const USUAL = 'mysql://root@127.0.0.1:3306'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const named = process.env.NETLOOM_TEST_MYSQL
  const given = named ?? ((await isOpen(USUAL)) ? USUAL : null)
  if (given === null) {
    const mariadb = await startPrivateMariadb()
    project.provide('mysqlServer', mariadb.server)
    return () => mariadb.stop()
  }
  await dropLeftovers(given)
  project.provide('mysqlServer', given)
  return async () => undefined
}

async function isOpen(server: string): Promise<boolean> {
  try {
    await (await connect(server)).end()
    return true
  } catch {
    return false
  }
}

/** Databases of test processes of this machine that died. */
async function dropLeftovers(server: string): Promise<void> {
  const connection = await connect(server)
  const [rows] = await connection.query("SHOW DATABASES LIKE 'netloom\\_test\\_%'")
  for (const name of (rows as object[]).flatMap((row) => Object.values(row))) {
    const pid = /^netloom_test_(\d+)_\d+$/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) await connection.query(`DROP DATABASE IF EXISTS ${name}`)
  }
  await connection.end()
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function connect(server: string): Promise<Connection> {
  const { target, problem } = parseTarget(`${server}/mysql`)
  if (target === null) throw new TypeError(problem)
  const { database: _database, ...credentials } = target
  return createConnection({ ...credentials, connectTimeout: 2000 })
}
