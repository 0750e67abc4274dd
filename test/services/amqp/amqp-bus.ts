import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'
import { AmqpRpc, type AmqpRpcOptions } from '../../../drivers/rpc/amqp/amqp-rpc.ts'
import { type Brokers, brokersOf } from '../../../drivers/rpc/amqp/brokers.ts'
import { type Bus, memoryLogger } from '../../drivers/rpc/bus.ts'

export interface AmqpBus extends Bus {
  readonly prefix: string
  readonly brokers: Brokers
  open(host: string, options?: Partial<AmqpRpcOptions>): Promise<AmqpRpc>
}

/** What the flags say where none is set. */
export const defaultFlags = {
  rabbit_host: '127.0.0.1',
  rabbit_port: 5672,
  rabbit_hosts: [],
  rabbit_userid: 'guest',
  rabbit_password: 'guest',
  rabbit_virtual_host: '/',
  transport_url: null,
}

/** Drivers on a broker, under names of their own. @param url `rabbit://...` */
export async function makeAmqpBus(url: string, options: Partial<AmqpRpcOptions> = {}): Promise<AmqpBus> {
  const prefix = `netloom-test-${randomUUID()}`
  const brokers = brokersOf({ ...defaultFlags, transport_url: url })
  const { logger, warnings } = memoryLogger()
  const drivers: AmqpRpc[] = []
  return {
    prefix,
    brokers,
    warnings,
    async open(host, own = {}) {
      const shared = { brokers, tls: null, retryMs: 500, prefix, timeoutMs: 5000, logger }
      const driver = await AmqpRpc.open({ ...shared, host, ...options, ...own })
      drivers.push(driver)
      return driver
    },
    async end() {
      await Promise.all(drivers.map((driver) => driver.close()))
      await cleanUp(brokers, prefix)
    },
  }
}

/** Deletes what outlives its users. */
async function cleanUp({ list: [{ host, port, user, password }] }: Brokers, prefix: string): Promise<void> {
  const model = await connect({ hostname: host, port, username: user, password })
  const channel = await model.createChannel()
  for (const topic of ['network', 'volume']) await channel.deleteQueue(`${prefix}.v1.${topic}.casts`)
  await channel.deleteExchange(`${prefix}.v1.fanout`)
  await model.close()
}
