/**
 * Addresses and routes go from one device to another. Each is on the new device before it leaves the old one, so that at
 * no moment, whoever dies, one is on neither. Pure.
 */
import type {
  BatchLine,
  Carried,
  CarriedAddress,
  CarriedRoute,
  HandoverResource,
  HostState,
  PhasedOperation,
  Step,
} from 'netloom/contracts'

/** Ends at the first line that fails. */
const UNFORCED = ['ip', '-batch', '-'] as const
const FORCED = ['ip', '-force', '-batch', '-'] as const

/** Seconds that a peer has to answer. */
const PEER_SECONDS = 5

/** It is so already, or it never came to be. */
const HARMLESS = ['File exists', 'No such process', 'ddress not found', 'Cannot assign requested address']

const NOTHING: Carried = { addresses: [], routes: [] }

/** Devices whose step makes them a port and moves what they carry, in one. */
export function movedDevices(steps: readonly Step[]): ReadonlySet<string> {
  return new Set(
    steps.flatMap(({ verb, resource }) => (resource.kind === 'handover' && verb !== 'remove' ? [resource.device] : [])),
  )
}

/**
 * @param enslave by device, the lines that make it a port
 */
export function handoverOperations(
  steps: readonly Step[],
  state: HostState,
  enslave: ReadonlyMap<string, readonly BatchLine[]>,
): readonly PhasedOperation[] {
  return steps.flatMap(({ verb, owner, resource }) => {
    if (resource.kind !== 'handover') return []
    const lines = (enslave.get(resource.device) ?? []).map(({ text }) => text)
    return [verb === 'remove' ? giveBack(owner, resource, state) : takeOver(owner, resource, state, lines)]
  })
}

function takeOver(
  owner: string,
  handover: HandoverResource,
  state: HostState,
  enslave: readonly string[],
): PhasedOperation {
  const { device, bridge, peer, carried = NOTHING } = handover
  const release = masterOf(device, state) === undefined ? [`link set dev ${device} nomaster`] : []
  return {
    kind: 'transaction',
    phase: 'bind',
    owners: [owner],
    argv: UNFORCED,
    lines: [...enslave, ...moveLines(carried, device, bridge, state.carried?.get(bridge) ?? NOTHING)],
    undo: undoOf(owner, [...moveLines(carried, bridge, device), ...release]),
    ...(peer === undefined ? {} : { check: checkOf(peer, handover) }),
  }
}

/** Last, so that frames for what is moved find it at each moment. */
function giveBack(owner: string, handover: HandoverResource, state: HostState): PhasedOperation {
  const { device, bridge, carried = NOTHING } = handover
  const isPort = masterOf(device, state) === bridge
  return {
    kind: 'transaction',
    phase: 'unbind',
    owners: [owner],
    argv: UNFORCED,
    lines: [
      `link set dev ${device} up`,
      ...moveLines(carried, bridge, device, state.carried?.get(device) ?? NOTHING),
      ...(isPort ? [`link set dev ${device} nomaster`] : []),
    ],
    undo: undoOf(owner, [
      ...(isPort ? [`link set dev ${device} master ${bridge}`] : []),
      ...moveLines(carried, device, bridge),
    ]),
  }
}

/** @param there what the new device carries already */
function moveLines(carried: Carried, from: string, to: string, there: Carried = NOTHING): readonly string[] {
  const known = new Set(there.routes.map((route) => lasting(routeText(route, to))))
  return [
    ...carried.addresses.map((address) => `address replace ${addressText(address, to)}`),
    ...carried.routes.flatMap((route) => [
      ...(known.has(lasting(routeText(route, to))) ? [] : [`route append ${routeText(route, to)}`]),
      `route delete ${routeText(route, from)}`,
    ]),
    // The kernel takes the others of a subnet away with its first.
    ...carried.addresses.toReversed().map(({ words }) => `address delete ${subjectOf(words)} dev ${from}`),
  ]
}

function addressText({ words, label }: CarriedAddress, device: string): string {
  const name = `${device}${label ?? ''}`
  // The kernel has room for 15 characters.
  return `${words} dev ${device}${label !== undefined && name.length <= 15 ? ` label ${name}` : ''}`
}

/** The address, and where it has another end that. */
function subjectOf(words: string): string {
  return /^\S+( peer \S+)?/.exec(words)?.[0] ?? words
}

function routeText({ words, hops }: CarriedRoute, device: string): string {
  if (!hops) return `${words} dev ${device}`
  const texts = hops.map(({ before, after }) => ['nexthop', before, 'dev', device, after].filter(Boolean).join(' '))
  return [words, ...texts].join(' ')
}

/** Without the time that is left, which passes. */
function lasting(text: string): string {
  return text.replace(/ expires \d+/, '')
}

/** A line that fails says so, but keeps none of the others from being run. */
function undoOf(owner: string, lines: readonly string[]) {
  return { argv: FORCED, lines: lines.map((text): BatchLine => ({ owner, text, harmless: HARMLESS })) }
}

function checkOf(peer: string, { device, bridge }: HandoverResource) {
  return {
    command: { argv: ['ping', '-n', '-q', '-c', '1', '-w', String(PEER_SECONDS), peer] as const },
    text: `${peer} does not answer within ${PEER_SECONDS} seconds to what moves from ${device} to ${bridge}`,
  }
}

function masterOf(device: string, state: HostState): string | undefined {
  const resource = state.resources.get(`link ${device}`)?.resource
  return resource?.kind === 'link' ? resource.master : undefined
}
