/** A call over bare amqplib, with the options of netloom's driver and nothing else. */
import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'

const bareQueue = (prefix: string) => `${prefix}.bare`
const socket = { noDelay: true }
const amqpUrl = (url: string) => `${url.replace(/^rabbit:/, 'amqp:')}?heartbeat=10`

export async function openBareClient(url: string, prefix: string) {
  const model = await connect(amqpUrl(url), socket)
  const channel = await model.createConfirmChannel()
  const pending = new Map<string, (answer: unknown) => void>()
  await channel.consume(
    'amq.rabbitmq.reply-to',
    (message) => {
      if (message === null) return
      const id = message.properties.correlationId
      pending.get(id)?.(JSON.parse(message.content.toString()))
      pending.delete(id)
    },
    { noAck: true },
  )
  return {
    call(method: string, args: object): Promise<unknown> {
      const id = randomUUID()
      const content = Buffer.from(JSON.stringify({ method, args, timeout_ms: 60_000 }))
      const properties = { messageId: id, correlationId: id, replyTo: 'amq.rabbitmq.reply-to', expiration: '60000' }
      return new Promise((resolve) => {
        pending.set(id, resolve)
        channel.publish('', bareQueue(prefix), content, { ...properties, mandatory: true }, () => {})
      })
    },
    close: () => model.close(),
  }
}

export async function serveBare(url: string, prefix: string): Promise<void> {
  const model = await connect(amqpUrl(url), socket)
  const channel = await model.createChannel()
  await channel.prefetch(128)
  await channel.assertQueue(bareQueue(prefix), { exclusive: true, autoDelete: true, durable: false })
  await channel.consume(bareQueue(prefix), (message) => {
    if (message === null) return
    const { replyTo, correlationId } = message.properties
    const { method, args } = JSON.parse(message.content.toString())
    channel.sendToQueue(replyTo, Buffer.from(JSON.stringify({ result: { method, args } })), { correlationId })
    channel.ack(message)
  })
}
