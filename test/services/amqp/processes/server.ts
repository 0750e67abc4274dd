/** A process with its own connection to a broker: `server URL PREFIX HOST`; says what it begins. */
import { AmqpRpc } from '../../../../drivers/rpc/amqp/amqp-rpc.ts'
import { brokersOf } from '../../../../drivers/rpc/amqp/brokers.ts'
import { memoryLogger } from '../../../drivers/rpc/bus.ts'
import { defaultFlags } from '../amqp-bus.ts'

const [url = '', prefix = '', host = ''] = process.argv.slice(2)
const brokers = brokersOf({ ...defaultFlags, transport_url: url })
const { logger } = memoryLogger()
const rpc = await AmqpRpc.open({ brokers, tls: null, retryMs: 500, prefix, host, timeoutMs: 60_000, logger })
await rpc.serve('network', host, async (method) => {
  console.log(`begun ${method}`)
  return method === 'hang' ? new Promise(() => {}) : method
})
console.log('ready')
