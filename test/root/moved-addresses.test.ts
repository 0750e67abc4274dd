import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HostResource, Logger } from '../../core/contracts/index.ts'
import type { LinuxHost } from '../../drivers/host/linux/index.ts'
import { createProcessExecutor, type ProcessExecutor } from '../../drivers/system/process-executor.ts'
import { batch, carriedLines, makeBusyDevice } from './host-driver/moved.ts'
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

describe.skipIf(!isRoot)('addresses and routes of a device that becomes a port', () => {
  it('move to the bridge whole by one batch, and back', async () => {
    const before = carriedLines(HOST, 'eth1')
    const mac = link('eth1').address
    expect((await makeSo(host, wanted)).failures).toEqual([])
    console.log(executor.started)
    expect(carriedLines(HOST, 'eth1')).toEqual([])
    expect(carriedLines(HOST, 'br100').filter((line) => !line.includes('10.0.0.'))).toEqual(before)
    expect(link('eth1').master).toBe('br100')
    expect(link('br100').address).toBe(mac)
    expect(await makeSo(host, wanted)).toMatchObject(noSteps)
    expect((await makeSo(host, {})).failures).toEqual([])
    expect(carriedLines(HOST, 'eth1')).toEqual(before)
    expect(link('eth1').master).toBeUndefined()
    expect(() => link('br100')).toThrow()
    expect(await makeSo(host, {})).toMatchObject(noSteps)
  })
})
