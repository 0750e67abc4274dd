/** A process that calls once, `client URL PREFIX HOST`, and has nothing that keeps it alive. */
import { AmqpRpc } from '../../../../drivers/rpc/amqp/amqp-rpc.ts'
import { brokersOf } from '../../../../drivers/rpc/amqp/brokers.ts'
import { memoryLogger } from '../../../drivers/rpc/bus.ts'
import { defaultFlags } from '../amqp-bus.ts'

const [url = '', prefix = '', host = ''] = process.argv.slice(2)
const brokers = brokersOf({ ...defaultFlags, transport_url: url })
const { logger } = memoryLogger()
const rpc = await AmqpRpc.open({ brokers, tls: null, retryMs: 500, prefix, host: 'client', timeoutMs: 5000, logger })
console.log(await rpc.call({ topic: 'network', server: host }, 'hello', {}))
await rpc.close()
