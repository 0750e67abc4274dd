/**
 * What the host looks like: one process, one more when a device is to hand over what it carries, one where ports are on
 * VLANs, and one or two where there is an Open vSwitch; the rest is read from files.
 */
import { readdir } from 'node:fs/promises'
import {
  type Carried,
  type DaemonResource,
  type Executor,
  type FileResource,
  type HandoverResource,
  type HostResource,
  type HostState,
  type LinkResource,
  type Logger,
  type ObservedResource,
  resourceKey,
} from 'netloom/contracts'
import { carriedAddresses, carriedBy, SHOW_ROUTES } from './carried.ts'
import { findRunning, readPid } from './daemons.ts'
import { readFiles } from './files.ts'
import type { Ledger } from './ledger.ts'
import { parseLinks, SHOW_ADDRESSES } from './links.ts'
import { lookAtOvs, type OvsLook } from './ovs-look.ts'
import { lookAtPortVlans } from './port-vlans.ts'
import type { Sysctl } from './sysctl.ts'

/** The means to look at a host. */
export interface ObserveTools {
  readonly executor: Executor
  readonly logger: Logger
  readonly ledger: Ledger
  readonly sysctl: Sysctl
  /** Keys of settings that were found missing for good. */
  readonly lacking: ReadonlySet<string>
  /** Where `ip netns` keeps its names. */
  readonly namespacesFolder: string
}

/** See `HostDriver.observe`. */
export async function observeHost(tools: ObserveTools, wanted: readonly HostResource[]): Promise<HostState> {
  const { executor, ledger, namespacesFolder } = tools
  const made = ledger.all()
  const [shown, files, namespaces, ovs] = await Promise.all([
    executor.run({ argv: SHOW_ADDRESSES }),
    observeFiles([...wanted, ...made].filter((resource) => resource.kind === 'file')),
    namesIn(namespacesFolder),
    lookAtOvs(tools, wanted, made),
  ])
  const links = parseLinks(shown.stdout)
  const found: readonly HostResource[] = [
    ...withoutLeft(links, wanted, ovs).map((resource) =>
      resource.kind === 'link' ? withPeer(resource, ledger) : resource,
    ),
    ...observeSysctls(wanted, tools.sysctl),
    ...files,
    ...observeDaemons(wanted, ledger),
    ...ovs.resources,
    ...(await lookAtPortVlans(executor, [...wanted, ...made], links)),
  ]
  const resources = new Map<string, ObservedResource>()
  for (const resource of found) {
    const key = resourceKey(resource)
    resources.set(key, { resource, ours: ledger.has(key) || isOursAnyway(resource, ledger) })
  }
  for (const handover of made) {
    if (handover.kind !== 'handover' || !hasDevices(handover, resources)) continue
    resources.set(resourceKey(handover), { resource: handover, ours: true })
  }
  const carried = await observeCarried(tools, wanted, resources, shown.stdout)
  const lacking = new Set([...tools.lacking].filter((key) => !resources.has(key)))
  return { resources, namespaces, lacking, carried, ...(ovs.bridges === undefined ? {} : { ovsBridges: ovs.bridges }) }
}

/** Of flows only those with netloom's mark are seen; what a port of ours is on is ours, whoever put it there. */
function isOursAnyway(resource: HostResource, ledger: Ledger): boolean {
  if (resource.kind === 'port-vlan') return ledger.has(`link ${resource.device}`)
  return resource.kind === 'ovs-flow'
}

/** A device that its switch gave up goes with its addresses, but maybe later: both looks are not of one moment. */
function withoutLeft(
  seen: readonly HostResource[],
  wanted: readonly HostResource[],
  { resources, bridges }: OvsLook,
): readonly HostResource[] {
  if (!bridges) return seen
  const ports = new Set(resources.map(resourceKey))
  const left = new Set(
    wanted.flatMap((resource) =>
      resource.kind === 'ovs-port' && resource.internal && !ports.has(resourceKey(resource)) ? [resource.name] : [],
    ),
  )
  return seen.filter(
    (resource) =>
      !(resource.kind === 'link' && left.has(resource.name)) &&
      !(resource.kind === 'address' && left.has(resource.device)),
  )
}

function hasDevices({ device, bridge }: HandoverResource, resources: HostState['resources']): boolean {
  return resources.has(`link ${device}`) && resources.has(`link ${bridge}`)
}

/**
 * What devices carry that are to hand it over, and bridges that are to give it back. Routes are read only when one of
 * them carries anything.
 */
async function observeCarried(
  { executor, ledger }: ObserveTools,
  wanted: readonly HostResource[],
  resources: HostState['resources'],
  shown: string,
): Promise<ReadonlyMap<string, Carried | null>> {
  const wantedKeys = new Set(wanted.map(resourceKey))
  const isOthers = (device: string) => (cidr: string) => {
    const key = resourceKey({ kind: 'address', device, cidr })
    return !wantedKeys.has(key) && !ledger.has(key)
  }
  const addressesOf = (device: string) => carriedAddresses(device, shown, isOthers(device))
  const pairs = [...wanted, ...[...resources.values()].map(({ resource }) => resource)].flatMap((resource) => {
    if (resource.kind !== 'handover') return []
    const { device, bridge } = resource
    return [wantedKeys.has(resourceKey(resource)) ? { from: device, to: bridge } : { from: bridge, to: device }]
  })
  const busy = pairs.filter(({ from }) => addressesOf(from).length > 0)
  const carried = new Map<string, Carried | null>(pairs.map(({ from }) => [from, null]))
  if (busy.length === 0) return carried
  const routes = (await executor.run({ argv: SHOW_ROUTES })).stdout
  for (const device of busy.flatMap(({ from, to }) => [to, from])) {
    carried.set(device, carriedBy(device, addressesOf(device), routes))
  }
  return carried
}

/** The kernel does not tell the far end of a veth pair: our own record does. With two, a change of it may be half done. */
function withPeer(link: LinkResource, ledger: Ledger): LinkResource {
  const [record, former] = ledger.recordsOf(resourceKey(link))
  if (link.type !== 'veth' || record?.kind !== 'link' || !record.peer) return link
  const { addresses: _, gateway: __, ...bare } = record.peer
  return { ...link, peer: former === undefined ? record.peer : bare }
}

function observeSysctls(wanted: readonly HostResource[], sysctl: Sysctl): readonly HostResource[] {
  return wanted.flatMap((resource) => {
    if (resource.kind !== 'sysctl') return []
    const value = sysctl.read(resource.key)
    return value === null ? [] : [{ ...resource, value }]
  })
}

/** @param files each path once or twice; the first says which daemon reads it */
async function observeFiles(files: readonly FileResource[]): Promise<readonly FileResource[]> {
  const byPath = new Map<string, FileResource>()
  for (const file of files) if (!byPath.has(file.path)) byPath.set(file.path, file)
  const found = await readFiles([...byPath.keys()])
  return found.flatMap((facts) => {
    const file = byPath.get(facts.path)
    return file ? [{ ...file, ...facts }] : []
  })
}

function observeDaemons(wanted: readonly HostResource[], ledger: Ledger): readonly DaemonResource[] {
  const isDaemon = (resource: HostResource): resource is DaemonResource => resource.kind === 'daemon'
  const wantedByKey = new Map(wanted.filter(isDaemon).map((daemon) => [resourceKey(daemon), daemon]))
  const keys = new Set([...wantedByKey.keys(), ...ledger.all().filter(isDaemon).map(resourceKey)])
  return [...keys].flatMap((key) => {
    const expected = wantedByKey.get(key)
    const candidates = [...(expected ? [expected] : []), ...ledger.recordsOf(key).filter(isDaemon)]
    const running = findRunning(candidates)
    if (running) return [running.daemon]
    // One that died by itself is still to be tidied away when nobody wants it: its pid file stays otherwise.
    const [last] = candidates
    return !expected && last && readPid(last.pidFile) !== null ? [last] : []
  })
}

async function namesIn(folder: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await readdir(folder))
  } catch {
    return new Set()
  }
}
