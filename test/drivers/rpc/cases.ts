/** What every message bus does, whatever carries the messages. */
import { FixedIpNotFound, type Json, NoMoreFixedIps, type RpcDriver } from 'netloom/contracts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MAX_MESSAGE_BYTES } from '../../../drivers/rpc/envelope.ts'
import { type Bus, codeOf, echo, gate, until } from './bus.ts'

const network = { topic: 'network' }

/** Registers the cases. @param makeBus makes a bus of its own for each of them */
export function rpcCases(makeBus: () => Promise<Bus>): void {
  let bus: Bus
  beforeEach(async () => {
    bus = await makeBus()
  })
  afterEach(() => bus.end())

  describe.each([
    ['from another process', ['a', 'b']],
    ['inside the process', ['a']],
  ])('a call %s', (_where, hosts) => {
    /** The driver of host a, and the one that calls it. */
    async function pair(): Promise<readonly [RpcDriver, RpcDriver]> {
      const [server, client] = await Promise.all(hosts.map((host) => bus.open(host)))
      return [server!, client ?? server!]
    }

    test('is answered, with arguments as JSON leaves them', async () => {
      const [server, client] = await pair()
      await server.serve('network', 'a', echo)
      const args = { text: 'ü\n\u0000', list: [1, null, true], absent: undefined } as never
      expect(await client.call({ ...network, server: 'a' }, 'get', args)).toEqual({
        method: 'get',
        args: { text: 'ü\n\u0000', list: [1, null, true] },
      })
    })

    test('does not share objects with the server', async () => {
      const [server, client] = await pair()
      const kept: Json[] = []
      await server.serve('network', 'a', async (_method, args) => {
        kept.push(args)
        return args
      })
      const args = { list: [1] }
      const answer = await client.call(network, 'get', args)
      args.list.push(2)
      expect([kept, answer]).toEqual([[{ list: [1] }], { list: [1] }])
    })

    test('without a result is answered with null', async () => {
      const [server, client] = await pair()
      await server.serve('network', 'a', async () => undefined as never)
      expect(await client.call(network, 'delete', {})).toBeNull()
    })

    test('gets the class, text and details of the error', async () => {
      const [server, client] = await pair()
      const thrown = new NoMoreFixedIps({ network: 'n', cidr: '10.0.0.0/30', used: 1, reserved: 2, held: 0 })
      await server.serve('network', 'a', async () => {
        throw thrown
      })
      const caught = await client.call(network, 'allocate', {}).catch((error) => error)
      expect(caught).toBeInstanceOf(NoMoreFixedIps)
      expect(caught.toJSON()).toEqual(thrown.toJSON())
    })

    test('gets a plain exception as InternalError', async () => {
      const [server, client] = await pair()
      await server.serve('network', 'a', async () => {
        throw new RangeError('odd')
      })
      await expect(client.call(network, 'x', {})).rejects.toMatchObject({
        code: 'InternalError',
        message: 'odd',
        exitStatus: 1,
      })
    })

    test('ends after its time with RpcTimeout', async () => {
      const [server, client] = await pair()
      const { dispatch, open } = gate()
      await server.serve('network', 'a', dispatch)
      await expect(client.call({ ...network, server: 'a' }, 'slow', {}, { timeoutMs: 20 })).rejects.toMatchObject({
        code: 'RpcTimeout',
        details: { method: 'slow', host: 'a', seconds: 0.02 },
      })
      open()
    })

    test('over the size limit is refused by name, either way', async () => {
      const [server, client] = await pair()
      const text = 'x'.repeat(MAX_MESSAGE_BYTES)
      await server.serve('network', 'a', async (method) => (method === 'long' ? text : 'short'))
      expect(await codeOf(client.call(network, 'short', { text }))).toBe('InvalidInput')
      expect(await codeOf(client.call(network, 'long', {}))).toBe('InvalidInput')
      expect(await client.call(network, 'short', {})).toBe('short')
    })

    test('whose answer is no JSON gets an error, not silence', async () => {
      const [server, client] = await pair()
      await server.serve('network', 'a', async () => 1n as never)
      await expect(client.call(network, 'x', {})).rejects.toThrow('BigInt')
    })

    test('a cast returns before the work ends', async () => {
      const [server, client] = await pair()
      const { begun, open, dispatch } = gate()
      await server.serve('network', 'a', dispatch)
      await client.cast({ ...network, server: 'a' }, 'later', {})
      await until(() => begun.length === 1)
      open()
    })

    test('is given up by its signal, with the reason of that; the work goes on', async () => {
      const [server, client] = await pair()
      const { begun, open, dispatch } = gate()
      const ended: string[] = []
      await server.serve('network', 'a', async (method) => {
        await dispatch(method)
        ended.push(method)
        return null
      })
      const cancel = new AbortController()
      const call = client.call({ ...network, server: 'a' }, 'work', {}, { signal: cancel.signal })
      await until(() => begun.length === 1)
      cancel.abort(new Error('changed my mind'))
      await expect(call).rejects.toThrow('changed my mind')
      open()
      await until(() => ended.length === 1)
    })

    test('with a signal that was given before sends nothing', async () => {
      const [server, client] = await pair()
      const { begun, open, dispatch } = gate()
      open()
      await server.serve('network', 'a', dispatch)
      const signal = AbortSignal.abort(new Error('too late'))
      await expect(client.call({ ...network, server: 'a' }, 'work', {}, { signal })).rejects.toThrow('too late')
      await client.call({ ...network, server: 'a' }, 'next', {})
      expect(begun).toEqual(['next'])
    })
  })

  describe('which host answers', () => {
    const named = (name: string) => async () => name

    test('one that serves the topic', async () => {
      await (await bus.open('b')).serve('volume', 'b', named('b'))
      await (await bus.open('c')).serve('network', 'c', named('c'))
      expect(await (await bus.open('a')).call(network, 'who', {})).toBe('c')
    })

    test('this process before another', async () => {
      await (await bus.open('a')).serve('network', 'a', named('a'))
      const both = await bus.open('b')
      await both.serve('network', 'd', named('d'))
      expect(await both.call(network, 'who', {})).toBe('d')
    })

    test('an operation that was begun is not begun again elsewhere', async () => {
      const begun: string[] = []
      for (const host of ['a', 'b']) {
        await (await bus.open(host)).serve('network', host, async () => {
          begun.push(host)
          throw new FixedIpNotFound({ id: 1 })
        })
      }
      expect(await codeOf((await bus.open('z')).call(network, 'x', {}))).toBe('FixedIpNotFound')
      expect(begun).toHaveLength(1)
    })

    test('a host that serves only its own takes calls that name it and fan-outs, none that names nobody', async () => {
      const reached: string[] = []
      const served = await bus.open('b')
      await served.serve('network', 'b', async (method) => reached.push(method), { direct: true })
      const client = await bus.open('a')
      for (const driver of [client, served]) {
        expect(await codeOf(driver.call(network, 'any', {}))).toBe('ServiceUnavailable')
        await driver.call({ ...network, server: 'b' }, 'named', {})
      }
      await client.fanout('network', 'all', {})
      await until(() => reached.length === 3)
      expect(reached).toEqual(['named', 'named', 'all'])
      await (await bus.open('c')).serve('network', 'c', named('c'))
      expect(await client.call(network, 'any', {})).toBe('c')
    })

    test.each(['a host that is not there', 'a topic that the host does not serve'])(
      'fails with ServiceUnavailable that names the host: %s (lessons G2)',
      async (what) => {
        await (await bus.open('b')).serve('network', 'b', echo)
        const target = what.startsWith('a host') ? { topic: 'network', server: 'a' } : { topic: 'volume', server: 'b' }
        const client = await bus.open('z')
        for (const asked of [client.call(target, 'x', {}), client.cast(target, 'x', {})]) {
          const error = await asked.catch((e) => e)
          expect(error.toJSON()).toMatchObject({
            code: 'ServiceUnavailable',
            exit_status: 5,
            details: { host: target.server },
          })
        }
      },
    )

    test('nobody at all fails with ServiceUnavailable', async () => {
      const client = await bus.open('z')
      expect(await codeOf(client.call(network, 'x', {}))).toBe('ServiceUnavailable')
      expect(await codeOf(client.cast(network, 'x', {}))).toBe('ServiceUnavailable')
    })

    test('a host with a name that is none is refused', async () => {
      const driver = await bus.open('z')
      expect(await codeOf(driver.call({ ...network, server: '../a' }, 'x', {}))).toBe('InvalidInput')
      expect(await codeOf(driver.serve('network', 'a/b', echo))).toBe('InvalidInput')
    })

    test('a fan-out reaches all that live, the own process too', async () => {
      const reached: string[] = []
      const drivers = await Promise.all(['b', 'c', 'd'].map((host) => bus.open(host)))
      for (const [i, driver] of drivers.entries()) {
        await driver.serve('network', 'bcd'.charAt(i), async () => {
          reached.push('bcd'.charAt(i))
          return null
        })
      }
      await drivers[0]!.fanout('network', 'hello', {})
      await until(() => reached.length === 3)
      expect(reached.sort()).toEqual(['b', 'c', 'd'])
    })
  })

  describe('serving', () => {
    test('a second service of a host is refused, from this process and from another', async () => {
      const first = await bus.open('a')
      await first.serve('network', 'a', echo)
      expect(await codeOf(first.serve('network', 'a', echo))).toBe('ServiceAlreadyRunning')
      expect(await codeOf((await bus.open('a')).serve('network', 'a', echo))).toBe('ServiceAlreadyRunning')
      expect(await (await bus.open('b')).call(network, 'still', {})).toMatchObject({ method: 'still' })
    })

    test('a driver that lost can serve another host', async () => {
      await (await bus.open('a')).serve('network', 'a', echo)
      const second = await bus.open('a')
      await codeOf(second.serve('network', 'a', echo))
      await second.serve('network', 'b', async () => 'b')
      expect(await (await bus.open('z')).call({ ...network, server: 'b' }, 'who', {})).toBe('b')
    })

    test('two topics of a host are closed one by one', async () => {
      const driver = await bus.open('a')
      const first = await driver.serve('network', 'a', async () => 1)
      await driver.serve('volume', 'a', async () => 2)
      const client = await bus.open('b')
      expect(await client.call({ topic: 'network', server: 'a' }, 'x', {})).toBe(1)
      await first.close()
      expect(await codeOf(client.call({ topic: 'network', server: 'a' }, 'x', {}))).toBe('ServiceUnavailable')
      expect(await client.call({ topic: 'volume', server: 'a' }, 'x', {})).toBe(2)
    })

    test('a topic that was closed can be served again', async () => {
      const driver = await bus.open('a')
      await (await driver.serve('network', 'a', async () => 1)).close()
      await driver.serve('network', 'a', async () => 2)
      expect(await (await bus.open('b')).call({ ...network, server: 'a' }, 'x', {})).toBe(2)
    })
  })

  describe('ends', () => {
    test('close waits for what runs, refuses what comes, and answers what ran', async () => {
      const { begun, open, dispatch } = gate()
      const server = await (await bus.open('a')).serve('network', 'a', dispatch)
      const client = await bus.open('b')
      const running = client.call({ ...network, server: 'a' }, 'first', {})
      await until(() => begun.length === 1)
      const closing = server.close()
      const late = () => codeOf(client.call({ ...network, server: 'a' }, 'late', {}, { timeoutMs: 50 }))
      await until(async () => (await late()) === 'ServiceUnavailable')
      const before = begun.length
      expect(await late()).toBe('ServiceUnavailable')
      open()
      expect(await running).toBe('first')
      await closing
      expect(begun).toHaveLength(before)
    })

    test('close waits no longer than its limit', async () => {
      const { begun, open, dispatch } = gate()
      const driver = await bus.open('a', { limits: { closeMs: 30 } })
      const server = await driver.serve('network', 'a', dispatch)
      const running = codeOf((await bus.open('b')).call({ ...network, server: 'a' }, 'hangs', {}))
      await until(() => begun.length === 1)
      await server.close()
      expect(await running).toBe('ConnectionLost')
      expect(bus.warnings).toEqual(['closed while operations run'])
      open()
    })

    test('a closed driver lets those who wait know, and does nothing more', async () => {
      const { begun, open, dispatch } = gate()
      await (await bus.open('a')).serve('network', 'a', dispatch)
      const client = await bus.open('b')
      const waiting = codeOf(client.call(network, 'x', {}))
      await until(() => begun.length === 1)
      await client.close()
      await client.close()
      expect(await waiting).toBe('ConnectionLost')
      expect(await codeOf(client.call(network, 'x', {}))).toBe('ServiceUnavailable')
      open()
    })
  })

  describe('load', () => {
    test('1000 calls at once: each gets its own answer', async () => {
      await (await bus.open('a')).serve('network', 'a', async (_method, { n }) => n!)
      const client = await bus.open('b')
      const calls = Array.from({ length: 1000 }, (_, n) => client.call({ ...network, server: 'a' }, 'echo', { n }))
      expect(await Promise.all(calls)).toEqual(Array.from({ length: 1000 }, (_, n) => n))
    })

    test('large messages both ways at once arrive whole', async () => {
      await (await bus.open('a')).serve('network', 'a', echo)
      const client = await bus.open('b')
      const text = 'é'.repeat(1_000_000)
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => client.call({ ...network, server: 'a' }, 'm', { text })),
      )
      expect(answers.every((answer) => (answer as { args: { text: string } }).args.text === text)).toBe(true)
    })

    test('no more than the bound run at a time, the next wait, the rest get TryLater', async () => {
      const { begun, open, dispatch } = gate()
      await (await bus.open('a', { limits: { running: 2, waiting: 3 } })).serve('network', 'a', dispatch)
      const client = await bus.open('b')
      const calls = Array.from({ length: 7 }, () => codeOf(client.call({ ...network, server: 'a' }, 'm', {})))
      expect(await Promise.race(calls)).toBe('TryLater')
      await until(() => begun.length === 2)
      open()
      const outcomes = await Promise.all(calls)
      expect(outcomes.filter((outcome) => outcome === 'TryLater')).toHaveLength(2)
      expect(begun).toHaveLength(5)
    })

    test('a host at its bound can still call itself', async () => {
      const driver = await bus.open('a', { limits: { running: 1 } })
      await driver.serve('network', 'a', async (method) =>
        method === 'outer' ? driver.call({ ...network, server: 'a' }, 'inner', {}) : 'inner done',
      )
      expect(await (await bus.open('b')).call(network, 'outer', {})).toBe('inner done')
    })

    test('a request whose caller gave up while it waited is not begun', async () => {
      const { begun, open, dispatch } = gate()
      await (await bus.open('a', { limits: { running: 1 } })).serve('network', 'a', dispatch)
      const client = await bus.open('b')
      const target = { ...network, server: 'a' }
      const first = client.call(target, 'first', {})
      await until(() => begun.length === 1)
      expect(await codeOf(client.call(target, 'second', {}, { timeoutMs: 20 }))).toBe('RpcTimeout')
      // The far side counts from when it read the request, a moment after the caller began to wait.
      const gaveUp = performance.now()
      await until(() => performance.now() > gaveUp + 50)
      open()
      expect([await first, await client.call(target, 'third', {})]).toEqual(['first', 'third'])
      expect(begun).toEqual(['first', 'third'])
    })
  })
}
