import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { codeOf, until } from '../../drivers/rpc/bus.ts'
import { type PrivateRabbitmq, startPrivateRabbitmq } from '../../kit-internal/private-rabbitmq.ts'
import { type AmqpBus, makeAmqpBus } from './amqp-bus.ts'

let rabbit: PrivateRabbitmq
let bus: AmqpBus
beforeAll(async () => {
  rabbit = await startPrivateRabbitmq()
})
afterAll(() => rabbit.end())
beforeEach(async () => {
  bus = await makeAmqpBus(rabbit.url, { timeoutMs: 60_000, retryMs: 1000 })
})
afterEach(() => bus.end())

const host = { topic: 'network', server: 'a' }

test('a broker killed three times under load: nothing twice, nothing lost without an error, back in 5 s (lessons G3)', async () => {
  const effects = new Map<number, number>()
  const server = await bus.open('a')
  await server.serve('network', 'a', async (_method, { n }) => {
    effects.set(n as number, (effects.get(n as number) ?? 0) + 1)
    await new Promise((resolve) => setTimeout(resolve, 5))
    return n as number
  })
  const outcomes = new Map<number, string>()
  let next = 0
  let stopped = false
  const work = async (client: Awaited<ReturnType<typeof bus.open>>) => {
    while (!stopped) {
      next += 1
      const n = next
      outcomes.set(
        n,
        await client.call(host, 'effect', { n }).then(
          (answer) => (answer === n ? 'done' : `wrong answer ${answer}`),
          (error) => error.code,
        ),
      )
    }
  }
  const clients = await Promise.all(['w', 'x', 'y', 'z'].map((name) => bus.open(name)))
  const workers = clients.flatMap((client) => [work(client), work(client), work(client), work(client)])
  const fresh = () => outcomes.size > 0 && [...outcomes.values()].at(-1) === 'done'
  await until(() => effects.size > 200, 10_000)
  for (let round = 0; round < 3; round += 1) {
    await rabbit.kill()
    await rabbit.start()
    const before = effects.size
    await until(() => effects.size > before + 200 && fresh(), 5000)
  }
  stopped = true
  await Promise.all(workers)
  const problems = [...outcomes].filter(([n, outcome]) => {
    const times = effects.get(n) ?? 0
    return outcome === 'done' ? times !== 1 : outcome !== 'BusUnavailable' || times !== 0
  })
  expect(problems).toEqual([])
  expect(outcomes.size).toBe(next)
  console.log(outcomes.size, [...outcomes.values()].filter((o) => o !== 'done').length)
})
