import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Command, HostResource, Logger } from '../../core/contracts/index.ts'
import type { LinuxHost } from '../../drivers/host/linux/index.ts'
import { createProcessExecutor, type ProcessExecutor } from '../../drivers/system/process-executor.ts'
import { carriedLines, makeBusyDevice } from './host-driver/moved.ts'
import { makeSo, testHost } from './host-driver/namespace.ts'

const isRoot = process.getuid?.() === 0 && spawnSync('ip', ['netns', 'list']).status === 0
const HOST = `nlv${process.pid}`
const PEER = `nlw${process.pid}`
const silent = () => undefined
const logger: Logger = { debug: silent, info: silent, warn: silent, error: silent }

let folder: string
let executor: ProcessExecutor
let host: LinuxHost

const ip = (...args: readonly string[]) => execFileSync('ip', ['-n', HOST, ...args], { encoding: 'utf8' })
const link = (name: string) =>
  (JSON.parse(ip('-j', 'link', 'show', name)) as { address: string; master?: string; flags: string[] }[])[0]!
const newHost = () => testHost({ executor, namespace: HOST, networksPath: join(folder, 'networks'), logger })
const addresses = (device: string) =>
  (JSON.parse(ip('-j', 'address', 'show', device)) as { addr_info: { local: string }[] }[])
    .flatMap(({ addr_info }) => addr_info)
    .map(({ local }) => local)
const noSteps = { steps: [], failures: [] }

const bridge: HostResource = { kind: 'link', name: 'br100', type: 'bridge', macAddress: '02:6e:ff:00:00:01' }
const gateway: HostResource = { kind: 'address', device: 'br100', cidr: '10.0.0.1/24', broadcast: '10.0.0.255' }
const port: HostResource = { kind: 'link', name: 'eth1', type: 'existing', master: 'br100' }
const handover: HostResource = { kind: 'handover', device: 'eth1', bridge: 'br100' }
const promote: HostResource = { kind: 'sysctl', key: 'net.ipv4.conf.br100.promote_secondaries', value: '1' }
const wanted = { 'network:1': [bridge, port, handover, promote, gateway] }

beforeEach(() => {
  if (!isRoot) return
  folder = mkdtempSync(join(tmpdir(), 'netloom-moved-'))
  for (const name of [HOST, PEER]) execFileSync('ip', ['netns', 'add', name])
  makeBusyDevice(HOST, PEER)
  executor = createProcessExecutor()
  host = newHost()
})
afterEach(() => {
  if (!isRoot) return
  host.close()
  for (const name of [HOST, PEER]) {
    const pids = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean)
    for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
    spawnSync('ip', ['netns', 'delete', name])
  }
  rmSync(folder, { recursive: true, force: true })
})

/** A pair of programs that talk over TCP all the time; `count` is how many answers came so far. */
async function talk(address: string, tcp: number) {
  const server = `require('net').createServer((s) => s.pipe(s)).listen(${tcp}, '::', () => console.log('up'))`
  const client = `const s = require('net').connect(${tcp}, '${address}'); let n = 0
    s.on('data', () => { console.log(++n); setTimeout(() => s.write('x'), 10) }); s.write('x')
    s.on('close', () => process.exit(1)); s.on('error', () => {})`
  const start = (namespace: string, text: string) => {
    const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', text], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', (data) => {
      said += data
    })
    return { child, lines: () => said.split('\n').length - 1 }
  }
  const listening = start(HOST, server)
  await until(() => listening.lines() > 0)
  const { child, lines } = start(PEER, client)
  await until(() => lines() > 0)
  return {
    isAlive: () => child.exitCode === null,
    /** Resolves when something was heard that was said after the call. */
    heard: async () => {
      const before = lines()
      await until(() => lines() > before + 1 || child.exitCode !== null)
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > end) throw new Error('it did not come to be')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** A driver whose transaction is cut after so many lines, as if both it and its `ip` were killed: it runs nothing more. */
function cutAfter(count: number): LinuxHost {
  let isDead = false
  return testHost({
    executor: {
      async run(command, options) {
        if (isDead) throw new Killed()
        if (!isTransaction(command)) return executor.run(command, options)
        isDead = true
        const input = `${(command.input ?? '').split('\n').slice(0, count).join('\n')}\n`
        await executor.run({ ...command, input }, options)
        throw new Killed()
      },
    },
    namespace: HOST,
    networksPath: join(folder, 'networks'),
    logger,
  })
}

class Killed extends Error {}

function isTransaction({ argv }: Command): boolean {
  return argv.includes('-batch') && !argv.includes('-force')
}

const own = (device: string) => carriedLines(HOST, device).filter((line) => !line.includes('"10.0.0.'))

describe.skipIf(!isRoot)('addresses and routes of a device that becomes a port', () => {
  it('move to the bridge whole by one batch and one more look, and back; connections live on (defects-linux-net E4, E5, E6, E7, E9)', async () => {
    const before = own('eth1')
    const mac = link('eth1').address
    const [v4, v6] = [await talk('192.0.2.7', 7777), await talk('2001:db8::7', 7778)]
    const started = executor.started
    expect((await makeSo(host, wanted)).failures).toEqual([])
    // Looks at addresses and at routes; the bridge; the move.
    expect(executor.started - started).toBe(4)
    expect(own('eth1')).toEqual([])
    expect(own('br100')).toEqual(before)
    expect(addresses('br100')[0]).toBe('10.0.0.1')
    expect(link('eth1')).toMatchObject({ master: 'br100', flags: expect.arrayContaining(['UP']) })
    expect(link('br100').address).toBe(mac)
    await v4.heard()
    await v6.heard()
    expect(await makeSo(host, wanted)).toMatchObject(noSteps)
    expect(executor.started - started).toBe(5)

    host.close()
    host = newHost()
    expect((await makeSo(host, {})).failures).toEqual([])
    expect(own('eth1')).toEqual(before)
    expect(link('eth1').master).toBeUndefined()
    expect(() => link('br100')).toThrow()
    await v4.heard()
    await v6.heard()
    expect([v4.isAlive(), v6.isAlive()]).toEqual([true, true])
    expect(await makeSo(host, {})).toMatchObject(noSteps)
  })

  it.each([
    ['a route that cannot be said again', 'route append 10.77.0.0/16 via 10.78.0.1 dev eth1'],
    ['a peer that does not answer there', null],
  ])('are all put back after %s (lessons E4; defects-linux-net E8, C12)', async (_what, line) => {
    const before = own('eth1')
    const tables = line === null ? [bridge, port, { ...handover, peer: '192.0.2.1' }, gateway] : wanted['network:1']
    let pings = 0
    host.close()
    host = testHost({
      executor: {
        run(command, options) {
          if (command.argv.includes('ping') && ++pings === 2) throw new Error('no answer')
          const spoilt = isTransaction(command) && line !== null ? spoil(command.input ?? '', line) : command.input
          return executor.run(spoilt === undefined ? command : { ...command, input: spoilt }, options)
        },
      },
      namespace: HOST,
      networksPath: join(folder, 'networks'),
      logger,
    })
    const { failures } = await makeSo(host, { 'network:1': tables })
    expect(failures).toEqual([{ owner: 'network:1', message: expect.stringMatching(/all was put back$/) }])
    expect(failures[0]!.message).toContain(line === null ? '192.0.2.1 does not answer' : 'invalid gateway')
    expect([...own('eth1')].sort()).toEqual([...before].sort())
    expect(own('br100')).toEqual([])
    expect(link('eth1').master).toBeUndefined()
    if (line === null) {
      expect((await makeSo(host, { 'network:1': tables })).failures[0]!.message).toContain('not tried again')
      expect(pings).toBe(2)
    }
    expect((await makeSo(host, {})).failures).toEqual([])
    expect([...own('eth1')].sort()).toEqual([...before].sort())
    host.close()
    host = newHost()
    expect((await makeSo(host, wanted)).failures).toEqual([])
  })

  it('stay when the address of the gateway in their subnet goes before them (defects-linux-net C12)', async () => {
    const inSubnet: HostResource = { kind: 'address', device: 'br100', cidr: '192.0.2.100/24' }
    expect((await makeSo(host, { 'network:1': [bridge, port, handover, promote, inSubnet] })).failures).toEqual([])
    const routes = () => own('br100').filter((line) => line.includes('"dst":"default"'))
    const before = routes()
    expect(before).toHaveLength(4)
    expect((await makeSo(host, { 'network:1': [bridge, port, handover, promote] })).failures).toEqual([])
    expect(addresses('br100')).toEqual(expect.arrayContaining(['192.0.2.7', '192.0.2.8']))
    expect(addresses('br100')).not.toContain('192.0.2.100')
    expect(routes()).toEqual(before)
  })

  it('are whole again after a kill on the way there and on the way back', async () => {
    const before = [...own('eth1')].sort()
    for (const [there, back] of [
      [5, 12],
      [17, 26],
    ] as const) {
      for (const [count, aim, device] of [
        [there, wanted, 'br100'],
        [back, {}, 'eth1'],
      ] as const) {
        host.close()
        host = cutAfter(count)
        expect((await makeSo(host, aim)).failures[0]?.message).toContain('could not be put back')
        host.close()
        host = newHost()
        expect((await makeSo(host, aim)).failures).toEqual([])
        expect([...own(device)].sort(), `cut after ${count}`).toEqual(before)
        expect(await makeSo(host, aim)).toMatchObject(noSteps)
      }
    }
  })
})

/** The line before the first address that leaves is one that the kernel refuses. */
function spoil(input: string, line: string): string {
  const lines = input.split('\n')
  const at = lines.findIndex((text) => text.startsWith('address delete'))
  return at < 0 ? input : lines.toSpliced(at, 0, line).join('\n')
}
