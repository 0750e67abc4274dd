/** What a host and the rows look like, as sorted lines without what differs from run to run. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { NetworkApi } from '../../../core/api/network-api.ts'
import type { NetworkHost } from '../../../core/bin/demo/network-host.ts'
import type { LinkResource } from '../../../core/contracts/resource.ts'
import { parseLedger } from '../../../drivers/host/linux/ledger.ts'
import { parseLinks, SHOW_ADDRESSES } from '../../../drivers/host/linux/links.ts'
import type { TestCloud } from './test-cloud.ts'

/** Rows, links, addresses, rules, files and daemons of a host, and the links of the guests. */
export async function dumpCloud(cloud: TestCloud, api: NetworkApi, host = cloud.host): Promise<readonly string[]> {
  const [rows, looks] = await Promise.all([dumpRows(api), dumpHost(cloud, host)])
  return withoutNames([...rows, ...looks])
}

export async function dumpRows(api: NetworkApi): Promise<readonly string[]> {
  const found = {
    network: await api.getAllNetworks(),
    instance: await api.listInstances(),
    floating: await api.listFloatingIps(),
    lease: await api.getDhcpLeases(),
  }
  const stable = (key: string, value: unknown) => (/^(id|fixed_ip_id|.*_at)$/.test(key) ? undefined : value)
  return Object.entries(found).flatMap(([kind, rows]) =>
    rows.map((row) => `row ${kind} ${JSON.stringify(row, stable)}`),
  )
}

/** @param host whose namespace and files are looked at */
export async function dumpHost(cloud: TestCloud, host: NetworkHost): Promise<readonly string[]> {
  const { namespaces, folder } = cloud
  const guests = namespaces.all.filter((name) => name.includes('guest'))
  const [links, rules, files, ...guestLinks] = await Promise.all([
    namespaces.inside(host.name, ...SHOW_ADDRESSES),
    dumpRules(cloud, host),
    dumpFiles(join(folder, 'state/networks', host.name)),
    ...guests.map((name) => namespaces.run('ip', '-n', name, '-j', '-d', 'link', 'show')),
  ])
  return [
    ...describeLinks(links.stdout),
    ...guestLinks.flatMap(({ stdout }, i) => describeLinks(stdout).map((line) => `guest${i + 1} ${line}`)),
    ...rules,
    ...files,
  ]
}

/** The packet filter without counters, in order. */
export async function dumpRules({ namespaces }: TestCloud, host: NetworkHost): Promise<readonly string[]> {
  const { stdout } = await namespaces.inside(host.name, 'iptables-save')
  return stdout
    .split('\n')
    .filter((line) => /^[-*:]/.test(line))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''))
}

function describeLinks(json: string): readonly string[] {
  return parseLinks(json)
    .filter((resource) => resource.kind !== 'address' || !resource.cidr.startsWith('fe80'))
    .map((resource) => JSON.stringify(resource.kind === 'link' ? withoutOwnMac(resource) : resource))
    .sort()
}

/** The kernel gives the host's end of a veth pair a random one. */
function withoutOwnMac({ macAddress, ...link }: LinkResource): object {
  return link.type === 'veth' && link.master !== undefined ? link : { ...link, macAddress }
}

async function dumpFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const lines = await Promise.all(
    paths.map(async (path) => {
      const [text, { mode }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
      const name = relative(folder, path)
      if (name === 'ledger') return describeLedger(text)
      if (name.endsWith('.pid'))
        return [`daemon ${await readFile(`/proc/${text.trim()}/cmdline`, 'utf8').catch(() => 'gone')}`]
      return [`file ${name} ${(mode & 0o777).toString(8)} ${JSON.stringify(text)}`]
    }),
  )
  return lines.flat().sort()
}

async function describeLedger(text: string): Promise<readonly string[]> {
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  return [...parseLedger(text, boot).keys()].map((key) => `recorded ${key}`)
}

/** The devices of ports are named after identities that are new each time. */
function withoutNames(lines: readonly string[]): readonly string[] {
  const names = new Map<string, string>()
  return lines.map((line) =>
    line.replaceAll(/\btap[0-9a-f]{8}-[0-9a-f]{2}\b/g, (name) => {
      if (!names.has(name)) names.set(name, `port${names.size + 1}`)
      return names.get(name) as string
    }),
  )
}
