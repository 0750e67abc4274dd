import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, echo, gate, until } from './bus.ts'
import { rpcCases } from './cases.ts'
import { type LocalBus, makeLocalBus } from './local-bus.ts'

let bus: LocalBus
beforeEach(async () => {
  bus = await makeLocalBus()
})
afterEach(() => bus.end())

const network = { topic: 'network' }

describe('every bus', () => rpcCases(makeLocalBus))

describe('which host answers', () => {
  const named = (name: string) => async () => name

  test('this process, else the own host, else any that lives', async () => {
    for (const host of ['a', 'b', 'c']) await (await bus.open(host)).serve('network', host, named(host))
    const own = await bus.open('c')
    const stranger = await bus.open('zz')
    const both = await bus.open('b')
    await both.serve('network', 'd', named('d'))
    expect([
      await own.call(network, 'who', {}),
      await stranger.call(network, 'who', {}),
      await both.call(network, 'who', {}),
    ]).toEqual(['c', 'a', 'd'])
  })

  test('a dead socket and a host of another topic are passed over', async () => {
    await (await bus.open('b')).serve('volume', 'b', named('b'))
    await (await bus.open('c')).serve('network', 'c', named('c'))
    await leaveDeadSocket('a')
    expect(await (await bus.open('a')).call(network, 'who', {})).toBe('c')
  })

  test.each([
    ['the folder is missing', undefined],
    ['the folder is empty', 'empty'],
    ['the host has no socket', 'other'],
    ['the socket is dead', 'dead'],
  ])('fails at once with ServiceUnavailable when %s', async (_what, state) => {
    if (state !== undefined) await mkdir(bus.runPath, { mode: 0o700 })
    if (state === 'other') await (await bus.open('b')).serve('network', 'b', echo)
    if (state === 'dead') await leaveDeadSocket('a')
    const start = performance.now()
    const client = await bus.open('z')
    const error = await client.call({ ...network, server: 'a' }, 'x', {}).catch((e) => e)
    expect(error.toJSON()).toMatchObject({ code: 'ServiceUnavailable', exit_status: 5, details: { host: 'a' } })
    expect(performance.now() - start).toBeLessThan(1000)
    if (state !== 'other') expect(await codeOf((await bus.open('z')).call(network, 'x', {}))).toBe('ServiceUnavailable')
  })

  test('a fan-out reaches all that live; the dead do not hinder', async () => {
    const reached: string[] = []
    const drivers = await Promise.all(['b', 'c', 'd'].map((host) => bus.open(host)))
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
    const server = await (await bus.open('a')).serve('network', 'a', echo)
    expect((await stat(bus.runPath)).mode & 0o777).toBe(0o700)
    expect((await stat(join(bus.runPath, 'a.sock'))).mode & 0o777).toBe(0o600)
    expect(await readdir(bus.runPath)).toEqual(['a.sock'])
    await server.close()
    expect(await readdir(bus.runPath)).toEqual([])
  })

  test('of many that start at once over a dead socket, one wins and is reachable (defects-linux-net C8)', async () => {
    await mkdir(bus.runPath, { mode: 0o700 })
    await leaveDeadSocket('a')
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, async (_, i) => (await bus.open('a')).serve('network', 'a', async () => i)),
    )
    const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []))
    expect(winners).toHaveLength(1)
    expect(await (await bus.open('b')).call(network, 'who', {})).toBe(winners[0])
    expect(await readdir(bus.runPath)).toEqual(['a.sock'])
  })

  test('two topics of a host share its socket', async () => {
    const driver = await bus.open('a')
    const first = await driver.serve('network', 'a', async () => 1)
    await driver.serve('volume', 'a', async () => 2)
    const client = await bus.open('b')
    await first.close()
    expect(await codeOf(client.call({ topic: 'network', server: 'a' }, 'x', {}))).toBe('ServiceUnavailable')
    expect(await client.call({ topic: 'volume', server: 'a' }, 'x', {})).toBe(2)
  })

  test.each([
    [108 - 'a.sock'.length, 'a clear error'],
    [107 - 'a.sock'.length, 'served'],
  ])('a folder of %i bytes with its slash: %s', async (length, want) => {
    const runPath = bus.runPath + '/'.padEnd(length - 1 - bus.runPath.length, 'x')
    const driver = await bus.open('a', { runPath })
    const outcome = await driver.serve('network', 'a', echo).then(
      () => 'served',
      (error) => `${error.code} ${error.details.problems?.[0].flag}`,
    )
    expect(outcome).toBe(want === 'served' ? 'served' : 'ConfigInvalid run_path')
    if (want === 'served')
      expect(await (await bus.open('b', { runPath })).call(network, 'm', {})).toMatchObject({ method: 'm' })
    else
      expect(await codeOf((await bus.open('b', { runPath })).call({ ...network, server: 'a' }, 'm', {}))).toBe(
        'ServiceUnavailable',
      )
  })

  test('a folder that others may enter is refused by server and client', async () => {
    await mkdir(bus.runPath)
    await chmod(bus.runPath, 0o750)
    await expect((await bus.open('a')).serve('network', 'a', echo)).rejects.toThrow(
      /run_path.*open to other users \(mode 750\)/s,
    )
    expect(await codeOf((await bus.open('a')).call(network, 'x', {}))).toBe('ConfigInvalid')
  })

  test.runIf(process.geteuid?.() === 0)('a folder of another user is refused', async () => {
    const { chown } = await import('node:fs/promises')
    await mkdir(bus.runPath, { mode: 0o700 })
    await chown(bus.runPath, 4242, 4242)
    await expect((await bus.open('a')).serve('network', 'a', echo)).rejects.toThrow('belongs to user 4242')
  })
})

describe('ends', () => {
  test('a host that closes takes its socket away at once, while what runs goes on', async () => {
    const { begun, open, dispatch } = gate()
    const server = await (await bus.open('a')).serve('network', 'a', dispatch)
    const running = (await bus.open('b')).call({ ...network, server: 'a' }, 'first', {})
    await until(() => begun.length === 1)
    const closing = server.close()
    await until(async () => (await readdir(bus.runPath)).length === 0)
    open()
    expect(await running).toBe('first')
    await closing
  })

  test('a killed server: ConnectionLost at once for what ran, then a successor on the stale socket serves the same client', async () => {
    await mkdir(bus.runPath, { mode: 0o700 })
    const path = join(bus.runPath, 'a.sock')
    const hangs = `require('node:net').createServer(s => s.on('data', () => console.log('got'))).listen(${JSON.stringify(path)}, () => console.log('up'))`
    const child = spawn(process.execPath, ['-e', hangs], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    const client = await bus.open('b')
    const running = codeOf(client.call({ ...network, server: 'a' }, 'work', {}))
    await once(child.stdout, 'data')
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    expect(await running).toBe('ConnectionLost')
    // The kernel may close its connections before its socket.
    await gone
    expect(await codeOf(client.call({ ...network, server: 'a' }, 'work', {}))).toBe('ServiceUnavailable')
    await (await bus.open('a')).serve('network', 'a', echo)
    expect(await client.call({ ...network, server: 'a' }, 'again', {})).toMatchObject({ method: 'again' })
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
