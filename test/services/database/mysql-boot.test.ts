import { randomUUID } from 'node:crypto'
import { createConnection } from 'mysql2/promise'
import type { DatabaseDriver, NetloomError } from 'netloom/contracts'
import { expect, onTestFinished, test } from 'vitest'
import { parseTarget } from '../../../drivers/database/mysql/target.ts'
import mysqlPlugin from '../../../drivers/database/mysql.ts'
import { TestClock } from '../../drivers/database/kit.ts'
import { makeMysqlDatabase, mysqlServer } from '../../drivers/database/places.ts'

const server = parseTarget(`${mysqlServer}/mysql`).target!
const at = `127.0.0.1:${server.port}`

/** Opens a store as the plugin makes it. */
async function open(sql_connection: string): Promise<DatabaseDriver> {
  const database = (await mysqlPlugin.create({
    flags: { sql_connection, sql_max_pool_size: 10 },
    services: { clock: new TestClock() },
    logger: null as never,
  })) as DatabaseDriver
  onTestFinished(() => mysqlPlugin.dispose?.(database))
  await database.open()
  return database
}

/** A user of the server that goes with the test. */
async function makeUser(password: string, rights: (user: string) => string | null): Promise<string> {
  const { database: _database, ...credentials } = server
  const connection = await createConnection(credentials)
  const name = `nl_${randomUUID().slice(0, 8)}`
  const user = `${name}@'%'`
  await connection.query(`CREATE USER ${user} IDENTIFIED BY ?`, [password])
  const grant = rights(user)
  if (grant !== null) await connection.query(grant)
  onTestFinished(async () => {
    await connection.query(`DROP USER ${user}`)
    await connection.end()
  })
  return name
}

test('a user with all rights on its database and a difficult password is enough', async () => {
  const place = await makeMysqlDatabase(mysqlServer!)
  const name = parseTarget(place.connection).target!.database
  const password = `p@ss/w#rd:%'"\\ü`
  const user = await makeUser(password, (user) => `GRANT ALL ON ${name}.* TO ${user}`)
  const secret = encodeURIComponent(password)
  const database = await open(`mysql+pymysql://${user}:${secret}@${at}/${name}?charset=utf8`)
  expect(await database.read((store) => store.networks.list())).toEqual([])
  await database.claimHost('host1')
})

test.each([
  {
    what: 'a wrong password',
    connection: (user: string) => `mysql://${user}:s3cret@${at}/facts`,
    status: 6,
    message: 'mend the user USER or the password',
  },
  {
    what: 'a database that is not there',
    connection: (user: string) => `mysql://${user}:right@${at}/netloom_test_none`,
    rights: (user: string) => `GRANT ALL ON netloom_test_none.* TO ${user}`,
    status: 6,
    message: 'make it with `CREATE DATABASE netloom_test_none`, or name one that is there',
  },
  {
    what: 'a user without rights on the database',
    connection: (user: string) => `mysql://${user}:right@${at}/mysql`,
    status: 6,
    message: 'give the user USER all rights on the database mysql',
  },
  {
    what: 'a server that does not run',
    connection: (user: string) => `mysql://${user}:s3cret@127.0.0.1:1/facts`,
    status: 5,
    message: 'is away: connect ECONNREFUSED 127.0.0.1:1; start it, or mend the flag sql_connection',
  },
  {
    what: 'a host that has no address',
    connection: (user: string) => `mysql://${user}:s3cret@nowhere.invalid/facts`,
    status: 5,
    message: 'is away: getaddrinfo E',
  },
])(
  '$what is told at once, with what to do and without the password',
  async ({ connection, rights, status, message }) => {
    const user = await makeUser('right', rights ?? (() => null))
    const error = (await open(connection(user)).catch((reason: unknown) => reason)) as NetloomError
    expect(error.exitStatus).toBe(status)
    expect(error.message).toContain(message.replace('USER', user))
    expect(error.message).toContain(`mysql://${user}@`)
    expect(JSON.stringify(error) + String(error.stack)).not.toMatch(/s3cret|right@/)
  },
)
