/** What others made on the host: rules with their counters, links, addresses, routes, a DHCP server, a bridge. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { allocateGuest, type Guest } from './cloud/guests.ts'
import { isRoot, TestCloud, until } from './cloud/test-cloud.ts'

const BUILT_IN = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
}
const FAMILIES = [
  { program: 'iptables', source: '192.0.2.7/32' },
  // Some versions of ip6tables-restore take no counters: these are made by pings of the host to itself.
  { program: 'ip6tables', source: '::1/128' },
]

/** Rules before and after ours, twins, and a chain that begins like ours, in every chain; all with counters. */
function foreignRules(source: string): string {
  const tables = Object.entries(BUILT_IN).map(([table, chains]) => {
    const rules = chains.flatMap((chain) => [
      `[7:490] -A ${chain} -s ${source} -m comment --comment "by netloom-${chain} or not" -j site-rules`,
      `[3:33] -A ${chain} -s ${source} -j RETURN`,
      `[3:33] -A ${chain} -s ${source} -j RETURN`,
      `[5:55] -A ${chain} -s ${source} -j netloom2-${table}`,
    ])
    const own = [`[2:22] -A site-rules -s ${source} -j RETURN`, `[1:11] -A netloom2-${table} -s ${source} -j RETURN`]
    return [`*${table}`, ':site-rules - [0:0]', `:netloom2-${table} - [0:0]`, ...rules, ...own, 'COMMIT'].join('\n')
  })
  return `${tables.join('\n')}\n`
}

describe.skipIf(!isRoot)('what others made on the host', () => {
  let cloud: TestCloud
  let api: NetworkApi
  let guest: Guest
  const inside = (...argv: readonly [string, ...string[]]) => cloud.namespaces.inside('node1', ...argv)

  beforeAll(async () => {
    cloud = await TestCloud.built({ guests: ['guest1'], flags: ['--use_ipv6=true', '--reconcile_interval=600'] })
    for (const { program, source } of FAMILIES) await restore(program, foreignRules(source))
    await inside(
      'ip',
      'link',
      'add',
      'name',
      'br100',
      'address',
      '02:00:00:00:00:77',
      'type',
      'bridge',
      'forward_delay',
      '0',
    )
    await inside('ip', 'link', 'add', 'name', 'site0', 'type', 'veth', 'peer', 'name', 'site1')
    await inside('ip', 'link', 'set', 'site0', 'master', 'br100', 'up')
    await inside('ip', 'link', 'add', 'name', 'netloom-br0', 'type', 'bridge')
    await inside('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'netloom-br0')
    await inside('ip', 'address', 'add', '203.0.113.99/32', 'dev', 'eth0')
    await inside('ip', 'link', 'set', 'netloom-br0', 'up')
    await inside('ip', 'route', 'add', '198.18.0.0/15', 'via', '203.0.113.1', 'metric', '77')
    await startForeignServer()
    await cloud.host.start()
    api = await cloud.client()
  })
  afterAll(() => cloud?.remove())

  const restore = async (program: string, rules: string) => {
    const file = join(cloud.folder, program)
    await writeFile(file, rules)
    await inside(`${program}-restore`, '--counters', '--noflush', file)
  }
  const startForeignServer = async () => {
    const folder = join(cloud.folder, 'foreign')
    await mkdir(folder)
    const range = ['--listen-address=192.0.2.1', '--dhcp-range=192.0.2.10,192.0.2.20,1h', '--bind-interfaces']
    const files = [`--pid-file=${folder}/pid`, `--dhcp-leasefile=${folder}/leases`, '--conf-file=/dev/null']
    await inside('dnsmasq', '--user=root', '--port=0', ...range, ...files)
  }

  /** Rules of others: all but our chains and the jumps to them. */
  const rules = async () => {
    const texts = await Promise.all(FAMILIES.map(({ program }) => inside(`${program}-save`, '-c')))
    const ours = /(-j |:|-A )(netloom-[A-Za-z-]+|nova-(filter-top|postrouting-bottom))( |$)/
    return texts.flatMap(({ stdout }) => stdout.split('\n').filter((line) => /^[*:[]/.test(line) && !ours.test(line)))
  }
  const links = async () => {
    const lasting = (key: string, value: unknown) => (key === 'tentative' ? undefined : value)
    const shown = JSON.parse((await inside('ip', '-j', 'address', 'show')).stdout, lasting)
    return shown.filter(({ ifname }: { ifname: string }) => /^(eth0|site|netloom-br0)/.test(ifname))
  }
  const routes = async () =>
    (await inside('ip', 'route', 'show')).stdout.split('\n').filter((line) => !line.includes('br100'))
  const server = async () => {
    const pid = (await readFile(join(cloud.folder, 'foreign/pid'), 'utf8')).trim()
    return { pid, argv: await readFile(`/proc/${pid}/cmdline`, 'utf8') }
  }
  const everything = async () => ({
    rules: await rules(),
    links: await links(),
    routes: await routes(),
    server: await server(),
  })

  it('is as it was after 100 changes: rules byte for byte, in order, with their counters (lessons C4, C5)', async () => {
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    guest = await allocateGuest(cloud, api, 'guest1')
    await api.createFloatingIps({ range: '198.51.100.0/24' })
    const floating = await api.allocateFloatingIp({ project_id: 'demo' })
    const before = await everything()
    const counted = before.rules.filter((rule) => /^\[[1-9]\d*:.*site-rules/.test(rule))
    expect(counted.length).toBeGreaterThanOrEqual(14 + 4)
    for (let change = 0; change < 100; change += 2) {
      await api.associateFloatingIp(floating, guest.address)
      await api.disassociateFloatingIp(floating)
    }
    expect(await everything()).toEqual(before)
  })

  it('stays when the network is deleted: its bridge too, which was there before (lessons E4)', async () => {
    const before = await everything()
    await cloud.json('instance', 'deallocate', guest.uuid)
    await until(async () => (await api.getDhcpLeases()).length === 0, 'the lease does not end')
    const [network] = await api.getAllNetworks()
    await cloud.json('network', 'delete', network?.uuid ?? '')
    expect(await everything()).toEqual(before)
    const [bridge] = JSON.parse((await inside('ip', '-j', 'address', 'show', 'br100')).stdout)
    expect(bridge.address).toBe('02:00:00:00:00:77')
    expect(bridge.addr_info.filter(({ family }: { family: string }) => family === 'inet')).toEqual([])
    expect((await inside('ip', '-j', 'link', 'show', 'master', 'br100')).stdout).toContain('site0')
    expect((await cloud.command('plan')).status).toBe(0)
  })
})
