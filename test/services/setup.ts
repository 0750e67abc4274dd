/** Before the tests that need a server: finds one, or starts it. */
import type { TestProject } from 'vitest/node'
import { connect, provideMysqlServer } from '../kit-internal/mysql-server.ts'
import { openTestBroker } from './amqp/test-broker.ts'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [mysql, broker] = await Promise.all([provideMysqlServer(), openTestBroker()])
  await dropLeftovers(mysql.server)
  project.provide('mysqlServer', mysql.server)
  project.provide('amqpBroker', broker.url)
  return async () => {
    await Promise.all([mysql.stop(), broker.end()])
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
