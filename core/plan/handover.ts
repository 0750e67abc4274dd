/** What an operator's device carries goes to its bridge and back. Pure. */
import {
  type Carried,
  type HandoverResource,
  type HostResource,
  type HostState,
  type LinkResource,
  resourceKey,
  type Step,
} from '../contracts/resource.ts'
import type { OwnedResource } from './desired-state.ts'

const NOTHING: Carried = { addresses: [], routes: [] }

/** Null when the device carries nothing: the handover is done, or there never was anything to move. */
export function handoverStep(owner: string, wanted: HandoverResource, state: HostState): Step | null {
  const carried = state.carried?.get(wanted.device)
  if (!carried) return null
  const macAddress = macOf(wanted, state)
  return {
    verb: state.resources.has(resourceKey(wanted)) ? 'change' : 'add',
    owner,
    resource: { ...wanted, ...(macAddress === undefined ? {} : { macAddress }), carried },
  }
}

/** @param there what was handed over; what the bridge carries now goes back to the device */
export function returnStep(owner: string, there: HandoverResource, state: HostState): Step {
  return { verb: 'remove', owner, resource: { ...there, carried: state.carried?.get(there.bridge) ?? NOTHING } }
}

/** What is moved is what is there at that moment: a state that did not look at it, or did so a while ago, will not do. */
export function mustLookAgain(
  wanted: readonly OwnedResource[],
  state: HostState,
  unwanted: ReadonlyMap<string, string>,
): boolean {
  const isUnseen = ({ resource }: OwnedResource) =>
    resource.kind === 'handover' && state.carried?.has(resource.device) !== true
  const isReturned = (key: string) => state.resources.get(key)?.resource.kind === 'handover'
  return wanted.some(isUnseen) || [...unwanted.keys()].some(isReturned)
}

/**
 * A bridge that is made for a handover has the MAC address of the device: neighbours, leases and IPv6 autoconfiguration
 * go by it. One that runs keeps its own, which guests know. Source: nova linux_net.ensure_bridge.
 */
export function withMacOfDevice(
  wanted: readonly OwnedResource[],
  state: HostState,
): (resource: HostResource) => HostResource {
  const macs = new Map<string, string>()
  for (const { resource } of wanted) {
    if (resource.kind !== 'handover') continue
    const macAddress = macOf(resource, state)
    if (macAddress !== undefined) macs.set(resource.bridge, macAddress)
  }
  return (resource) => {
    const macAddress = resource.kind === 'link' && resource.type === 'bridge' ? macs.get(resource.name) : undefined
    return macAddress === undefined ? resource : { ...resource, macAddress }
  }
}

/** What the steps did to what devices carry. */
export function carriedAfter(state: HostState, steps: readonly Step[]): HostState['carried'] {
  if (!state.carried) return undefined
  const carried = new Map(state.carried)
  for (const { verb, resource } of steps) {
    if (resource.kind !== 'handover') continue
    if (verb === 'remove') carried.delete(resource.device)
    else carried.set(resource.device, null)
  }
  return carried
}

function macOf(wanted: HandoverResource, state: HostState): string | undefined {
  const done = state.resources.get(resourceKey(wanted))?.resource
  if (done?.kind === 'handover') return done.macAddress
  if (!state.carried?.get(wanted.device)) return undefined
  const { macAddress } = linkNamed(wanted.device, state) ?? {}
  const bridge = linkNamed(wanted.bridge, state)
  return bridge === null || bridge.macAddress === macAddress ? macAddress : undefined
}

function linkNamed(name: string, state: HostState): LinkResource | null {
  const resource = state.resources.get(`link ${name}`)?.resource
  return resource?.kind === 'link' ? resource : null
}
