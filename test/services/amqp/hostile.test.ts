import type { ConfirmChannel, Options } from 'amqplib'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { MAX_MESSAGE_BYTES } from '../../../drivers/rpc/envelope.ts'
import { codeOf, echo, until } from '../../drivers/rpc/bus.ts'
import { type AmqpBus, makeAmqpBus } from './amqp-bus.ts'

let bus: AmqpBus
let raw: ConfirmChannel
let answers: { id: string; error?: { code: string; message: string }; refused?: boolean }[]
beforeEach(async () => {
  bus = await makeAmqpBus(inject('amqpBroker'))
  await (await bus.open('a')).serve('network', 'a', echo)
  raw = await bus.raw()
  answers = []
  const take = (content: Buffer, id: string) => answers.push({ id, ...JSON.parse(content.toString() || '{}') })
  await raw.consume('amq.rabbitmq.reply-to', (m) => m && take(m.content, m.properties.correlationId), { noAck: true })
})
afterEach(() => bus.end())

const good = { v: 1, kind: 'call', topic: 'network', server: 'a', method: 'm', args: {}, timeout_ms: 5000 }
const queues = () => [bus.names.host('network', 'a'), bus.names.calls('network'), bus.names.casts('network')]

function send(queue: string, content: string | Buffer | object, properties: Options.Publish = {}): void {
  const text = typeof content === 'object' && !Buffer.isBuffer(content) ? JSON.stringify(content) : content
  raw.sendToQueue(queue, Buffer.from(text as string), { replyTo: 'amq.rabbitmq.reply-to', ...properties })
}

/** Everything that was sent has been dealt with, and the host still serves. */
async function settled(): Promise<void> {
  await raw.waitForConfirms()
  const client = await bus.open('b')
  await until(async () => (await codeOf(client.call({ topic: 'network' }, 'm', {}))).startsWith('no error'))
  expect(await client.call({ topic: 'network', server: 'a' }, 'm', {})).toEqual({ method: 'm', args: {} })
  const waiting = async () => (await raw.checkQueue(bus.names.casts('network'))).messageCount
  await until(async () => (await waiting()) === 0)
  await client.close()
}

test.each([
  ['text that is no JSON', 'junk', /message "junk"/],
  ['bytes that are no text', Buffer.from([0xff, 0xfe]), /not UTF-8/],
  ['a later version', { ...good, v: 2 }, /message version 2 is not valid: 1: the two sides/],
  ['an unknown kind', { ...good, kind: 'fan' }, /kind "fan"/],
  ['arguments that are a list', { ...good, args: [] }, /args/],
  ['a host that is a number', { ...good, server: 7 }, /server 7/],
  ['no message id', good, /message id null/],
  ['more than the bus carries', Buffer.alloc(MAX_MESSAGE_BYTES + 1, 'x'), /at most 8388608 bytes/],
])('%s is refused by name, on every queue', async (_what, content, want) => {
  const properties = _what === 'no message id' ? {} : { messageId: 'x' }
  for (const queue of queues()) send(queue, content, { ...properties, correlationId: 'x' })
  await until(() => answers.length === 3)
  for (const { id, error, refused } of answers) {
    expect([id, error?.code, refused]).toEqual(['x', 'InvalidInput', true])
    expect(error?.message).toMatch(want)
  }
  await settled()
})

test('a call under the name of another host is refused', async () => {
  send(bus.names.calls('network'), { ...good, server: 'b' }, { messageId: 'x' })
  await until(() => answers.length === 1)
  expect(answers[0]).toMatchObject({ error: { code: 'ServiceUnavailable' }, refused: true })
})

test('junk is logged once a sender, and then when its count has another digit', async () => {
  for (let i = 0; i < 12; i += 1) send(queues()[i % 3]!, 'junk', { appId: 'evil' })
  send(queues()[0]!, 'junk', { appId: 'clumsy' })
  await until(() => answers.length === 13)
  expect(bus.warnings).toEqual(Array.from({ length: 3 }, () => 'a malformed message'))
})

test('junk that nobody waits for ends with the host', async () => {
  for (const queue of queues()) raw.sendToQueue(queue, Buffer.from('junk'))
  await settled()
  expect(answers).toEqual([])
})

test('an answer is sent to nobody but a caller: not into a queue that a message names', async () => {
  await raw.assertQueue('', { exclusive: true }).then(async ({ queue }) => {
    for (const target of queues()) send(target, 'junk', { replyTo: queue })
    await settled()
    expect((await raw.checkQueue(queue)).messageCount).toBe(0)
  })
})

test('an address of answers that upsets the broker brings neither a crash nor a loop', async () => {
  const lost = () => bus.warnings.filter((warning) => warning === 'the message bus is away').length
  for (const content of ['junk', good]) {
    for (const queue of queues()) send(queue, content, { replyTo: 'amq.rabbitmq.reply-to.g1h2AA.x', messageId: 'x' })
    await settled()
  }
  // RabbitMQ 3.10 ends the connection that answers: once for each of them, and once more for a call that comes again.
  expect(lost()).toBeLessThanOrEqual(6)
  const before = lost()
  await settled()
  expect(lost()).toBe(before)
})

test('whatever comes, the host goes on and no queue fills', async () => {
  const property = fc.record(
    {
      messageId: fc.string({ maxLength: 60 }),
      correlationId: fc.string({ maxLength: 60 }),
      type: fc.constantFrom('probe', 'unknown', 'x'),
      headers: fc.dictionary(
        fc.constantFrom('sent_ms_ago', 'x-delivery-count', 'y'),
        fc.oneof(fc.integer(), fc.string()),
      ),
      appId: fc.string({ maxLength: 20 }),
      contentType: fc.constantFrom('application/json', 'text/plain'),
    },
    { requiredKeys: [] },
  )
  const almost = fc.record(
    {
      ...{ v: fc.constantFrom(1, 2, null), kind: fc.constantFrom('call', 'cast', 'x'), ids: fc.jsonValue() },
      ...{ topic: fc.constantFrom('network', 'x'), server: fc.constantFrom('a', 'b', null) },
      ...{ method: fc.string(), args: fc.oneof(fc.constant({}), fc.jsonValue()), timeout_ms: fc.integer() },
    },
    { requiredKeys: [] },
  )
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json(),
    almost.map((message) => JSON.stringify(message)),
    fc.constantFrom('['.repeat(100_000), '{"__proto__":{"v":1}}', '{"v":1,"ids":[null,{}]}'),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(2), content, property), { maxLength: 30 }), async (messages) => {
      for (const [queue, body, properties] of messages) send(queues()[queue]!, body, properties as Options.Publish)
      await settled()
    }),
    { numRuns: 30 },
  )
})
