import { type RpcDriver, timeLeftMs } from 'netloom/contracts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { codeOf, echo, gate, inTime, until } from '../../drivers/rpc/bus.ts'
import { type PrivateRabbitmq, startPrivateRabbitmq } from '../../kit-internal/private-rabbitmq.ts'
import { type AmqpBus, makeAmqpBus } from './amqp-bus.ts'

let rabbit: PrivateRabbitmq
beforeAll(async () => {
  rabbit = await startPrivateRabbitmq()
})
afterAll(() => rabbit.end())

let bus: AmqpBus
beforeEach(async () => {
  bus = await makeAmqpBus(rabbit.url, { timeoutMs: 60_000, retryMs: 1000 })
})
afterEach(() => bus.end())

const network = { topic: 'network' }
const a = { ...network, server: 'a' }

/** Old enough for a broker to be killed: see `kill`, and what a host takes for a message of the process before it. */
async function ripen(): Promise<void> {
  const since = performance.now()
  await until(() => performance.now() > since + 2500)
}

async function restart(): Promise<void> {
  await rabbit.kill()
  await rabbit.start()
}

test('a broker killed three times under load: nothing twice, nothing lost without an error, back by itself (lessons G3)', async () => {
  const effects = new Map<number, number>()
  await (await bus.open('a')).serve('network', 'a', async (_method, { n }) => {
    effects.set(n as number, (effects.get(n as number) ?? 0) + 1)
    await new Promise((resolve) => setTimeout(resolve, 5))
    return n as number
  })
  await ripen()
  const outcomes = new Map<number, string>()
  let next = 0
  let stopped = false
  const work = async (client: RpcDriver) => {
    while (!stopped) {
      next += 1
      const n = next
      outcomes.set(n, await codeOf(client.call(a, 'effect', { n })))
    }
  }
  const done = () => [...outcomes].filter(([n, outcome]) => outcome === `no error but ${n}`).length
  const clients = await Promise.all(['w', 'x', 'y', 'z'].map((name) => bus.open(name)))
  const workers = clients.flatMap((client) => Array.from({ length: 4 }, () => work(client)))
  try {
    await until(() => done() > 200)
    for (let round = 0; round < 3; round += 1) {
      await restart()
      const before = done()
      await until(() => done() > before + 200)
    }
  } finally {
    stopped = true
    await Promise.all(workers)
  }
  const wrong = [...outcomes].filter(([n, outcome]) => outcome !== `no error but ${n}` || effects.get(n) !== 1)
  expect(wrong).toEqual([])
  expect([outcomes.size, effects.size]).toEqual([next, next])
})

test('what runs while the broker dies: named, it is answered after; unnamed, it is ConnectionLost; each ran once', async () => {
  const { begun, open, dispatch } = gate()
  const timeLeft = new Map<string, number | undefined>()
  await (await bus.open('a')).serve('network', 'a', async (method) => {
    const answer = await dispatch(method)
    timeLeft.set(method, timeLeftMs())
    return answer
  })
  const client = await bus.open('b')
  await ripen()
  const named = client.call(a, 'named', {})
  const unnamed = codeOf(client.call(network, 'unnamed', {}))
  await until(() => begun.length === 2)
  await rabbit.kill()
  expect(await inTime(unnamed, 20_000)).toBe('ConnectionLost')
  await rabbit.start()
  open()
  expect(await inTime(named, 20_000)).toBe('named')
  expect(begun.sort()).toEqual(['named', 'unnamed'])
  // Its caller may have repeated it by now: no transaction is begun for it any more.
  await until(() => timeLeft.size === 2)
  expect(timeLeft.get('unnamed')).toBe(0)
  expect(timeLeft.get('named')).toBeGreaterThan(0)
})

test('casts that name no host survive servers and broker, and are run once', async () => {
  const server = await (await bus.open('a')).serve('network', 'a', echo)
  await ripen()
  await server.close()
  const client = await bus.open('b')
  for (let n = 0; n < 20; n += 1) await client.cast(network, `cast ${n}`, {})
  await restart()
  const { begun, open, dispatch } = gate()
  const driver = await bus.open('c')
  await driver.serve('network', 'c', dispatch)
  await until(() => begun.length === 16)
  // The broker brings again what was not done when it died; this process knows that it runs.
  await restart()
  open()
  await until(() => begun.length === 20)
  // What a host is seen to have done when it goes is not there again. A quorum queue may let its reader go before it has
  // applied what that one acknowledged last.
  const counts = () => rabbit.control('list_queues', 'name', 'messages')
  await until(async () => (await counts()).includes(`${bus.names.casts('network')}\t0\n`))
  await driver.close()
  const raw = await bus.raw()
  expect((await raw.checkQueue(bus.names.casts('network'))).messageCount).toBe(0)
  expect(begun.sort()).toEqual(Array.from({ length: 20 }, (_, n) => `cast ${n}`).sort())
})

test('while the broker is away, calls, casts and fan-outs wait a little, then fail naming it (lessons G3)', async () => {
  await (await bus.open('a')).serve('network', 'a', echo)
  const client = await bus.open('b')
  await client.cast(network, 'x', {})
  await ripen()
  await rabbit.kill()
  await until(() => bus.warnings.filter((warning) => warning === 'the message bus is away').length >= 4)
  const where = `${rabbit.address}:${rabbit.port}`
  const away = { code: 'BusUnavailable', exitStatus: 5, details: { where } }
  await expect(client.call(a, 'x', {}, { timeoutMs: 50 })).rejects.toMatchObject(away)
  const waiting = [client.call(a, 'x', {}), client.cast(a, 'x', {}), client.cast(network, 'x', {})]
  for (const outcome of await Promise.allSettled([...waiting, client.fanout('network', 'x', {})]))
    expect(outcome).toMatchObject({ status: 'rejected', reason: away })
  expect(await codeOf(client.call({ ...network, server: 'c' }, 'x', {}, { timeoutMs: 50 }))).toBe('BusUnavailable')
  await rabbit.start()
  await until(async () => (await codeOf(client.call(a, 'x', {}, { timeoutMs: 500 }))).startsWith('no error'))
})

test('a call that begins while the broker restarts is done when it is back', async () => {
  await (await bus.open('a')).serve('network', 'a', echo)
  const client = await bus.open('b')
  await ripen()
  await rabbit.kill()
  const back = rabbit.start()
  const attempts: Promise<string>[] = []
  let up = false
  void back.then(() => {
    up = true
  })
  await until(() => {
    attempts.push(codeOf(client.call(a, 'x', {})))
    return up
  }, 60_000)
  await back
  const outcomes = await Promise.all(attempts)
  expect(outcomes.at(-1)).toMatch(/^no error/)
  expect(outcomes.filter((outcome) => !/^(no error|BusUnavailable)/.test(outcome))).toEqual([])
})

test('a broker that is short of memory: calls fail naming it, and go on when it has some', async () => {
  await (await bus.open('a')).serve('network', 'a', echo)
  const client = await bus.open('b')
  await rabbit.control('set_vm_memory_high_watermark', '0.0000001')
  // It says so to who sends.
  await codeOf(client.call(a, 'x', {}, { timeoutMs: 500 }))
  await until(() => bus.warnings.includes('the message bus takes no messages'))
  await expect(client.call(a, 'x', {}, { timeoutMs: 100 })).rejects.toMatchObject({
    code: 'BusUnavailable',
    details: { reason: expect.stringContaining('short of memory') },
  })
  await rabbit.control('set_vm_memory_high_watermark', '0.4')
  await until(async () => (await codeOf(client.call(a, 'x', {}, { timeoutMs: 500 }))).startsWith('no error'))
})

test('a driver of a broker that hangs is closed all the same', async () => {
  const client = await bus.open('b')
  rabbit.pause()
  try {
    await inTime(client.close(), 20_000)
  } finally {
    rabbit.resume()
  }
})
