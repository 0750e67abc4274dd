/**
 * A database server for tests: one that NETLOOM_TEST_MYSQL names (`mysql://user:password@host:port`), or that lets root in
 * on this machine's loopback without a password, or a private one.
 */
import { type Connection, createConnection } from 'mysql2/promise'
import { parseTarget } from '../../drivers/database/mysql/target.ts'
import { startPrivateMariadb } from './private-mariadb.ts'

const USUAL = 'mysql://root@127.0.0.1:3306'

export interface MysqlServer {
  /** `mysql://user:password@host:port` */
  readonly server: string
  /** Ends it if it is private. */
  stop(): Promise<void>
}

export async function provideMysqlServer(): Promise<MysqlServer> {
  const server = process.env.NETLOOM_TEST_MYSQL ?? ((await isOpen(USUAL)) ? USUAL : null)
  if (server === null) return startPrivateMariadb()
  return { server, stop: async () => undefined }
}

async function isOpen(server: string): Promise<boolean> {
  try {
    await (await connect(server)).end()
    return true
  } catch {
    return false
  }
}

/** Connects to no database. */
export async function connect(server: string): Promise<Connection> {
  const { target, problem } = parseTarget(`${server}/mysql`)
  if (target === null) throw new TypeError(problem)
  const { database: _database, ...credentials } = target
  return createConnection({ ...credentials, connectTimeout: 2000 })
}
