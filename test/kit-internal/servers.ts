/**
 * The servers that tests and benchmarks leave alone: those that NETLOOM_TEST_MYSQL (`mysql://user:password@host:port`)
 * and NETLOOM_TEST_AMQP (`rabbit://user:password@host:port/`) name, or private ones. What happens to run on this
 * machine is not taken: it may be busy, full of leftovers, or of another configuration.
 */
import { type Connection, createConnection } from 'mysql2/promise'
import { parseTarget } from '../../drivers/database/mysql/target.ts'
import { startPrivateMariadb } from './private-mariadb.ts'
import { startPrivateRabbitmq } from './private-rabbitmq.ts'

export interface MysqlServer {
  /** `mysql://user:password@host:port` */
  readonly server: string
  /** Ends it if it is private. */
  stop(): Promise<void>
}

export interface Broker {
  /** `rabbit://user:password@host:port/` */
  readonly url: string
  /** Ends it if it is private. */
  end(): Promise<void>
}

/** @param parent the folder that a private one lies in; default: the one for temporary files */
export async function provideMysqlServer(parent?: string): Promise<MysqlServer> {
  const server = process.env.NETLOOM_TEST_MYSQL
  if (server === undefined) return startPrivateMariadb({ parent, revive: true })
  return { server, stop: async () => undefined }
}

/** @param parent the folder that a private one lies in; default: the one for temporary files */
export async function provideBroker(parent?: string): Promise<Broker> {
  const url = process.env.NETLOOM_TEST_AMQP
  if (url === undefined) return startPrivateRabbitmq({ parent })
  return { url, end: async () => undefined }
}

/** Connects to no database. */
export async function connect(server: string): Promise<Connection> {
  const { target, problem } = parseTarget(`${server}/mysql`)
  if (target === null) throw new TypeError(problem)
  const { database: _database, ...credentials } = target
  return createConnection({ ...credentials, connectTimeout: 2000 })
}
