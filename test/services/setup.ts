/** Before the tests that need servers: starts them. */
import { existsSync } from 'node:fs'
import type { TestProject } from 'vitest/node'
import { provideBroker, provideMysqlServer } from '../kit-internal/servers.ts'

/** Files in memory: a killed server finds them again as on a disk, and a flush costs nothing. */
const IN_MEMORY = '/dev/shm'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const parent = existsSync(IN_MEMORY) ? IN_MEMORY : undefined
  const [mysql, broker] = await Promise.all([provideMysqlServer(parent), provideBroker(parent)])
  project.provide('mysqlServer', mysql.server)
  project.provide('amqpBroker', broker.url)
  return async () => {
    await Promise.all([mysql.stop(), broker.end()])
  }
}
