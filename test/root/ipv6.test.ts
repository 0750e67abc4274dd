/** IPv6 of guests on real parts: radvd, ip6tables and the kernel's own autoconfiguration. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { plugGuest } from './cloud/guests.ts'
import { isRoot, TestCloud, until } from './cloud/test-cloud.ts'

const OUTSIDE = '2001:db8:0:1::1'

/** The router of the public side, which hosts have their default route by. */
const ROUTER = `interface segment
{
  AdvSendAdvert on;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 10;
  prefix 2001:db8:0:1::/64 { AdvOnLink on; AdvAutonomous on; };
};
`

/** '' for a process that ended meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

class Bench {
  readonly cloud: TestCloud
  readonly api: NetworkApi

  constructor(cloud: TestCloud, api: NetworkApi) {
    this.cloud = cloud
    this.api = api
  }

  async on(where: string, ...argv: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.cloud.runIn(where, argv)
    expect(status, `${argv.join(' ')}: ${stderr}`).toBe(0)
    return stdout
  }

  /** Waits for a global IPv6 address of a device, which is usable by then. */
  async address(where: string, device = 'eth0'): Promise<string> {
    const show = ['ip', '-6', '-o', 'address', 'show', 'dev', device, 'scope', 'global', '-tentative']
    let found: string | undefined
    await until(async () => {
      found = / inet6 ([^/]+)/.exec(await this.on(where, ...show))?.[1]
      return found !== undefined
    }, `${where} has no IPv6 address`)
    return found!
  }

  async addressIn(instance: string): Promise<string | null | undefined> {
    const [vif] = await this.api.getInstanceNwInfo(instance)
    return vif!.network.subnets[1]!.ips[0]?.address
  }

  /** The processes of radvd on the host, but for the child that each has for settings of the kernel. */
  async daemons(): Promise<readonly string[]> {
    const { namespaces, host } = this.cloud
    const { stdout } = await namespaces.run('ip', 'netns', 'pids', namespaces.fullName(host.name))
    const pids = stdout.split('\n').filter((pid) => textOf(`/proc/${pid}/cmdline`).startsWith('radvd\0'))
    const parentOf = (pid: string) => /^PPid:\s*(\d+)$/m.exec(textOf(`/proc/${pid}/status`))?.[1]
    return pids.filter((pid) => !pids.includes(parentOf(pid) ?? ''))
  }

  routes(where: string): Promise<string> {
    return this.on(where, 'ip', '-6', 'route', 'show', 'default', 'proto', 'ra')
  }

  rules(): Promise<string> {
    return this.on(this.cloud.host.name, 'ip6tables', '-S')
  }

  files(): readonly string[] {
    const folder = join(this.cloud.folder, 'state/networks', this.cloud.host.name)
    return readdirSync(folder).filter((name) => name.includes('radvd'))
  }

  async ping(from: string, address: string): Promise<void> {
    await this.on(from, 'ping', '-6', '-c', '1', '-W', '3', address)
  }
}

/** Devices ask for routers without the second or two that they wait at random and to find duplicates. */
async function askAtOnce(bench: Bench, where: string, devices: string): Promise<void> {
  const conf = `net.ipv6.conf.${devices}`
  await bench.on(where, 'sysctl', '-q', '-w', `${conf}.accept_dad=0`, `${conf}.router_solicitation_delay=0`)
}

async function openBench(): Promise<Bench> {
  const cloud = await TestCloud.built({ flags: ['--use_ipv6=true'], guests: ['guest1'] })
  onTestFinished(() => cloud.remove())
  return new Bench(cloud, await cloud.client())
}

/** A router outside, from which the host takes its address and its default route before the service starts. */
async function advertiseOutside(bench: Bench): Promise<void> {
  const { cloud } = bench
  const config = join(cloud.folder, 'router.conf')
  writeFileSync(config, ROUTER, { mode: 0o644 })
  await bench.on('public', 'sysctl', '-q', '-w', 'net.ipv6.conf.all.forwarding=1')
  await bench.on('public', 'ip', 'address', 'add', `${OUTSIDE}/64`, 'dev', 'segment', 'nodad')
  await bench.on('public', 'radvd', '-C', config, '-p', join(cloud.folder, 'router.pid'), '-m', 'none')
  const { name } = cloud.host
  await askAtOnce(bench, name, 'eth0')
  for (const value of [1, 0]) await bench.on(name, 'sysctl', '-q', '-w', `net.ipv6.conf.eth0.disable_ipv6=${value}`)
  await until(async () => (await bench.routes(name)) !== '', 'the host got no route')
}

describe.skipIf(!isRoot)('IPv6 of guests', () => {
  it('by router advertisements: the address that is told, a way out, one daemon whatever happens, and nothing left', async () => {
    const bench = await openBench()
    const { cloud, api } = bench
    const { name } = cloud.host
    await advertiseOutside(bench)
    await askAtOnce(bench, 'guest1', 'default')
    await cloud.host.start()
    expect(await bench.on(name, 'cat', '/proc/sys/net/ipv6/conf/all/forwarding')).toBe('1\n')
    expect(await bench.routes(name), 'a router keeps its own route (lessons F1)').not.toBe('')
    const way = await bench.address(name)
    await bench.on('public', 'ip', '-6', 'route', 'add', 'fd00:0:0:64::/63', 'via', way)
    // A host that lets in only what is said: what guests need of it netloom says.
    await bench.on(name, 'ip6tables', '-A', 'INPUT', '-i', 'eth0', '-j', 'ACCEPT')
    await bench.on(name, 'ip6tables', '-P', 'INPUT', 'DROP')

    const request = { label: 'six', cidr: '10.0.0.0/24', cidr_v6: 'fd00:0:0:64::/64', mtu: 1400 }
    const [network] = await api.createNetworks(request)
    const guest = await plugGuest(cloud, api, 'guest1')
    expect(await bench.address('guest1')).toBe(await bench.addressIn(guest.uuid))
    expect(await bench.routes('guest1')).toContain('default via fe80::')
    await bench.ping('guest1', OUTSIDE)
    await bench.on(name, 'ip6tables', '-P', 'INPUT', 'ACCEPT')
    await bench.ping('guest1', 'fd00:0:0:64::1')

    const [before, ...more] = await bench.daemons()
    expect(more).toEqual([])
    await cloud.host.stop('SIGKILL')
    await bench.ping('guest1', OUTSIDE)
    await cloud.host.start()
    expect((await api.plan(name)).entries).toEqual([])
    expect(await bench.daemons()).toEqual([before])

    // Others write into its file: it is mended, and the daemon reads it again.
    const file = join(cloud.folder, 'state/networks', name, bench.files().find((each) => each.endsWith('radvd'))!)
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace('AdvLinkMTU 1400', 'AdvLinkMTU 1300'))
    await api.reconcile(name)
    expect(readFileSync(file, 'utf8')).toBe(text)
    expect(await bench.daemons()).toEqual([before])
    // The guest's device could carry more than it is told (lessons E2).
    await bench.on('guest1', 'ip', 'link', 'set', 'eth0', 'mtu', '1500', 'down')
    await bench.on('guest1', 'ip', 'link', 'set', 'eth0', 'up')
    await bench.address('guest1')
    expect(await bench.on('guest1', 'cat', '/proc/sys/net/ipv6/conf/eth0/mtu')).toBe('1400\n')

    await api.deallocateForInstance(guest.uuid)
    await api.deleteNetwork(network!.uuid)
    expect(await bench.daemons()).toEqual([])
    expect(bench.files()).toEqual([])
    expect(await bench.rules()).not.toContain('br100')
    expect(await bench.on(name, 'ip', '-6', 'address')).not.toContain('fd00')
    expect((await api.plan(name)).entries).toEqual([])

    const [next] = await api.createNetworks({ ...request, cidr_v6: 'fd00:0:0:65::/64' })
    const other = await plugGuest(cloud, api, 'guest1', next!.uuid)
    expect(await bench.daemons(), 'one, with the new prefix (defects-linux-net C10)').toHaveLength(1)
    expect(await bench.address('guest1')).toBe(await bench.addressIn(other.uuid))
    await cloud.host.stop('SIGTERM')
    await bench.ping('guest1', OUTSIDE)
    expect(await bench.routes(name)).not.toBe('')

    await bench.on(name, 'sysctl', '-q', '-w', 'net.ipv6.conf.default.disable_ipv6=1')
    await cloud.host.start()
    expect(cloud.host.log, 'told, and no error (lessons F3)').toContain('IPv6 is off on this host')
    expect(await bench.daemons()).toEqual([])
    expect(await bench.on(name, 'ip', '-4', '-o', 'address', 'show', 'br100')).toContain('10.0.0.1/24')
    expect((await api.plan(name)).entries).toEqual([])
  })
})
