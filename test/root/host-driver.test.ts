import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DaemonResource, HostResource, LinkResource, Logger } from '../../core/contracts/index.ts'
import type { LinuxHost } from '../../drivers/host/linux/index.ts'
import { createLeaseSpool } from '../../drivers/system/lease-spool.ts'
import { createProcessExecutor, type ProcessExecutor } from '../../drivers/system/process-executor.ts'
import { bundle } from '../kit-internal/bundle.ts'
import { makeSo, testHost } from './host-driver/namespace.ts'

const canRun = process.getuid?.() === 0 && spawnSync('ip', ['netns', 'list']).status === 0
const HOST = `nlh${process.pid}`
const GUESTS = [1, 2, 3].map((n) => `nlg${process.pid}-${n}`)
const silent = () => undefined

let folder: string
let warnings: string[]
let executor: ProcessExecutor
let host: LinuxHost

const logger: Logger = { debug: silent, info: silent, warn: (text) => warnings.push(text), error: silent }
const ip = (...args: readonly string[]) => execFileSync('ip', ['-n', HOST, ...args], { encoding: 'utf8' })
const links = () =>
  (JSON.parse(ip('-j', '-d', 'link', 'show')) as { ifname: string }[]).map((link) => link.ifname).sort()
const addresses = (device: string) =>
  (JSON.parse(ip('-j', 'address', 'show', 'dev', device)) as { addr_info: { local: string; prefixlen: number }[] }[])
    .flatMap((link) => link.addr_info)
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
    .filter((text) => !text.startsWith('fe80'))
const macOf = (device: string) => (JSON.parse(ip('-j', 'link', 'show', device)) as { address: string }[])[0]?.address

function newHost(): LinuxHost {
  return testHost({ executor, namespace: HOST, networksPath: join(folder, 'networks'), logger })
}

const bridge: LinkResource = { kind: 'link', name: 'br100', type: 'bridge', macAddress: '02:6e:ff:00:00:01' }
const gateway: HostResource = { kind: 'address', device: 'br100', cidr: '10.0.0.1/24', broadcast: '10.0.0.255' }
const guest = (n: number, more: Partial<LinkResource> = {}): LinkResource => ({
  kind: 'link',
  name: `tap${n}`,
  type: 'veth',
  master: 'br100',
  hairpin: true,
  peer: { name: 'eth0', netns: GUESTS[n - 1]!, macAddress: `fa:16:3e:00:00:0${n}` },
  ...more,
})
const network = { 'network:1': [bridge, gateway] }
const noSteps = { steps: [], failures: [] }

beforeEach(() => {
  if (!canRun) return
  folder = mkdtempSync(join(tmpdir(), 'netloom-host-'))
  warnings = []
  for (const name of [HOST, ...GUESTS]) execFileSync('ip', ['netns', 'add', name])
  executor = createProcessExecutor()
  host = newHost()
})
afterEach(() => {
  if (!canRun) return
  host.close()
  for (const name of [HOST, ...GUESTS]) {
    const pids = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean)
    for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
    spawnSync('ip', ['netns', 'delete', name])
  }
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(!canRun)('the linux host driver: links and addresses (needs root and network namespaces)', () => {
  it('makes a bridge, its address and three guests by two batches, and one process for each guest', async () => {
    const wanted = { ...network, 'vif:1': [guest(1)], 'vif:2': [guest(2)], 'vif:3': [guest(3)] }
    const { failures } = await makeSo(host, wanted)
    expect(failures).toEqual([])
    expect(executor.started).toBe(1 + 2 + 3)
    expect(links()).toEqual(['br100', 'lo', 'tap1', 'tap2', 'tap3'])
    expect(addresses('br100')).toEqual(['10.0.0.1/24'])
    for (const [i, name] of GUESTS.entries()) {
      const shown = execFileSync('ip', ['-n', name, '-br', 'link', 'show', 'eth0'], { encoding: 'utf8' })
      expect(shown).toMatch(new RegExp(`UP +fa:16:3e:00:00:0${i + 1} `))
    }
    expect(await makeSo(host, wanted)).toMatchObject(noSteps)
    expect(executor.started).toBe(1 + 2 + 3 + 1)
  })

  it('finds everything again with a new process, and takes away all that nobody wants (defects-linux-net E15)', async () => {
    await makeSo(host, { ...network, 'vif:1': [guest(1)] })
    host.close()
    host = newHost()
    expect(await makeSo(host, { ...network, 'vif:1': [guest(1)] })).toMatchObject(noSteps)
    const { failures } = await makeSo(host, {})
    expect(failures).toEqual([])
    expect(links()).toEqual(['lo'])
    expect(await makeSo(host, {})).toMatchObject(noSteps)
  })

  it('keeps the MAC address of a bridge while ports with lower ones come and go (lessons E1, defects-linux-net E3)', async () => {
    await makeSo(host, network)
    const before = macOf('br100')
    ip('link', 'add', 'name', 'low', 'address', '02:00:00:00:00:01', 'type', 'veth', 'peer', 'name', 'far')
    ip('link', 'set', 'dev', 'low', 'master', 'br100', 'up')
    await makeSo(host, { ...network, 'vif:1': [guest(1)] })
    expect(macOf('br100')).toBe(before)
    ip('link', 'delete', 'dev', 'low')
    await makeSo(host, network)
    expect(macOf('br100')).toBe(before)
    expect(before).toBe(bridge.macAddress)
  })

  it('sets hairpin, master and mtu, and mends them when others change them', async () => {
    const wanted = { 'network:1': [{ ...bridge, mtu: 1400 }, gateway], 'vif:1': [guest(1, { mtu: 1400 })] }
    await makeSo(host, wanted)
    ip('link', 'set', 'dev', 'tap1', 'nomaster')
    ip('link', 'set', 'dev', 'br100', 'down', 'mtu', '1300')
    ip('address', 'flush', 'dev', 'br100')
    const { steps, failures } = await makeSo(host, wanted)
    expect(failures).toEqual([])
    expect(steps).toEqual(['change link br100', 'add address 10.0.0.1/24 br100', 'change link tap1'])
    expect(await makeSo(host, wanted)).toMatchObject(noSteps)
    ip('link', 'set', 'dev', 'tap1', 'type', 'bridge_slave', 'hairpin', 'off')
    expect((await makeSo(host, wanted)).steps).toEqual(['change link tap1'])
    expect(await makeSo(host, wanted)).toMatchObject(noSteps)
    const larger = { 'network:1': [{ ...bridge, mtu: 1450 }, gateway], 'vif:1': [guest(1, { mtu: 1450 })] }
    expect((await makeSo(host, larger)).failures).toEqual([])
    expect(execFileSync('ip', ['-n', GUESTS[0]!, 'link', 'show', 'eth0'], { encoding: 'utf8' })).toContain('mtu 1450')
    expect(await makeSo(host, larger)).toMatchObject(noSteps)
  })

  it('takes what another agent made at the same moment for success, and not for its own (defects-linux-net C5)', async () => {
    const tap: LinkResource = { kind: 'link', name: 'tap9', type: 'tap', master: 'br100' }
    const wanted = { 'network:1': [bridge, gateway], 'vif:9': [tap] }
    const owned = Object.entries(wanted).flatMap(([owner, all]) => all.map((resource) => ({ owner, resource })))
    const steps = owned.map(({ owner, resource }) => ({ verb: 'add' as const, owner, resource }))
    const state = await host.observe([])
    ip('link', 'add', 'name', 'br100', 'type', 'bridge')
    ip('address', 'add', '10.0.0.1/24', 'dev', 'br100')
    ip('tuntap', 'add', 'dev', 'tap9', 'mode', 'tap')
    expect(await host.run(host.operations(steps, state), steps)).toEqual([])
    expect(await makeSo(host, wanted)).toMatchObject(noSteps)
    await makeSo(host, {})
    expect(links()).toEqual(['br100', 'lo', 'tap9'])
    expect(addresses('br100')).toEqual(['10.0.0.1/24'])
  })

  it("leaves an operator's bridge, tap and addresses as they are, before and after", async () => {
    ip('link', 'add', 'name', 'br100', 'address', '02:aa:00:00:00:01', 'type', 'bridge')
    ip('link', 'set', 'dev', 'br100', 'mtu', '1300', 'up')
    ip('address', 'add', '10.0.0.1/24', 'dev', 'br100')
    ip('address', 'add', '192.0.2.1/24', 'dev', 'br100')
    ip('tuntap', 'add', 'dev', 'tap9', 'mode', 'tap')
    const floating: HostResource = { kind: 'address', device: 'br100', cidr: '203.0.113.9/32' }
    const wanted = {
      'network:1': [{ ...bridge, mtu: 1400 }, gateway, floating],
      'vif:9': [{ kind: 'link', name: 'tap9', type: 'tap', master: 'br100', hairpin: true, mtu: 1400 } as const],
    }
    expect((await makeSo(host, wanted)).failures).toEqual([])
    expect(await makeSo(host, wanted)).toMatchObject(noSteps)
    expect(macOf('br100')).toBe('02:aa:00:00:00:01')
    expect(addresses('br100').sort()).toEqual(['10.0.0.1/24', '192.0.2.1/24', '203.0.113.9/32'])
    await makeSo(host, {})
    expect(links()).toEqual(['br100', 'lo', 'tap9'])
    expect(addresses('br100')).toEqual(['10.0.0.1/24', '192.0.2.1/24'])
    expect(ip('link', 'show', 'br100')).toContain('mtu 1300')
  })

  it('puts back the addresses that the kernel takes away with the first of their subnet (defects-linux-net C12)', async () => {
    await makeSo(host, network)
    ip('address', 'add', '10.0.0.77/24', 'dev', 'br100')
    const moved = { 'network:1': [bridge, { ...gateway, cidr: '10.0.0.254/24' } as HostResource] }
    expect((await makeSo(host, moved)).failures).toEqual([])
    expect(addresses('br100').sort()).toEqual(['10.0.0.254/24', '10.0.0.77/24'])
  })

  it("does not make an operator's device a port while it carries addresses or belongs to another bridge; twice is once (defects-linux-net E2)", async () => {
    ip('link', 'add', 'name', 'eth1', 'type', 'veth', 'peer', 'name', 'far')
    ip('link', 'set', 'dev', 'eth1', 'up')
    ip('address', 'add', '192.0.2.7/24', 'dev', 'eth1')
    const port: LinkResource = { kind: 'link', name: 'eth1', type: 'existing', master: 'br100' }
    const wanted = { ...network, 'network:2': [port] }
    const refused = await makeSo(host, wanted)
    expect(refused.failures).toEqual([{ owner: 'network:2', message: expect.stringContaining('192.0.2.7/24') }])
    expect(addresses('eth1')).toEqual(['192.0.2.7/24'])
    expect(ip('link', 'show', 'eth1')).not.toContain('master')

    ip('address', 'flush', 'dev', 'eth1')
    ip('link', 'add', 'name', 'virbr0', 'type', 'bridge')
    ip('link', 'set', 'dev', 'eth1', 'master', 'virbr0')
    expect((await makeSo(host, wanted)).failures[0]?.message).toContain('eth1 is a port of virbr0')

    ip('link', 'set', 'dev', 'eth1', 'nomaster')
    expect((await makeSo(host, wanted)).failures).toEqual([])
    expect(ip('link', 'show', 'eth1')).toContain('master br100')
    expect(await makeSo(host, wanted)).toMatchObject(noSteps)
    await makeSo(host, {})
    expect(links()).toEqual(['eth1', 'far', 'lo', 'virbr0'])
  })

  it('blames each failing line on its owner, and does everything for the others (defects-linux-net B9, E1)', async () => {
    const missing: LinkResource = { kind: 'link', name: 'nosuch', type: 'existing', master: 'br100' }
    const homeless = guest(2, { peer: { name: 'eth0', netns: 'nl-gone', macAddress: 'fa:16:3e:00:00:02' } })
    const lost: LinkResource = { kind: 'link', name: 'tap3', type: 'veth', master: 'nobridge', peer: guest(3).peer! }
    const resources = { 'network:2': missing, 'vif:2': homeless, 'vif:3': lost, 'vif:1': guest(1) }
    const steps = [
      ...[bridge, gateway].map((resource) => ({ verb: 'add' as const, owner: 'network:1', resource })),
      ...Object.entries(resources).map(([owner, resource]) => ({ verb: 'add' as const, owner, resource })),
    ]
    const state = await host.observe([])
    const failures = await host.run(host.operations(steps, state), steps)
    const byOwner = Object.fromEntries(failures.map(({ owner, message }) => [owner, message]))
    expect(Object.keys(byOwner).sort()).toEqual(['network:2', 'vif:2', 'vif:3'])
    expect(byOwner['network:2']).toContain('Cannot find device "nosuch"')
    expect(byOwner['vif:2']).toContain('nl-gone')
    expect(byOwner['vif:3']).toContain('nobridge')
    expect(addresses('br100')).toEqual(['10.0.0.1/24'])
    expect(ip('link', 'show', 'tap1')).toContain('master br100')
    await makeSo(host, {})
    expect(links()).toEqual(['lo'])
  })

  it('does not take a device of another kind for a wanted one, nor away', async () => {
    ip('link', 'add', 'name', 'br100', 'type', 'veth', 'peer', 'name', 'far')
    const { failures } = await makeSo(host, network)
    expect(failures).toEqual([{ owner: 'network:1', message: expect.stringContaining('leaves it alone') }])
    expect(addresses('br100')).toEqual([])
    await makeSo(host, {})
    expect(links()).toEqual(['br100', 'far', 'lo'])
  })

  it('lets nothing but one word of a name reach the batch', async () => {
    const bad: LinkResource = { kind: 'link', name: 'x\nlink delete dev lo', type: 'bridge' }
    const { failures } = await makeSo(host, { ...network, 'network:2': [bad] })
    expect(failures).toEqual([{ owner: 'network:2', message: expect.stringContaining('is no name') }])
    expect(links()).toEqual(['br100', 'lo'])
  })

  it('never deletes a device that is to be kept, though netloom made it', async () => {
    await makeSo(host, { 'network:1': [{ ...bridge, keep: true }, gateway] })
    await makeSo(host, {})
    expect(links()).toEqual(['br100', 'lo'])
    expect(addresses('br100')).toEqual([])
  })

  it('is asked for the same things twice at once', async () => {
    const results = await Promise.all([makeSo(host, network), makeSo(host, network)])
    expect(results.flatMap((result) => result.failures)).toEqual([])
    expect(await makeSo(host, network)).toMatchObject(noSteps)
  })

  it.each(['before', 'after'])(
    'leaves nothing behind when it is killed %s the batch and nobody wants it any more',
    async (when) => {
      const worker = await bundle('test/root/host-driver/killed.ts', 'host-driver-killed')
      const child = spawn(process.execPath, [worker, HOST, join(folder, 'networks'), when], { stdio: 'inherit' })
      const signal = await new Promise((resolve) => child.once('exit', (_, name) => resolve(name)))
      expect(signal).toBe('SIGKILL')
      expect(links()).toEqual(when === 'before' ? ['lo'] : ['br100', 'lo'])
      await makeSo(host, {})
      expect(links()).toEqual(['lo'])
      ip('link', 'add', 'name', 'br100', 'type', 'bridge')
      await makeSo(host, {})
      expect(links()).toEqual(['br100', 'lo'])
    },
  )
})

describe.skipIf(!canRun)('the linux host driver: settings and files', () => {
  it('writes kernel settings of its namespace, passes over those whose module is not there, and mends them (defects-linux-net E11)', async () => {
    const forward: HostResource = { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' }
    const odd: HostResource = { kind: 'sysctl', key: 'net.ipv4.no_such', value: '1', module: 'netloom_no_such' }
    expect((await makeSo(host, { host: [forward, odd] })).failures).toEqual([])
    expect(await makeSo(host, { host: [forward, odd] })).toMatchObject(noSteps)
    const needed: HostResource = { kind: 'sysctl', key: 'net.ipv4.nor_such', value: '1' }
    expect((await makeSo(host, { host: [needed] })).failures).toMatchObject([{ owner: 'host' }])
  })

  it('says what it could not write, and does the rest', async () => {
    writeFileSync(join(folder, 'plain'), '')
    const file = (path: string): HostResource => ({ kind: 'file', path, content: 'x', mode: 0o644 })
    const { failures } = await makeSo(host, {
      'network:1': [file(join(folder, 'plain', 'below'))],
      'network:2': [file(join(folder, 'made', 'b'))],
    })
    expect(failures).toMatchObject([{ owner: 'network:1', message: expect.stringContaining('plain') }])
    expect(readFileSync(join(folder, 'made', 'b'), 'utf8')).toBe('x')
  })
})

describe.skipIf(!canRun || spawnSync('dnsmasq', ['--version']).error)(
  'the linux host driver: daemons (needs dnsmasq)',
  () => {
    const path = (name: string) => join(folder, name)
    const daemon = (...more: readonly string[]): DaemonResource => ({
      kind: 'daemon',
      name: 'dnsmasq br100',
      argv: [
        'dnsmasq',
        '--user=root',
        '--bind-interfaces',
        '--conf-file=',
        '--no-resolv',
        '--no-hosts',
        `--pid-file=${path('br100.pid')}`,
        '--listen-address=10.0.0.1',
        '--except-interface=lo',
        '--dhcp-range=10.0.0.2,static,255.255.255.0,120s',
        `--dhcp-hostsfile=${path('br100.conf')}`,
        `--log-facility=${path('log')}`,
        ...more,
      ],
      environment: { NETWORK_ID: '1' },
      pidFile: path('br100.pid'),
    })
    const hosts = (content: string): HostResource => ({
      kind: 'file',
      path: path('br100.conf'),
      content,
      mode: 0o644,
      reloads: 'dnsmasq br100',
    })
    const pid = () => Number(readFileSync(path('br100.pid'), 'utf8'))
    const running = () =>
      spawnSync('ip', ['netns', 'pids', HOST], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean)
    const timesRead = () =>
      readFileSync(path('log'), 'utf8')
        .split('\n')
        .filter((line) => line.includes('br100.conf')).length
    async function until(condition: () => boolean): Promise<void> {
      const end = Date.now() + 10_000
      while (!condition()) {
        if (Date.now() > end) throw new Error('it did not come to be')
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    const served = (content: string, ...more: readonly string[]) => ({
      'network:1': [bridge, gateway, hosts(content), daemon(...more)],
    })

    it('starts, reloads, restarts and stops it, each only when it must, and leaves no file (defects-linux-net D16)', async () => {
      expect((await makeSo(host, served('a'))).failures).toEqual([])
      const first = pid()
      expect(readFileSync(`/proc/${first}/environ`, 'utf8').split('\0')).toContain('NETWORK_ID=1')
      expect(await makeSo(host, served('a'))).toMatchObject(noSteps)
      expect([pid(), timesRead()]).toEqual([first, 1])

      expect((await makeSo(host, served('b'))).failures).toEqual([])
      await until(() => timesRead() === 2)
      expect(pid()).toBe(first)

      expect((await makeSo(host, served('c', '--log-dhcp'))).failures).toEqual([])
      expect(pid()).not.toBe(first)
      expect(running()).toEqual([String(pid())])
      expect(await makeSo(host, served('c', '--log-dhcp'))).toMatchObject(noSteps)

      expect((await makeSo(host, {})).failures).toEqual([])
      expect(running()).toEqual([])
      expect(readdirSync(folder).sort()).toEqual(['log', 'networks'])
    })

    it('recognises it after the service was started anew, and restarts it when what is wanted changed meanwhile', async () => {
      await makeSo(host, served('a'))
      const first = pid()
      host.close()
      host = newHost()
      expect(await makeSo(host, served('a'))).toMatchObject(noSteps)
      host.close()
      host = newHost()
      const { steps, failures } = await makeSo(host, served('a', '--log-dhcp'))
      expect({ steps, failures }).toEqual({ steps: [`change daemon ${path('br100.pid')}`], failures: [] })
      expect(pid()).not.toBe(first)
      expect(running()).toHaveLength(1)
    })

    it('starts one that was killed, though it may be a zombie still', async () => {
      await makeSo(host, served('a'))
      const first = pid()
      process.kill(first, 'SIGKILL')
      await until(() => !existsSync(`/proc/${first}/cmdline`) || readFileSync(`/proc/${first}/cmdline`, 'utf8') === '')
      const { steps, failures } = await makeSo(host, served('a'))
      expect({ steps, failures }).toEqual({ steps: [`add daemon ${path('br100.pid')}`], failures: [] })
      expect(running()).toEqual([String(pid())])
    })

    it.each(['', 'garbage', '-1', '0', '1', '99999999999999999999', String(process.pid)])(
      'takes a pid file with %j for not running, and signals nobody (defects-linux-net D14, D17)',
      async (text) => {
        writeFileSync(path('br100.pid'), text)
        const { steps, failures } = await makeSo(host, served('a'))
        expect(failures).toEqual([])
        expect(steps).toContain(`add daemon ${path('br100.pid')}`)
        expect(running()).toEqual([String(pid())])
      },
    )

    it('tells of one that does not start, in its own words', async () => {
      const { failures } = await makeSo(host, served('a', '--no-such-option'))
      expect(failures).toEqual([{ owner: 'network:1', message: expect.stringContaining('no-such-option') }])
      expect(running()).toEqual([])
      expect((await makeSo(host, served('a'))).failures).toEqual([])
    })

    it('writes its files whole, with their mode, before it starts', async () => {
      await makeSo(host, served('fa:16:3e:00:00:01,10.0.0.3'))
      expect(statSync(path('br100.conf')).mode & 0o777).toBe(0o644)
      await until(() => timesRead() === 1)
      expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([])
    })

    it.skipIf(!existsSync('/bin/busybox'))(
      'hands the leases that guests take and give back to the spool by its helper (lessons B7)',
      async () => {
        const helper = fileURLToPath(new URL('../../core/bin/netloom-dhcpbridge', import.meta.url))
        const spool = createLeaseSpool({ folder: path('spool'), logger })
        expect(await spool.read()).toEqual([])
        writeFileSync(path('leases'), 'fa:16:3e:00:00:02 10.0.0.4 * *\n')
        const plain = daemon('--leasefile-ro', `--dhcp-script=${helper}`)
        const environment = {
          NETLOOM_SPOOL: path('spool'),
          NETLOOM_LEASES: path('leases'),
          NETLOOM_LEASE_SECONDS: '600',
        }
        const entries = hosts('fa:16:3e:00:00:01,10.0.0.3\nfa:16:3e:00:00:02,10.0.0.4\n')
        const wanted = { 'network:1': [bridge, gateway, entries, { ...plain, environment }], 'vif:1': [guest(1)] }
        expect((await makeSo(host, wanted)).failures).toEqual([])
        const client = ['busybox', 'udhcpc', '-i', 'eth0', '-s', '/bin/true', '-n', '-q', '-t', '20', '-T', '1']
        execFileSync('ip', ['netns', 'exec', GUESTS[0]!, ...client], { stdio: 'ignore' })
        // A name with a dot is an event that is being written.
        const events = () => readdirSync(path('spool')).filter((name) => !name.startsWith('.')).length
        await until(() => events() === 1)
        const [event] = await spool.read()
        expect(event).toMatchObject({ action: 'add', mac: 'fa:16:3e:00:00:01', address: '10.0.0.3' })
        await spool.done(event!)
        if (spawnSync('dhcp_release').error) return
        ip('link', 'set', 'dev', 'lo', 'up')
        for (const [address, mac] of [
          ['10.0.0.3', 'fa:16:3e:00:00:01'],
          ['10.0.0.4', 'fa:16:3e:00:00:02'],
        ] as const) {
          execFileSync('ip', ['netns', 'exec', HOST, 'dhcp_release', 'br100', address, mac])
        }
        await until(() => events() === 2)
        expect(await spool.read()).toMatchObject([
          { action: 'del', address: '10.0.0.3' },
          { action: 'del', address: '10.0.0.4' },
        ])
      },
    )

    it('does not start when its helper cannot tell the leases from before', async () => {
      const helper = fileURLToPath(new URL('../../core/bin/netloom-dhcpbridge', import.meta.url))
      const { failures } = await makeSo(host, served('a', '--leasefile-ro', `--dhcp-script=${helper}`))
      expect(failures).toMatchObject([{ owner: 'network:1' }])
      expect(running()).toEqual([])
    })
  },
)
