/**
 * The pairs of fact store and message bus that every scenario runs on: without any service, and on the servers that
 * `test/services/setup.ts` names.
 */
import { randomUUID } from 'node:crypto'
import { inject } from 'vitest'
import { makePlace, mysqlServer } from '../drivers/database/places.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** `rabbit://...` of a broker for tests, where they run on one. */
    readonly amqpBroker: string
  }
}

export interface Backends {
  readonly name: string
  /** The flags that choose them, for one cloud. @param folder of this cloud alone, which goes with the test */
  flags(folder: string): Promise<readonly string[]>
  /** A test of very many cases takes each `every`-th of them: 1 where all of them take seconds. */
  readonly every: number
}

const local: Backends = {
  name: 'sqlite+local',
  flags: async (folder) => [
    '--db_backend=sqlite',
    `--sql_connection=sqlite:///${folder}/facts.sqlite`,
    '--rpc_backend=local',
    `--run_path=${folder}/run`,
  ],
  every: 1,
}

const servers: Backends = {
  name: 'mysql+amqp',
  flags: async () => [
    '--db_backend=mysql',
    `--sql_connection=${(await makePlace()).connection}`,
    '--rpc_backend=amqp',
    `--transport_url=${inject('amqpBroker')}`,
    `--control_exchange=netloom-test-${randomUUID()}`,
  ],
  every: 4,
}

export const backends: readonly Backends[] = [mysqlServer === null ? local : servers]
