import { afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { startChild } from '../../drivers/database/processes/start.ts'
import { codeOf, echo, gate, inTime, until } from '../../drivers/rpc/bus.ts'
import { rpcCases } from '../../drivers/rpc/cases.ts'
import { bundle } from '../../kit-internal/bundle.ts'
import { type AmqpBus, makeAmqpBus } from './amqp-bus.ts'

let serverScript: string
let clientScript: string
beforeAll(async () => {
  serverScript = await bundle('test/services/amqp/processes/server.ts', 'amqp-server')
  clientScript = await bundle('test/services/amqp/processes/client.ts', 'amqp-client')
})
describe('every bus', () => rpcCases(() => makeAmqpBus(inject('amqpBroker'))))

describe('on RabbitMQ', () => {
  let bus: AmqpBus
  beforeEach(async () => {
    bus = await makeAmqpBus(inject('amqpBroker'))
  })
  afterEach(() => bus.end())

  const network = { topic: 'network' }
  const a = { ...network, server: 'a' }
  const patient = { timeoutMs: 60_000 }

  async function serverProcess(host: string) {
    const child = startChild(serverScript, [bus.url, bus.prefix, host])
    await child.said('ready')
    return child
  }

  test('a call costs one message each way', async () => {
    // The class above that of confirm channels, which all messages pass.
    const channels = Object.getPrototypeOf(Object.getPrototypeOf(await bus.raw()))
    const server = await bus.open('a')
    await server.serve('network', 'a', echo)
    const client = await bus.open('b')
    const published = vi.spyOn(channels, 'publish')
    for (let i = 0; i < 20; i += 1) await client.call(a, 'm', {})
    expect(published).toHaveBeenCalledTimes(40)
    published.mockRestore()
  })

  test('a call to a host that was killed fails at once, naming it: nothing waits for a time-out', async () => {
    const child = await serverProcess('a')
    const client = await bus.open('b')
    expect(await client.call(a, 'hello', {})).toBe('hello')
    child.process.kill('SIGKILL')
    await child.ended
    // The broker may still be reading from the dead socket.
    await until(async () => (await codeOf(client.call(a, 'hello', {}, patient))) === 'ServiceUnavailable')
    await expect(client.call(a, 'hello', {}, patient)).rejects.toMatchObject({ details: { host: 'a' }, exitStatus: 5 })
  })

  test('a call that runs on a host that is killed gets ConnectionLost, not silence, also when the host is back', async () => {
    const child = await serverProcess('a')
    const client = await bus.open('b')
    const running = codeOf(client.call(a, 'hang', {}, patient))
    await child.said('begun hang')
    child.process.kill('SIGKILL')
    await child.ended
    await (await bus.open('a')).serve('network', 'a', echo)
    expect(await inTime(running, 10_000)).toBe('ConnectionLost')
  })

  test('a call that names no host and runs on one that is killed is not begun on another', async () => {
    const child = await serverProcess('a')
    const client = await bus.open('b')
    const running = codeOf(client.call(network, 'hang', {}, patient))
    await child.said('begun hang')
    const { begun, open, dispatch } = gate()
    open()
    await (await bus.open('c')).serve('network', 'c', dispatch)
    child.process.kill('SIGKILL')
    expect(await inTime(running, 10_000)).toBe('ConnectionLost')
    expect(begun).toEqual([])
    expect(await client.call(network, 'next', {})).toBe('next')
  })

  test('a host that vanishes without closing its connection is found out by heartbeats, in less than 30 s', async () => {
    const child = await serverProcess('a')
    const client = await bus.open('b')
    child.process.kill('SIGSTOP')
    const hung = client.call(a, 'hello', {}, patient).catch((error) => error)
    const outcome = await inTime(hung, 30_000)
    expect(outcome).toMatchObject({ code: 'ConnectionLost', details: { host: 'a' } })
    await expect(client.call(a, 'hello', {}, patient)).rejects.toMatchObject({ code: 'ServiceUnavailable' })
  })

  test('a message that comes twice is run once and answered twice', async () => {
    const { begun, open, dispatch } = gate()
    await (await bus.open('a')).serve('network', 'a', dispatch)
    const raw = await bus.raw()
    const answers: string[] = []
    await raw.consume('amq.rabbitmq.reply-to', (message) => answers.push(String(message?.content)), { noAck: true })
    const message = { v: 1, kind: 'call', topic: 'network', server: 'a', method: 'm', args: {}, timeout_ms: 5000 }
    const send = () =>
      raw.sendToQueue(bus.names.host('network', 'a'), Buffer.from(JSON.stringify(message)), {
        messageId: 'same',
        replyTo: 'amq.rabbitmq.reply-to',
      })
    send()
    send()
    await until(() => begun.length === 1)
    open()
    await until(() => answers.length === 2)
    send()
    await until(() => answers.length === 3)
    expect([begun, new Set(answers)]).toEqual([['m'], new Set(['{"v":1,"result":"m"}'])])
  })

  test('a message that was first sent before the host began is refused: the one before it may have done it', async () => {
    const { begun, dispatch } = gate()
    await (await bus.open('a')).serve('network', 'a', dispatch)
    const raw = await bus.raw()
    const answers: { error?: { code: string } }[] = []
    await raw.consume('amq.rabbitmq.reply-to', (message) => answers.push(JSON.parse(String(message?.content))), {
      noAck: true,
    })
    const message = { v: 1, kind: 'call', topic: 'network', server: 'a', method: 'm', args: {}, timeout_ms: 5000 }
    raw.sendToQueue(bus.names.host('network', 'a'), Buffer.from(JSON.stringify(message)), {
      messageId: 'again',
      replyTo: 'amq.rabbitmq.reply-to',
      headers: { sent_ms_ago: 60_000 },
    })
    await until(() => answers.length === 1)
    expect([answers[0]?.error?.code, begun]).toEqual(['ConnectionLost', []])
  })

  test('a cast that names no host waits for a server', async () => {
    const first = await (await bus.open('a')).serve('network', 'a', echo)
    await first.close()
    const client = await bus.open('b')
    await client.cast(network, 'later', {})
    const { begun, open, dispatch } = gate()
    open()
    await (await bus.open('c')).serve('network', 'c', dispatch)
    await until(() => begun.length === 1)
    const raw = await bus.raw()
    await until(async () => (await raw.checkQueue(bus.names.casts('network'))).messageCount === 0)
    expect(begun).toEqual(['later'])
  })

  test('a cast that a host leaves undone when it closes is another host’s', async () => {
    const { begun, open, dispatch } = gate()
    const driver = await bus.open('a', { limits: { running: 1, closeMs: 30 } })
    const server = await driver.serve('network', 'a', dispatch)
    await driver.cast(network, 'first', {})
    await driver.cast(network, 'second', {})
    await until(() => begun.length === 1)
    await server.close()
    const done: string[] = []
    await (await bus.open('b')).serve('network', 'b', async (method) => done.push(method))
    await until(() => done.includes('second'))
    open()
  })

  test('a cast that ends process after process is dropped, with one line in the log', async () => {
    const server = await (await bus.open('a')).serve('network', 'a', echo)
    await server.close()
    const client = await bus.open('b')
    await client.cast(network, 'poison', {})
    await client.cast(network, 'good', {})
    const raw = await bus.raw()
    for (let i = 0; i < 6; i += 1) {
      const message = await raw.get(bus.names.casts('network'))
      if (message !== false) raw.nack(message, false, true)
    }
    const begun: string[] = []
    await (await bus.open('c')).serve('network', 'c', async (method) => begun.push(method))
    await until(() => begun.length === 1)
    await until(async () => (await raw.checkQueue(bus.names.casts('network'))).messageCount === 0)
    expect([begun, bus.warnings]).toEqual([['good'], ['a cast was begun too often and is dropped']])
  })

  test('clouds with names of their own do not meet', async () => {
    await (await bus.open('a')).serve('network', 'a', echo)
    const other = await bus.open('b', { prefix: `${bus.prefix}-other` })
    expect(await codeOf(other.call(a, 'x', {}))).toBe('ServiceUnavailable')
    await (await bus.raw()).deleteExchange(`${bus.prefix}-other.v1.fanout`)
  })

  test('a queue that is deleted under its reader is made again', async () => {
    await (await bus.open('a')).serve('network', 'a', echo)
    const client = await bus.open('b')
    await (await bus.raw()).deleteQueue(bus.names.calls('network'))
    await until(async () => (await codeOf(client.call(network, 'x', {}))).startsWith('no error'))
    expect(await client.call(a, 'x', {})).toMatchObject({ method: 'x' })
  })

  test('a process that has closed its driver ends by itself', async () => {
    await (await bus.open('a')).serve('network', 'a', async (method) => method)
    const child = startChild(clientScript, [bus.url, bus.prefix, 'a'])
    expect(await inTime(child.ended, 20_000)).toEqual({ code: 0, output: 'hello\n' })
  })
})
