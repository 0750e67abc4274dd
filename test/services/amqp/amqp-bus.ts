import { randomUUID } from 'node:crypto'
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import { AmqpRpc, type AmqpRpcOptions } from '../../../drivers/rpc/amqp/amqp-rpc.ts'
import { type Brokers, brokersOf } from '../../../drivers/rpc/amqp/brokers.ts'
import { type Names, namesUnder } from '../../../drivers/rpc/amqp/names.ts'
import { type Bus, memoryLogger } from '../../drivers/rpc/bus.ts'

export interface AmqpBus extends Bus {
  readonly url: string
  readonly prefix: string
  readonly names: Names
  open(host: string, options?: Partial<AmqpRpcOptions>): Promise<AmqpRpc>
  /** A bare channel to the broker, for what no driver would send. */
  raw(): Promise<ConfirmChannel>
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
  const models: ChannelModel[] = []
  return {
    url,
    prefix,
    names: namesUnder(prefix),
    warnings,
    async open(host, own = {}) {
      const shared = { brokers, tls: null, retryMs: 500, prefix, timeoutMs: 5000, logger }
      const driver = await AmqpRpc.open({ ...shared, host, ...options, ...own })
      drivers.push(driver)
      return driver
    },
    async raw() {
      const model = await connectTo(brokers)
      models.push(model)
      return model.createConfirmChannel()
    },
    async end() {
      await Promise.all(drivers.map((driver) => driver.close()))
      await Promise.all(models.map((model) => model.close().catch(() => {})))
      await cleanUp(brokers, prefix)
    },
  }
}

async function connectTo({ list: [{ host, port, user, password }] }: Brokers): Promise<ChannelModel> {
  const model = await connect({ hostname: host, port, username: user, password })
  model.on('error', () => {})
  return model
}

/** Deletes what outlives its users. */
async function cleanUp(brokers: Brokers, prefix: string): Promise<void> {
  const model = await connectTo(brokers)
  const channel = await model.createChannel()
  const names = namesUnder(prefix)
  for (const topic of ['network', 'volume']) await channel.deleteQueue(names.casts(topic))
  await channel.deleteExchange(names.fanout)
  await model.close()
}
