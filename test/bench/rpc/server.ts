/** The second process of the benchmark: `server URL PREFIX RUN_PATH` answers on all three ways. */
import { AmqpRpc } from '../../../drivers/rpc/amqp/amqp-rpc.ts'
import { brokersOf } from '../../../drivers/rpc/amqp/brokers.ts'
import { LocalRpc } from '../../../drivers/rpc/local/local-rpc.ts'
import { echo, memoryLogger } from '../../drivers/rpc/bus.ts'
import { defaultFlags } from '../../services/amqp/amqp-bus.ts'
import { serveBare } from './bare.ts'

const [url = '', prefix = '', runPath = ''] = process.argv.slice(2)
const { logger } = memoryLogger()
const brokers = brokersOf({ ...defaultFlags, transport_url: url })
const shared = { host: 'server', timeoutMs: 60_000, logger }
await serveBare(url, prefix)
await (await AmqpRpc.open({ ...shared, brokers, tls: null, retryMs: 1000, prefix })).serve('network', 'server', echo)
await new LocalRpc({ ...shared, runPath }).serve('network', 'server', echo)
process.stdout.write('ready\n')
