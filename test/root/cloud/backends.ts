/** The pairs of fact store and message bus that services in namespaces run on. */
import { createConnection } from 'mysql2/promise'
import { Namespaces } from '../../../core/bin/demo/namespaces.ts'
import { type PrivateMariadb, startPrivateMariadb } from '../../kit-internal/private-mariadb.ts'
import { type PrivateRabbitmq, startPrivateRabbitmq } from '../../kit-internal/private-rabbitmq.ts'
import type { TestCloud } from './test-cloud.ts'

/** A pair that is ready for clouds, one after the other. */
export interface Backend {
  /** Flags for all services and clients of the next cloud. */
  flags(): Promise<readonly string[]>
  /** Makes it reachable from the namespaces of a cloud that was built. */
  enter(cloud: TestCloud): Promise<void>
  end(): Promise<void>
}

/** Servers of the test's own, in a namespace of their own. */
export interface Servers extends Backend {
  readonly mariadb: PrivateMariadb
  readonly rabbitmq: PrivateRabbitmq
  /** Nothing from that address reaches these ports any more, and nothing is told so. @returns what undoes it */
  cutOff(address: string, ports: readonly number[]): Promise<() => Promise<void>>
}

export interface BackendPair {
  readonly name: string
  prepare(): Promise<Backend>
}

const SERVERS_ADDRESS = '203.0.113.2'
const HOME = 'home'

/** MariaDB and RabbitMQ, each a process that may be killed. */
export async function startServers(): Promise<Servers> {
  const namespaces = new Namespaces(`nls${process.pid}`)
  await namespaces.add(HOME)
  const namespace = namespaces.fullName(HOME)
  const [mariadb, rabbitmq] = await Promise.all([
    startPrivateMariadb({ namespace, address: '0.0.0.0' }),
    startPrivateRabbitmq({ namespace, address: '0.0.0.0' }),
  ])
  let clouds = 0
  return {
    mariadb,
    rabbitmq,
    async flags() {
      clouds += 1
      const connection = await createConnection({ socketPath: mariadb.socketPath, user: 'root' })
      await connection.query(`CREATE DATABASE cloud${clouds}`)
      await connection.end()
      return [
        `--sql_connection=mysql://root@${SERVERS_ADDRESS}/cloud${clouds}`,
        '--rpc_backend=amqp',
        `--rabbit_host=${SERVERS_ADDRESS}`,
        `--control_exchange=cloud${clouds}`,
      ]
    },
    async enter(cloud) {
      const peer = ['peer', 'name', 'servers', 'netns', cloud.namespaces.fullName('public')] as const
      await namespaces.inside(HOME, 'ip', 'link', 'add', 'name', 'eth0', 'type', 'veth', ...peer)
      await namespaces.inside(HOME, 'ip', 'address', 'add', `${SERVERS_ADDRESS}/24`, 'dev', 'eth0')
      await namespaces.inside(HOME, 'ip', 'link', 'set', 'eth0', 'up')
      await cloud.namespaces.inside('public', 'ip', 'link', 'set', 'servers', 'master', 'segment', 'up')
    },
    async cutOff(address, ports) {
      const rule = ['INPUT', '-s', address, '-p', 'tcp', '-m', 'multiport', '--dports', ports.join(','), '-j', 'DROP']
      await namespaces.inside(HOME, 'iptables', '-I', ...rule)
      return async () => void (await namespaces.inside(HOME, 'iptables', '-D', ...rule))
    },
    async end() {
      await Promise.all([mariadb.stop(), rabbitmq.end()])
      await namespaces.remove()
    },
  }
}

export const backends: readonly BackendPair[] = [
  {
    name: 'sqlite+local',
    // Files and sockets lie in the folder of the cloud, which all namespaces reach.
    prepare: async () => ({ flags: async () => [], enter: async () => {}, end: async () => {} }),
  },
  { name: 'mysql+amqp', prepare: startServers },
]
