import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { FixedIpNotFound, type Json, NoMoreFixedIps, type RpcDriver } from 'netloom/contracts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MAX_MESSAGE_BYTES } from '../../../drivers/rpc/envelope.ts'
import { type Bus, codeOf, echo, makeBus, until } from './local-bus.ts'

let bus: Bus
beforeEach(async () => {
  bus = await makeBus()
})
afterEach(() => bus.end())

const network = { topic: 'network' }

/** A dispatch whose calls end when the test says so. */
function gate() {
  const begun: string[] = []
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const dispatch = async (method: string): Promise<Json> => {
    begun.push(method)
    await opened
    return method
  }
  return { begun, open, dispatch }
}

describe.each([
  ['from another process', (server: RpcDriver, client: RpcDriver) => [server, client] as const],
  ['inside the process', (server: RpcDriver) => [server, server] as const],
])('a call %s', (_where, pair) => {
  test('is answered, with arguments as JSON leaves them', async () => {
    const [server, client] = pair(bus.open('a'), bus.open('b'))
    await server.serve('network', 'a', echo)
    const args = { text: 'ü\n\u0000', list: [1, null, true], absent: undefined } as never
    expect(await client.call({ ...network, server: 'a' }, 'get', args)).toEqual({
      method: 'get',
      args: { text: 'ü\n\u0000', list: [1, null, true] },
    })
  })

  test('does not share objects with the server', async () => {
    const [server, client] = pair(bus.open('a'), bus.open('b'))
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
    const [server, client] = pair(bus.open('a'), bus.open('b'))
    await server.serve('network', 'a', async () => undefined as never)
    expect(await client.call(network, 'delete', {})).toBeNull()
  })

  test('gets the class, text and details of the error', async () => {
    const [server, client] = pair(bus.open('a'), bus.open('b'))
    const thrown = new NoMoreFixedIps({ network: 'n', cidr: '10.0.0.0/30', used: 1, reserved: 2, held: 0 })
    await server.serve('network', 'a', async () => {
      throw thrown
    })
    const caught = await client.call(network, 'allocate', {}).catch((error) => error)
    expect(caught).toBeInstanceOf(NoMoreFixedIps)
    expect(caught.toJSON()).toEqual(thrown.toJSON())
  })

  test('gets a plain exception as InternalError', async () => {
    const [server, client] = pair(bus.open('a'), bus.open('b'))
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
    const [server, client] = pair(bus.open('a'), bus.open('b'))
    const { dispatch, open } = gate()
    await server.serve('network', 'a', dispatch)
    await expect(client.call(network, 'slow', {}, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'RpcTimeout',
      details: { method: 'slow', host: 'a', seconds: 0.02 },
    })
    open()
  })

  test('over the size limit is refused by name, either way', async () => {
    const [server, client] = pair(bus.open('a'), bus.open('b'))
    const text = 'x'.repeat(MAX_MESSAGE_BYTES)
    await server.serve('network', 'a', async (method) => (method === 'long' ? text : 'short'))
    expect(await codeOf(client.call(network, 'short', { text }))).toBe('InvalidInput')
    expect(await codeOf(client.call(network, 'long', {}))).toBe('InvalidInput')
    expect(await client.call(network, 'short', {})).toBe('short')
  })

  test('whose answer is no JSON gets an error, not silence', async () => {
    const [server, client] = pair(bus.open('a'), bus.open('b'))
    await server.serve('network', 'a', async () => 1n as never)
    await expect(client.call(network, 'x', {})).rejects.toThrow('BigInt')
  })

  test('a cast returns before the work ends', async () => {
    const [server, client] = pair(bus.open('a'), bus.open('b'))
    const { begun, open, dispatch } = gate()
    await server.serve('network', 'a', dispatch)
    await client.cast({ ...network, server: 'a' }, 'later', {})
    await until(() => begun.length === 1)
    open()
  })
})

describe('which host answers', () => {
  const named = (name: string) => async () => name

  test('this process, else the own host, else any that lives', async () => {
    for (const host of ['a', 'b', 'c']) await bus.open(host).serve('network', host, named(host))
    const own = bus.open('c')
    const stranger = bus.open('zz')
    const both = bus.open('b')
    await both.serve('network', 'd', named('d'))
    expect([
      await own.call(network, 'who', {}),
      await stranger.call(network, 'who', {}),
      await both.call(network, 'who', {}),
    ]).toEqual(['c', 'a', 'd'])
  })

  test('a dead socket and a host of another topic are passed over', async () => {
    await bus.open('b').serve('volume', 'b', named('b'))
    await bus.open('c').serve('network', 'c', named('c'))
    await leaveDeadSocket('a')
    expect(await bus.open('a').call(network, 'who', {})).toBe('c')
  })

  test('an operation that was begun is not begun again elsewhere', async () => {
    const begun: string[] = []
    for (const host of ['a', 'b']) {
      await bus.open(host).serve('network', host, async () => {
        begun.push(host)
        throw new FixedIpNotFound({ id: 1 })
      })
    }
    expect(await codeOf(bus.open('z').call(network, 'x', {}))).toBe('FixedIpNotFound')
    expect(begun).toEqual(['a'])
  })

  test.each([
    ['the folder is missing', undefined],
    ['the folder is empty', 'empty'],
    ['the host has no socket', 'other'],
    ['the socket is dead', 'dead'],
  ])('fails at once with ServiceUnavailable when %s', async (_what, state) => {
    if (state !== undefined) await mkdir(bus.runPath, { mode: 0o700 })
    if (state === 'other') await bus.open('b').serve('network', 'b', echo)
    if (state === 'dead') await leaveDeadSocket('a')
    const start = performance.now()
    const error = await bus
      .open('z')
      .call({ ...network, server: 'a' }, 'x', {})
      .catch((e) => e)
    expect(error.toJSON()).toMatchObject({ code: 'ServiceUnavailable', exit_status: 5, details: { host: 'a' } })
    expect(performance.now() - start).toBeLessThan(1000)
    if (state !== 'other') expect(await codeOf(bus.open('z').call(network, 'x', {}))).toBe('ServiceUnavailable')
  })

  test('a host name cannot leave the folder', async () => {
    expect(await codeOf(bus.open('z').call({ ...network, server: '../a' }, 'x', {}))).toBe('InvalidInput')
  })

  test('a fan-out reaches all that live; the dead do not hinder', async () => {
    const reached: string[] = []
    const drivers = ['b', 'c', 'd'].map((host) => bus.open(host))
    for (const [i, driver] of drivers.entries()) {
      await driver.serve('network', 'bcd'.charAt(i), async () => {
        reached.push('bcd'.charAt(i))
        return null
      })
    }
    await leaveDeadSocket('a')
    await drivers[0]!.fanout('network', 'hello', {})
    await until(() => reached.length === 3)
    expect(reached.sort()).toEqual(['b', 'c', 'd'])
  })
})

describe('serving', () => {
  test('the folder is 0700, the socket 0600, and close takes the socket away', async () => {
    const server = await bus.open('a').serve('network', 'a', echo)
    expect((await stat(bus.runPath)).mode & 0o777).toBe(0o700)
    expect((await stat(join(bus.runPath, 'a.sock'))).mode & 0o777).toBe(0o600)
    expect(await readdir(bus.runPath)).toEqual(['a.sock'])
    await server.close()
    expect(await readdir(bus.runPath)).toEqual([])
  })

  test('a second service of a host is refused, from this process and from another', async () => {
    const first = bus.open('a')
    await first.serve('network', 'a', echo)
    expect(await codeOf(first.serve('network', 'a', echo))).toBe('ServiceAlreadyRunning')
    expect(await codeOf(bus.open('a').serve('network', 'a', echo))).toBe('ServiceAlreadyRunning')
    expect(await bus.open('b').call(network, 'still', {})).toMatchObject({ method: 'still' })
  })

  test('of many that start at once over a dead socket, one wins and is reachable', async () => {
    await mkdir(bus.runPath, { mode: 0o700 })
    await leaveDeadSocket('a')
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => bus.open('a').serve('network', 'a', async () => i)),
    )
    const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []))
    expect(winners).toHaveLength(1)
    expect(await bus.open('b').call(network, 'who', {})).toBe(winners[0])
    expect(await readdir(bus.runPath)).toEqual(['a.sock'])
  })

  test('a driver that lost can serve another host', async () => {
    await bus.open('a').serve('network', 'a', echo)
    const second = bus.open('a')
    await codeOf(second.serve('network', 'a', echo))
    await second.serve('network', 'b', async () => 'b')
    expect(await bus.open('z').call({ ...network, server: 'b' }, 'who', {})).toBe('b')
  })

  test('two topics of a host share its socket', async () => {
    const driver = bus.open('a')
    const first = await driver.serve('network', 'a', async () => 1)
    await driver.serve('volume', 'a', async () => 2)
    const client = bus.open('b')
    await first.close()
    expect(await codeOf(client.call({ topic: 'network', server: 'a' }, 'x', {}))).toBe('ServiceUnavailable')
    expect(await client.call({ topic: 'volume', server: 'a' }, 'x', {})).toBe(2)
  })

  test.each([
    [108 - 'a.sock'.length, 'a clear error'],
    [107 - 'a.sock'.length, 'served'],
  ])('a folder of %i bytes with its slash: %s', async (length, want) => {
    const runPath = bus.runPath + '/'.padEnd(length - 1 - bus.runPath.length, 'x')
    const driver = bus.open('a', { runPath })
    const outcome = await driver.serve('network', 'a', echo).then(
      () => 'served',
      (error) => `${error.code} ${error.details.problems?.[0].flag}`,
    )
    expect(outcome).toBe(want === 'served' ? 'served' : 'ConfigInvalid run_path')
    if (want === 'served')
      expect(await bus.open('b', { runPath }).call(network, 'm', {})).toMatchObject({ method: 'm' })
    else
      expect(await codeOf(bus.open('b', { runPath }).call({ ...network, server: 'a' }, 'm', {}))).toBe(
        'ServiceUnavailable',
      )
  })

  test('a folder that others may enter is refused by server and client', async () => {
    await mkdir(bus.runPath)
    await chmod(bus.runPath, 0o750)
    await expect(bus.open('a').serve('network', 'a', echo)).rejects.toThrow(
      /run_path.*open to other users \(mode 750\)/s,
    )
    expect(await codeOf(bus.open('a').call(network, 'x', {}))).toBe('ConfigInvalid')
  })

  test.runIf(process.geteuid?.() === 0)('a folder of another user is refused', async () => {
    const { chown } = await import('node:fs/promises')
    await mkdir(bus.runPath, { mode: 0o700 })
    await chown(bus.runPath, 4242, 4242)
    await expect(bus.open('a').serve('network', 'a', echo)).rejects.toThrow('belongs to user 4242')
  })
})

describe('ends', () => {
  test('close waits for what runs, refuses what comes, and answers what ran', async () => {
    const { begun, open, dispatch } = gate()
    const server = await bus.open('a').serve('network', 'a', dispatch)
    const client = bus.open('b')
    const running = client.call({ ...network, server: 'a' }, 'first', {})
    await until(() => begun.length === 1)
    const closing = server.close()
    await until(async () => (await readdir(bus.runPath)).length === 0)
    expect(await codeOf(client.call({ ...network, server: 'a' }, 'second', {}))).toBe('ServiceUnavailable')
    open()
    expect(await running).toBe('first')
    await closing
    expect(begun).toEqual(['first'])
  })

  test('close waits no longer than its limit', async () => {
    const { begun, open, dispatch } = gate()
    const driver = bus.open('a', { limits: { closeMs: 30 } })
    const server = await driver.serve('network', 'a', dispatch)
    const running = codeOf(bus.open('b').call(network, 'hangs', {}))
    await until(() => begun.length === 1)
    await server.close()
    expect(await running).toBe('ConnectionLost')
    expect(bus.warnings).toEqual(['closed while operations run'])
    open()
  })

  test('a killed server: ConnectionLost at once for what ran, then a successor on the stale socket serves the same client', async () => {
    await mkdir(bus.runPath, { mode: 0o700 })
    const path = join(bus.runPath, 'a.sock')
    const hangs = `require('node:net').createServer(s => s.on('data', () => console.log('got'))).listen(${JSON.stringify(path)}, () => console.log('up'))`
    const child = spawn(process.execPath, ['-e', hangs], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    const client = bus.open('b')
    const running = codeOf(client.call({ ...network, server: 'a' }, 'work', {}))
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    expect(await running).toBe('ConnectionLost')
    expect(await codeOf(client.call({ ...network, server: 'a' }, 'work', {}))).toBe('ServiceUnavailable')
    await bus.open('a').serve('network', 'a', echo)
    expect(await client.call({ ...network, server: 'a' }, 'again', {})).toMatchObject({ method: 'again' })
  })

  test('a closed driver lets those who wait know, and does nothing more', async () => {
    const { begun, open, dispatch } = gate()
    await bus.open('a').serve('network', 'a', dispatch)
    const client = bus.open('b')
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
  test('1000 calls at once share one connection; each gets its own answer', async () => {
    await bus.open('a').serve('network', 'a', async (_method, { n }) => n!)
    const client = bus.open('b')
    const calls = Array.from({ length: 1000 }, (_, n) => client.call({ ...network, server: 'a' }, 'echo', { n }))
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 1000 }, (_, n) => n))
  })

  test('large messages both ways at once arrive whole', async () => {
    await bus.open('a').serve('network', 'a', echo)
    const client = bus.open('b')
    const text = 'é'.repeat(1_000_000)
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => client.call({ ...network, server: 'a' }, 'm', { text })),
    )
    expect(answers.every((answer) => (answer as { args: { text: string } }).args.text === text)).toBe(true)
  })

  test('no more than the bound run at a time, the next wait, the rest get TryLater', async () => {
    const { begun, open, dispatch } = gate()
    await bus.open('a', { limits: { running: 2, waiting: 3 } }).serve('network', 'a', dispatch)
    const client = bus.open('b')
    const calls = Array.from({ length: 7 }, () => codeOf(client.call({ ...network, server: 'a' }, 'm', {})))
    expect(await Promise.race(calls)).toBe('TryLater')
    expect(begun).toHaveLength(2)
    open()
    const outcomes = await Promise.all(calls)
    expect(outcomes.filter((outcome) => outcome === 'TryLater')).toHaveLength(2)
    expect(begun).toHaveLength(5)
  })

  test('a host at its bound can still call itself', async () => {
    const driver = bus.open('a', { limits: { running: 1 } })
    await driver.serve('network', 'a', async (method) =>
      method === 'outer' ? driver.call({ ...network, server: 'a' }, 'inner', {}) : 'inner done',
    )
    expect(await bus.open('b').call(network, 'outer', {})).toBe('inner done')
  })

  test('a request whose caller gave up while it waited is not begun', async () => {
    const { begun, open, dispatch } = gate()
    await bus.open('a', { limits: { running: 1 } }).serve('network', 'a', dispatch)
    const client = bus.open('b')
    const first = client.call(network, 'first', {})
    await until(() => begun.length === 1)
    expect(await codeOf(client.call(network, 'second', {}, { timeoutMs: 20 }))).toBe('RpcTimeout')
    // The server counts from when it read the request, a moment after the caller began to wait.
    const gaveUp = performance.now()
    await until(() => performance.now() > gaveUp + 50)
    open()
    expect([await first, await client.call(network, 'third', {})]).toEqual(['first', 'third'])
    expect(begun).toEqual(['first', 'third'])
  })
})

/** A socket that no process listens on, as a killed service leaves it. */
async function leaveDeadSocket(host: string): Promise<void> {
  await mkdir(bus.runPath, { recursive: true, mode: 0o700 })
  const { rename } = await import('node:fs/promises')
  const path = join(bus.runPath, `${host}.sock`)
  const server = createServer().listen(`${path}.tmp`)
  await once(server, 'listening')
  await rename(`${path}.tmp`, path)
  server.close()
  await once(server, 'close')
}
