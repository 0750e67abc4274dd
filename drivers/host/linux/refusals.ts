/** What netloom will not do to a host, said before anything is run. Pure. */
import {
  type HandoverResource,
  type HostResource,
  type HostState,
  type LinkResource,
  type OperationFailure,
  resourceKey,
  type Step,
} from 'netloom/contracts'
import { unsafeOvsText, whyNotOvs } from './ovs-changes.ts'
import { isAnother } from './render-links.ts'

/** The steps that must not be tried, with the reason. */
export function refusals(steps: readonly Step[], state: HostState): readonly OperationFailure[] {
  const removed = new Set(steps.filter(({ verb }) => verb === 'remove').map((step) => resourceKey(step.resource)))
  const moved = movedAddresses(steps)
  return steps.flatMap(({ verb, owner, resource }) => {
    const reason =
      unsafeWord(resource) ??
      obstacle(resource) ??
      (verb === 'remove' ? null : whyNot(resource, state, new Set([...removed, ...moved])))
    return reason === null ? [] : [{ owner, message: reason }]
  })
}

/** Keys of the addresses that leave their device in good order. */
function movedAddresses(steps: readonly Step[]): readonly string[] {
  return steps.flatMap(({ resource }) =>
    resource.kind !== 'handover'
      ? []
      : (resource.carried?.addresses ?? []).map(({ cidr }) =>
          resourceKey({ kind: 'address', device: resource.device, cidr }),
        ),
  )
}

function obstacle(resource: HostResource): string | null {
  if (resource.kind !== 'handover' || resource.carried?.obstacle === undefined) return null
  const { device, bridge, carried } = resource
  return `what ${device} or ${bridge} carries cannot be moved because of ${carried.obstacle}: take it away first, and add it to the other device afterwards`
}

/** A word with a blank or a line end would become another argument, or another line, of a batch. */
function unsafeWord(resource: HostResource): string | null {
  if (resource.kind === 'ovs-port' || resource.kind === 'ovs-flow') {
    const bad = unsafeOvsText(resource)
    return bad === null ? null : `${JSON.stringify(bad)} is nothing that an Open vSwitch is told`
  }
  const bad = wordsOf(resource).find((word) => word !== undefined && !/^[A-Za-z0-9_:][A-Za-z0-9_.:/@-]*$/.test(word))
  return bad === undefined ? null : `${JSON.stringify(bad)} is no name or address of a device`
}

/** What is said of it to a program that reads lines. */
function wordsOf(resource: HostResource): readonly (string | undefined)[] {
  switch (resource.kind) {
    case 'link': {
      const { name, macAddress, master, parent, peer } = resource
      return [name, macAddress, master, parent, ...Object.values(peer ?? {}).flat()]
    }
    case 'address':
      return [resource.device, resource.cidr, resource.broadcast]
    case 'port-vlan':
      return [resource.device]
    case 'handover':
      return handoverWords(resource)
    default:
      return []
  }
}

function handoverWords({ device, bridge, peer, carried }: HandoverResource): readonly (string | undefined)[] {
  const texts = [
    ...(carried?.addresses ?? []).flatMap(({ words, label = '' }) => [words, label]),
    ...(carried?.routes ?? []).flatMap(({ words, hops = [] }) => [
      words,
      ...hops.flatMap(({ before, after }) => [before, after]),
    ]),
  ]
  return [device, bridge, peer, ...texts.flatMap((text) => text.split(' ')).filter(Boolean)]
}

function whyNot(resource: HostResource, state: HostState, removed: ReadonlySet<string>): string | null {
  if (resource.kind === 'ovs-port' || resource.kind === 'ovs-flow') return whyNotOvs(resource, state)
  if (resource.kind !== 'link') return null
  const observed = state.resources.get(resourceKey(resource))
  const there = observed?.resource.kind === 'link' ? observed.resource : null
  if (resource.type === 'existing') return there && whyNotEnslave(resource, there, state, removed)
  if (there && isAnother(resource, there) && !observed?.ours) {
    const what = resource.vlanId === undefined ? '' : ` with id ${resource.vlanId} of ${resource.parent}`
    return `${resource.name} is there and is no ${resource.type}${what}: netloom did not make it and leaves it alone`
  }
  if (resource.vlanFiltering && there && !there.down && !observed?.ours && !there.vlanFiltering)
    return `${resource.name} is there without VLAN filtering, and netloom did not make it: turn it on with \`ip link set ${resource.name} type bridge vlan_filtering 1\``
  if (resource.type === 'veth' && !there && !resource.peer)
    return `veth ${resource.name} has no other end to be made with`
  return null
}

/** An operator's device that is in use for something else would lose it on becoming a port. */
function whyNotEnslave(
  wanted: LinkResource,
  there: LinkResource,
  state: HostState,
  removed: ReadonlySet<string>,
): string | null {
  if (wanted.master === undefined || wanted.master === there.master) return null
  const current = there.master === undefined ? undefined : state.resources.get(`link ${there.master}`)
  if (current && !current.ours) return `${wanted.name} is a port of ${there.master}: take it out of it first`
  const addresses = [...state.resources]
    .filter(
      ([key, { resource }]) => resource.kind === 'address' && resource.device === wanted.name && !removed.has(key),
    )
    .flatMap(([, { resource }]) => (resource.kind === 'address' && !isLinkLocal(resource.cidr) ? [resource.cidr] : []))
  return addresses.length === 0
    ? null
    : `${wanted.name} carries ${addresses.join(', ')}, which would not be reached on a port of ${wanted.master}: make ${wanted.master} yourself, with ${wanted.name} as its port and them on it, or move them to another device`
}

function isLinkLocal(cidr: string): boolean {
  return /^fe[89ab]/.test(cidr)
}
