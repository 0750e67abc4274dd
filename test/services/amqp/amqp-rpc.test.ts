import { describe } from 'vitest'
import { rpcCases } from '../../drivers/rpc/cases.ts'
import { makeAmqpBus } from './amqp-bus.ts'

describe('every bus', () => rpcCases(() => makeAmqpBus('rabbit://guest:guest@127.0.0.1:5672/')))
