/** Links and addresses -> lines for `ip -force -batch -`. Pure. */
import {
  type AddressResource,
  type BatchLine,
  type GuestEnd,
  type HostState,
  type LinkResource,
  parseCidr,
  resourceKey,
  type Step,
} from 'netloom/contracts'

/** Without a default a port is on no VLAN until it is told its own: no frame passes in between. */
const VLAN_FILTERING = 'vlan_filtering 1 vlan_default_pvid 0'

/** The line that brings a thing into being: when it fails, the thing is not of our making. Null: it is never made. */
export function creationText(resource: LinkResource | AddressResource): string | null {
  if (resource.kind === 'address') {
    const { cidr, broadcast, scope, device } = resource
    // Usable at once, and not dead for good when another host still had it at that moment: the facts say who has it.
    const nodad = cidr.includes(':') ? 'nodad' : ''
    return words('address add', cidr, given('broadcast', broadcast), given('scope', scope), `dev ${device}`, nodad)
  }
  const { name, peer, mtu, macAddress, master, parent, vlanId, vlanFiltering } = resource
  switch (resource.type) {
    case 'bridge':
      return words(`link add name ${name} type bridge forward_delay 0 stp_state 0`, vlanFiltering ? VLAN_FILTERING : '')
    case 'vlan':
      // All in one line: when somebody else has the name by now, nothing of theirs is changed (defects-linux-net E16).
      return words(
        `link add link ${parent} name ${name}`,
        given('address', macAddress),
        given('mtu', mtu),
        given('master', master),
        `up type vlan id ${vlanId}`,
      )
    case 'tap':
      return `tuntap add dev ${name} mode tap`
    case 'veth': {
      const size = given('mtu', mtu)
      const guest = peer ? words(`peer name ${peer.name} address ${peer.macAddress}`, size, `netns ${peer.netns}`) : ''
      return words(`link add name ${name}`, given('address', macAddress), size, 'type veth', guest)
    }
    case 'internal':
    case 'existing':
      return null
  }
}

/** The lines that make a link, and those that make it as wanted. */
export interface LinkLines {
  readonly remove: readonly BatchLine[]
  readonly create: readonly BatchLine[]
  readonly configure: readonly BatchLine[]
  /** To be run inside the guest's namespace. */
  readonly guest: readonly BatchLine[]
}

/** @param step adds or changes a link */
export function linkLines(step: Step, wanted: LinkResource, state: HostState): LinkLines {
  const observed = state.resources.get(resourceKey(wanted))
  const there = step.verb === 'change' && observed?.resource.kind === 'link' ? observed.resource : null
  const line = (text: string, ...harmless: readonly string[]): BatchLine => ({ owner: step.owner, text, harmless })
  if (there && isAnother(wanted, there)) {
    const made = linkLines({ ...step, verb: 'add' }, wanted, state)
    return { ...made, remove: [removeLine(step.owner, wanted)] }
  }

  const creation = there ? null : creationText(wanted)
  const ours = wanted.type !== 'existing' && (there === null || observed?.ours === true)
  const settable = (ours || wanted.type === 'internal') && !(creation !== null && wanted.type === 'veth')
  const mac = settable && wanted.macAddress !== there?.macAddress ? wanted.macAddress : undefined
  const mtu = settable && wanted.mtu !== there?.mtu ? wanted.mtu : undefined
  const master = wanted.master !== there?.master ? wanted.master : undefined
  const set = words(
    `link set dev ${wanted.name}`,
    given('address', mac),
    given('mtu', mtu),
    given('master', master),
    'up',
  )
  const filtering =
    there && ours && wanted.vlanFiltering && !there.vlanFiltering
      ? [line(`link set dev ${wanted.name} type bridge ${VLAN_FILTERING}`)]
      : []
  // A port that changed its bridge begins with hairpin off again.
  const portIs = master === undefined ? there?.hairpin : false
  const hairpin =
    wanted.hairpin === undefined || wanted.master === undefined || wanted.hairpin === portIs
      ? []
      : [line(`link set dev ${wanted.name} type bridge_slave hairpin ${wanted.hairpin ? 'on' : 'off'}`)]
  return {
    remove: [],
    create: creation === null ? [] : [line(creation, ...harmlessAtCreation(wanted))],
    configure: creation !== null && wanted.type === 'vlan' ? [] : [line(set), ...filtering, ...hairpin],
    guest: [
      ...guestLines(wanted, there?.master === undefined, mtu).map((text) =>
        creation === null ? line(text, 'Cannot find device') : line(text),
      ),
      ...settingLines(wanted.peer, there?.master === undefined ? undefined : there.peer).map((text) =>
        line(text, ...HARMLESS_AT_REMOVAL),
      ),
    ],
  }
}

/**
 * Another agent may make a bridge or a tap at the same moment (defects-linux-net C5); a veth's name is ours alone. A VLAN
 * of that name may be any: it is looked at before it is tried again.
 */
function harmlessAtCreation(link: LinkResource): readonly string[] {
  if (link.type === 'bridge') return ['File exists']
  return link.type === 'tap' ? ['Device or resource busy'] : []
}

/**
 * The kernel refuses `up` for the peer in the line that makes the pair.
 * @param begun the host's end is no port yet: whoever made the pair may not have come this far
 */
function guestLines({ peer }: LinkResource, begun: boolean, mtu: number | undefined): readonly string[] {
  if (!peer || (!begun && mtu === undefined)) return []
  return [words(`link set dev ${peer.name}`, given('mtu', mtu), begun ? 'up' : '')]
}

/**
 * What the guest gets without DHCP. A route goes with the address that it was reached by, so it is set last, and again
 * with each change.
 * @param there undefined: nobody knows, or whoever made the pair may not have come this far
 */
function settingLines(peer: GuestEnd | undefined, there: GuestEnd | undefined): readonly string[] {
  const { name, addresses = [], gateway } = peer ?? {}
  const before = there?.addresses ?? []
  const same = JSON.stringify([addresses, gateway]) === JSON.stringify([before, there?.gateway])
  if (name === undefined || same) return []
  const gone = before.filter((cidr) => !addresses.includes(cidr))
  return [
    ...gone.map((cidr) => `address delete ${cidr} dev ${name}`),
    ...addresses.map((cidr) => `address replace ${cidr} dev ${name}`),
    ...(gateway === undefined ? [] : [`route replace default via ${gateway} dev ${name}`]),
  ]
}

/** True when no change of attributes makes one into the other. */
export function isAnother(wanted: LinkResource, there: LinkResource): boolean {
  if (wanted.type === 'existing' || wanted.type === 'internal') return false
  if (wanted.type !== there.type) return true
  if (wanted.parent !== there.parent || wanted.vlanId !== there.vlanId) return true
  const [a, b] = [wanted.peer, there.peer]
  return a !== undefined && b !== undefined && (a.netns !== b.netns || a.name !== b.name)
}

/** It is gone already. */
const HARMLESS_AT_REMOVAL = ['ddress not found', 'Cannot assign requested address', 'Cannot find device']

/** The line that takes a link or an address away. */
export function removeLine(owner: string, resource: LinkResource | AddressResource): BatchLine {
  return resource.kind === 'link'
    ? { owner, text: `link delete dev ${resource.name}`, harmless: ['Cannot find device'] }
    : {
        owner,
        text: `address delete ${resource.cidr} dev ${resource.device}`,
        harmless: HARMLESS_AT_REMOVAL,
      }
}

export function addressLine(owner: string, address: AddressResource): BatchLine {
  return { owner, text: creationText(address) ?? '', harmless: ['ddress already assigned', 'File exists'] }
}

/**
 * With the first IPv4 address of a subnet the kernel takes the others of that subnet away (defects-linux-net C12): the
 * lines that put back those that stay.
 */
export function restoreLines(removals: readonly Step[], state: HostState): readonly BatchLine[] {
  const removed = new Set(removals.map((step) => resourceKey(step.resource)))
  const lines = new Map<string, BatchLine>()
  for (const { owner, resource } of removals) {
    if (resource.kind !== 'address' || /:|\/32$/.test(resource.cidr) || removed.has(`link ${resource.device}`)) continue
    for (const [key, { resource: other }] of state.resources) {
      if (other.kind === 'address' && !removed.has(key) && shareSubnet(resource, other)) {
        lines.set(key, addressLine(owner, other))
      }
    }
  }
  return [...lines.values()]
}

function shareSubnet(a: AddressResource, b: AddressResource): boolean {
  return a.device === b.device && parseCidr(a.cidr).text === parseCidr(b.cidr).text
}

function given(word: string, value: string | number | undefined): string {
  return value === undefined ? '' : `${word} ${value}`
}

function words(...parts: readonly string[]): string {
  return parts.filter(Boolean).join(' ')
}
