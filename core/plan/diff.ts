/** Wanted and observed -> steps. Pure. */
import {
  type GuestEnd,
  type HostResource,
  type HostState,
  type LinkResource,
  type ObservedResource,
  type OvsPortResource,
  resourceKey,
  type Step,
} from '../contracts/resource.ts'
import type { OwnedResource } from './desired-state.ts'
import { carriedAfter, handoverStep, mustLookAgain, returnStep, withMacOfDevice } from './handover.ts'

/** A resource that cannot be made yet, and what it waits for. */
export interface Waiting {
  readonly owner: string
  readonly text: string
}

export interface Difference {
  readonly steps: readonly Step[]
  readonly waiting: readonly Waiting[]
  /** The steps are right only for a state that was looked at just now. */
  readonly lookAgain: boolean
}

/**
 * @param wanted what to look at; a resource that is as wanted gives no step
 * @param unwanted what nobody wants any more, by key, with the owner that did: taken away when it is ours
 */
export function diffResources(
  wanted: readonly OwnedResource[],
  state: HostState,
  unwanted: ReadonlyMap<string, string> = new Map(),
): Difference {
  const steps: Step[] = []
  const waiting: Waiting[] = []
  const withMac = withMacOfDevice(wanted, state)
  const joining = joiningPorts(wanted, state)
  for (const { owner, resource: asked } of wanted) {
    if (asked.kind === 'handover') {
      const step = handoverStep(owner, asked, state)
      if (step !== null) steps.push(step)
      continue
    }
    const resource = withMac(asked)
    const observed = state.resources.get(resourceKey(resource))
    const isLost = resource.kind === 'port-vlan' && joining.has(resource.device)
    if (observed && !isLost && satisfies(resource, observed)) continue
    const missing =
      missingNamespace(resource, observed, state) ??
      missingBridge(resource, wanted, state) ??
      unseenSwitch(resource, state)
    if (missing !== null) waiting.push({ owner, text: `${describeResource(resource)} waits for ${missing}` })
    else if (observed) steps.push({ verb: 'change', owner, resource })
    else if (!state.lacking?.has(resourceKey(resource))) steps.push({ verb: 'add', owner, resource })
  }
  for (const [key, owner] of unwanted) {
    const observed = state.resources.get(key)
    if (observed?.ours && isRemovable(observed.resource)) {
      const { resource } = observed
      steps.push(
        resource.kind === 'handover' ? returnStep(owner, resource, state) : { verb: 'remove', owner, resource },
      )
    }
  }
  return { steps: withoutPortless(steps, state), waiting, lookAgain: mustLookAgain(wanted, state, unwanted) }
}

/** The state after the steps were run. */
export function applySteps(state: HostState, steps: readonly Step[]): HostState {
  const resources = new Map(state.resources)
  for (const { verb, resource } of steps) {
    const key = resourceKey(resource)
    if (verb === 'remove') {
      resources.delete(key)
      if (resource.kind === 'ovs-port' && resource.internal) resources.delete(`link ${resource.name}`)
    } else
      resources.set(key, { resource, ours: verb === 'add' ? madeByUs(resource) : (resources.get(key)?.ours ?? true) })
  }
  const carried = carriedAfter(state, steps)
  return carried ? { ...state, resources, carried } : { ...state, resources }
}

/** A port that waits for something is on no VLAN yet. */
function withoutPortless(steps: readonly Step[], { resources }: HostState): readonly Step[] {
  const made = new Set(steps.flatMap(({ resource }) => (resource.kind === 'link' ? [resource.name] : [])))
  return steps.filter(
    ({ verb, resource }) =>
      verb === 'remove' ||
      resource.kind !== 'port-vlan' ||
      made.has(resource.device) ||
      resources.has(`link ${resource.device}`),
  )
}

/** Devices that become ports of a bridge: what VLANs they were on before counts no more. */
function joiningPorts(wanted: readonly OwnedResource[], state: HostState): ReadonlySet<string> {
  return new Set(
    wanted.flatMap(({ resource }) => {
      if (resource.kind !== 'link' || resource.master === undefined) return []
      const there = state.resources.get(resourceKey(resource))?.resource
      return there?.kind === 'link' && there.master === resource.master ? [] : [resource.name]
    }),
  )
}

function isRemovable(resource: HostResource): boolean {
  return resource.kind !== 'sysctl' && !(resource.kind === 'link' && resource.keep)
}

function madeByUs(resource: HostResource): boolean {
  return resource.kind !== 'link' || !isOthers(resource)
}

/** Made by somebody else: the operator, or the switch. */
function isOthers({ type }: LinkResource): boolean {
  return type === 'existing' || type === 'internal'
}

function missingNamespace(
  resource: HostResource,
  observed: ObservedResource | undefined,
  state: HostState,
): string | null {
  if (resource.kind !== 'link' || resource.peer === undefined || observed) return null
  return state.namespaces.has(resource.peer.netns) ? null : `namespace ${resource.peer.netns}`
}

/** The operator's bridge of a guest's port: one that netloom makes is wanted together with it. */
function missingBridge(resource: HostResource, wanted: readonly OwnedResource[], state: HostState): string | null {
  if (resource.kind !== 'link' || resource.master === undefined || resource.type === 'existing') return null
  const { master } = resource
  const isThere =
    state.resources.has(`link ${master}`) || wanted.some((other) => resourceKey(other.resource) === `link ${master}`)
  return isThere ? null : `bridge ${master}`
}

/** Something of an Open vSwitch is wanted for the first time: the host has to be looked at again. */
function unseenSwitch({ kind }: HostResource, { ovsBridges }: HostState): string | null {
  return (kind === 'ovs-port' || kind === 'ovs-flow') && ovsBridges === undefined ? 'a look at Open vSwitch' : null
}

function satisfies(wanted: HostResource, { resource: there, ours }: ObservedResource): boolean {
  if (wanted.kind === 'link' && there.kind === 'link') return satisfiesLink(wanted, there, ours)
  if (wanted.kind === 'sysctl' && there.kind === 'sysctl') return wanted.value === there.value
  if (wanted.kind === 'file' && there.kind === 'file') {
    if (wanted.keepsOthers && !ours) return true
    return wanted.content === there.content && wanted.mode === there.mode
  }
  if (wanted.kind === 'daemon' && there.kind === 'daemon') {
    const sameWords = wanted.argv.length === there.argv.length && wanted.argv.every((word, i) => word === there.argv[i])
    return sameWords && Object.entries(wanted.environment).every(([name, value]) => there.environment[name] === value)
  }
  if (wanted.kind === 'port-vlan' && there.kind === 'port-vlan')
    return (wanted.untagged ?? false) === (there.untagged ?? false)
  if (wanted.kind === 'ovs-port' && there.kind === 'ovs-port') return satisfiesPort(wanted, there)
  if (wanted.kind === 'ovs-flow' && there.kind === 'ovs-flow') return wanted.actions === there.actions
  return wanted.kind === 'address' && there.kind === 'address'
}

function satisfiesPort(wanted: OvsPortResource, there: OvsPortResource): boolean {
  const { bridge, tag, internal = false, mtu = there.mtu, externalIds } = wanted
  return (
    bridge === there.bridge &&
    tag === there.tag &&
    internal === (there.internal ?? false) &&
    mtu === there.mtu &&
    Object.entries(externalIds).every(([name, value]) => there.externalIds[name] === value)
  )
}

/** An operator's own device keeps its type, MAC and MTU; only that it is up, and what makes it a port, is ours to say. */
function satisfiesLink(wanted: LinkResource, there: LinkResource, ours: boolean): boolean {
  const same = (
    ...keys: readonly ('macAddress' | 'mtu' | 'master' | 'hairpin' | 'parent' | 'vlanId' | 'vlanFiltering')[]
  ) => keys.every((key) => wanted[key] === undefined || wanted[key] === there[key])
  if (there.down || (!isOthers(wanted) && wanted.type !== there.type)) return false
  if (!same('master', 'hairpin', 'parent', 'vlanId', 'vlanFiltering')) return false
  if (wanted.peer && there.peer && !satisfiesEnd(wanted.peer, there.peer)) return false
  if (wanted.type === 'internal') return same('mtu', 'macAddress')
  if (wanted.type === 'existing' || !ours) return true
  return same('mtu') && (!['bridge', 'vlan'].includes(wanted.type) || same('macAddress'))
}

function satisfiesEnd(wanted: GuestEnd, there: GuestEnd): boolean {
  const settings = ({ name, netns, addresses = [], gateway }: GuestEnd) =>
    JSON.stringify([name, netns, addresses, gateway])
  return settings(wanted) === settings(there)
}

/** One line for people. */
export function describeResource(resource: HostResource): string {
  switch (resource.kind) {
    case 'link': {
      const parts = [isOthers(resource) ? `device ${resource.name}` : `${resource.type} ${resource.name}`]
      if (resource.vlanId !== undefined) parts.push(`with id ${resource.vlanId} of ${resource.parent}`)
      if (resource.peer) parts.push(`to ${resource.peer.name} in ${resource.peer.netns}`)
      if (resource.peer?.addresses) parts.push(`with ${resource.peer.addresses.join(', ')}`)
      if (resource.master) parts.push(`on ${resource.master}`)
      return parts.join(' ')
    }
    case 'address':
      return `address ${resource.cidr} on ${resource.device}`
    case 'sysctl':
      return `sysctl ${resource.key} = ${resource.value}`
    case 'file':
      return `file ${resource.path}`
    case 'daemon':
      return `daemon ${resource.name}`
    case 'port-vlan':
      return `VLAN ${resource.vlanId} on ${resource.device}${resource.untagged ? ', untagged' : ''}`
    case 'ovs-port':
      return `port ${resource.name} of ${resource.bridge}${resource.tag === undefined ? '' : ` with tag ${resource.tag}`}`
    case 'ovs-flow': {
      const { bridge, priority, match, actions } = resource
      return `flow ${match.join(',')} with priority ${priority} on ${bridge}: ${actions}`
    }
    case 'handover': {
      const { addresses = [], routes = [] } = resource.carried ?? {}
      const parts = [
        ...(addresses.length > 0 ? [`addresses ${addresses.map(({ cidr }) => cidr).join(', ')}`] : []),
        ...(routes.length > 0 ? [`routes ${routes.map(({ destination }) => destination).join(', ')}`] : []),
      ]
      return `${parts.join(' and ') || 'nothing'} of ${resource.device} on ${resource.bridge}`
    }
  }
}
