/** Steps -> operations: one batch for what goes, one for what comes, and no process for what a file can do. Pure. */
import {
  type BatchLine,
  type Command,
  type DaemonResource,
  type FileResource,
  type HostState,
  type LinkResource,
  type PhasedOperation,
  resourceKey,
  type Step,
} from 'netloom/contracts'
import { handoverOperations, movedDevices } from './handover.ts'
import { ovsOperations } from './ovs-changes.ts'
import { BRIDGE_BATCH, portVlanLines } from './port-vlans.ts'
import { addressLine, isAnother, type LinkLines, linkLines, removeLine, restoreLines } from './render-links.ts'

/** Runs each line when it is read, and goes on after one that failed. */
export const IP_BATCH = ['ip', '-force', '-batch', '-'] as const

/** See `HostDriver.operations`. @param ovsTimeout how many seconds an Open vSwitch may take for one change */
export function hostOperations(steps: readonly Step[], state: HostState, ovsTimeout = 120): readonly PhasedOperation[] {
  const links = steps.flatMap(({ verb, owner, resource }) =>
    resource.kind === 'link' && verb !== 'remove'
      ? [{ wanted: resource, lines: linkLines({ verb, owner, resource }, resource, state) }]
      : [],
  )
  // What a switch makes is there only after it was told to; what it is to take as a port must be there before.
  const made = new Set(steps.flatMap(({ resource: r }) => (r.kind === 'ovs-port' && r.internal ? [r.name] : [])))
  const late = links.filter(({ wanted }) => made.has(wanted.name))
  const early = links.filter(({ wanted }) => !made.has(wanted.name))
  const isLate = ({ resource }: Step) => resource.kind === 'address' && made.has(resource.device)
  const moved = movedDevices(steps)
  const movedLinks = links.filter(({ wanted }) => moved.has(wanted.name))
  const handovers = handoverOperations(
    steps,
    state,
    new Map(movedLinks.map(({ wanted, lines }) => [wanted.name, lines.configure])),
  )
  const vlans = portVlanLines(steps, state)
  const guests = early.filter(hasGuestLines)
  // A device is a port before it is on a VLAN; guests come last, and what they go through does not wait for them.
  const guestOwners = new Set(guests.flatMap(({ lines }) => lines.guest.map(({ owner }) => owner)))
  const isGuest = ({ owner }: BatchLine) => guestOwners.has(owner)
  return [
    ...steps.flatMap(stopOperation),
    ...batch('unbind', vlans.remove, BRIDGE_BATCH),
    // What comes back is off its bridge before that goes; what is taken over comes to one that is there.
    ...handovers.filter(({ phase }) => phase === 'unbind'),
    ...batch('unbind', [...unbindLines(steps, state), ...links.flatMap(({ lines }) => lines.remove)]),
    ...batch('bind', [
      ...bridgesFirst(early.filter((link) => !movedLinks.includes(link))),
      ...steps.filter((step) => !isLate(step)).flatMap(addressLines),
    ]),
    ...handovers.filter(({ phase }) => phase === 'bind'),
    ...batch(
      'bind',
      vlans.add.filter((line) => !isGuest(line)),
      BRIDGE_BATCH,
    ),
    ...guestBatches(early),
    ...checksumOperations(steps, state),
    ...batch(
      'bind',
      guests.flatMap(({ lines }) => lines.configure),
    ),
    ...batch('bind', vlans.add.filter(isGuest), BRIDGE_BATCH),
    ...ovsOperations(steps, state, ovsTimeout),
    ...batch('bind', [...bridgesFirst(late), ...steps.filter(isLate).flatMap(addressLines)]),
    ...steps.flatMap(sysctlOperation),
    ...steps.flatMap(fileOperation),
    ...steps.flatMap(startOperation),
    ...reloadOperations(steps, state),
    ...steps.flatMap(announceOperation),
  ]
}

interface LinkChange {
  readonly wanted: LinkResource
  readonly lines: LinkLines
}

/**
 * A bridge has its address before its first port joins, or it would take the port's (lessons E1); what carries VLANs is up
 * before they are.
 */
function bridgesFirst(links: readonly LinkChange[]): readonly BatchLine[] {
  const ofType = (type: string) => links.filter(({ wanted }) => wanted.type === type).map(({ lines }) => lines)
  const others = links.filter(({ wanted }) => wanted.type !== 'bridge' && wanted.type !== 'existing')
  return [
    ...ofType('bridge').flatMap(({ create, configure }) => [...create, ...configure]),
    ...ofType('existing').flatMap(({ configure }) => configure),
    ...others.flatMap(({ lines }) => lines.create),
    ...others.filter((link) => !hasGuestLines(link)).flatMap(({ lines }) => lines.configure),
  ]
}

/** Its end on the host comes last: only that one is seen, so whoever dies in between finds it unfinished (lessons A2). */
function hasGuestLines({ lines }: LinkChange): boolean {
  return lines.guest.length > 0
}

/** Addresses go before the links that carry them. */
function unbindLines(steps: readonly Step[], state: HostState): readonly BatchLine[] {
  const removals = steps.filter(({ verb }) => verb === 'remove')
  const lines = (kind: 'link' | 'address') =>
    removals.flatMap(({ owner, resource }) =>
      (resource.kind === 'link' || resource.kind === 'address') && resource.kind === kind
        ? [removeLine(owner, resource)]
        : [],
    )
  return [...lines('address'), ...restoreLines(removals, state), ...lines('link')]
}

function addressLines({ verb, owner, resource }: Step): readonly BatchLine[] {
  return resource.kind === 'address' && verb !== 'remove' ? [addressLine(owner, resource)] : []
}

function guestBatches(links: readonly LinkChange[]): readonly PhasedOperation[] {
  const byNamespace = new Map<string, BatchLine[]>()
  for (const { wanted, lines } of links) {
    if (wanted.peer) byNamespace.set(wanted.peer.netns, [...(byNamespace.get(wanted.peer.netns) ?? []), ...lines.guest])
  }
  return [...byNamespace].flatMap(([netns, lines]) =>
    batch('bind', lines, ['ip', '-n', netns, '-force', '-batch', '-']),
  )
}

/**
 * A process that switches frames sees them before a device would have put their checksums in, and the far end drops what
 * comes without: TCP hangs where ping works. So a guest's new end puts them in itself; the kernel's switch needs no such.
 */
function checksumOperations(steps: readonly Step[], state: HostState): readonly PhasedOperation[] {
  return steps.flatMap(({ owner, resource: link }) => {
    if (link.kind !== 'link' || !link.peer || !isNew(link, state) || !isSwitchedByProcess(link.name, steps, state))
      return []
    const { netns, name } = link.peer
    const argv = ['ip', 'netns', 'exec', netns, 'ethtool', '-K', name, 'tx', 'off'] as const
    return [{ kind: 'command', phase: 'bind', owners: [owner], command: { argv } }] as const
  })
}

/** Also one that whoever made it did not come to an end with. */
function isNew(link: LinkResource, { resources }: HostState): boolean {
  const there = resources.get(resourceKey(link))?.resource
  return there?.kind !== 'link' || there.down === true || isAnother(link, there)
}

function isSwitchedByProcess(name: string, steps: readonly Step[], { resources, ovsBridges }: HostState): boolean {
  const wanted = steps.find(({ resource }) => resource.kind === 'ovs-port' && resource.name === name)?.resource
  const port = wanted ?? resources.get(`ovs-port ${name}`)?.resource
  return port?.kind === 'ovs-port' && ovsBridges?.get(port.bridge) === 'netdev'
}

function batch(
  phase: 'bind' | 'unbind',
  lines: readonly BatchLine[],
  argv: readonly [string, ...string[]] = IP_BATCH,
): readonly PhasedOperation[] {
  if (lines.length === 0) return []
  return [{ kind: 'batch', phase, argv, lines, owners: [...new Set(lines.map(({ owner }) => owner))] }]
}

function sysctlOperation({ verb, owner, resource }: Step): readonly PhasedOperation[] {
  if (resource.kind !== 'sysctl' || verb === 'remove') return []
  const { kind: _, ...setting } = resource
  return [{ kind: 'sysctl', phase: 'settings', owners: [owner], ...setting }]
}

function fileOperation({ verb, owner, resource }: Step): readonly PhasedOperation[] {
  if (resource.kind !== 'file') return []
  const { path, content, mode } = resource
  const common = { phase: 'files', owners: [owner], path } as const
  return [verb === 'remove' ? { ...common, kind: 'remove-file' } : { ...common, kind: 'write-file', content, mode }]
}

function stopOperation({ verb, owner, resource }: Step): readonly PhasedOperation[] {
  if (resource.kind !== 'daemon' || verb !== 'remove') return []
  return [{ kind: 'stop-daemon', phase: 'stop', owners: [owner], daemon: resource }]
}

function startOperation({ verb, owner, resource }: Step): readonly PhasedOperation[] {
  if (resource.kind !== 'daemon' || verb === 'remove') return []
  return [{ kind: 'start-daemon', phase: 'daemons', owners: [owner], daemon: resource, restart: verb === 'change' }]
}

/** Once for each daemon, however many of its files changed; one that starts now reads them anyway (B6). */
function reloadOperations(steps: readonly Step[], state: HostState): readonly PhasedOperation[] {
  const busy = new Set(steps.flatMap(({ resource }) => (resource.kind === 'daemon' ? [resource.name] : [])))
  const waiting = new Map<string, Set<string>>()
  for (const { verb, owner, resource } of steps) {
    if (resource.kind !== 'file' || !mustReload(verb, resource) || busy.has(resource.reloads ?? '')) continue
    const name = resource.reloads ?? ''
    waiting.set(name, (waiting.get(name) ?? new Set()).add(owner))
  }
  return [...waiting].flatMap(([name, owners]) => {
    const daemon = daemonNamed(name, state)
    return daemon ? [{ kind: 'reload-daemon', phase: 'daemons', owners: [...owners], daemon } as const] : []
  })
}

function mustReload(verb: Step['verb'], file: FileResource): boolean {
  return file.reloads !== undefined && !(verb === 'add' && file.addedIsSeen)
}

function daemonNamed(name: string, state: HostState): DaemonResource | null {
  for (const { resource } of state.resources.values()) {
    if (resource.kind === 'daemon' && resource.name === name) return resource
  }
  return null
}

/** Gratuitous ARP. Nobody waits for it: it takes a second for each packet (defects-linux-net F9). */
function announceOperation({ verb, owner, resource }: Step): readonly PhasedOperation[] {
  if (resource.kind !== 'address' || verb !== 'add' || !resource.announceCount) return []
  const [address = ''] = resource.cidr.split('/')
  if (address.includes(':')) return []
  const command: Command = {
    argv: ['arping', '-U', '-q', '-c', String(resource.announceCount), '-I', resource.device, address],
  }
  return [{ kind: 'command', phase: 'announce', owners: [owner], command, background: true }]
}
