/** Ports and flows of an Open vSwitch -> one transaction, and one list of flows for each bridge. Pure. */
import {
  type HostResource,
  type HostState,
  type OvsFlowResource,
  type OvsPortResource,
  type PhasedOperation,
  resourceKey,
  type Step,
} from 'netloom/contracts'
import { COOKIE } from './ovs-look.ts'

/** Longer transactions would not fit into the arguments of a process. */
const PORTS_AT_ONCE = 1_000

/** After its own limit a program gets this long to end by itself. */
const GRACE_MS = 5_000

type StepOf<R extends HostResource> = Step & { readonly resource: R }

const NO_LIMIT_SECONDS = 600

/** @param limit how many seconds the switch may take; 0 is ten minutes */
export function ovsOperations(steps: readonly Step[], state: HostState, limit: number): readonly PhasedOperation[] {
  const timeoutSeconds = limit === 0 ? NO_LIMIT_SECONDS : limit
  const ports = steps.filter((step): step is StepOf<OvsPortResource> => step.resource.kind === 'ovs-port')
  const flows = steps.filter((step): step is StepOf<OvsFlowResource> => step.resource.kind === 'ovs-flow')
  const limits = { timeoutMs: timeoutSeconds * 1000 + GRACE_MS, phase: 'bind', kind: 'switch' } as const
  const ordered = [...ports.filter(({ verb }) => verb === 'remove'), ...ports.filter(({ verb }) => verb !== 'remove')]
  const chunks = Array.from({ length: Math.ceil(ports.length / PORTS_AT_ONCE) }, (_, i) =>
    ordered.slice(i * PORTS_AT_ONCE, (i + 1) * PORTS_AT_ONCE),
  )
  return [
    ...chunks.map((chunk) => ({
      ...limits,
      owners: ownersOf(chunk),
      command: {
        argv: ['ovs-vsctl', `--timeout=${timeoutSeconds}`, ...chunk.flatMap((s) => portWords(s, state))] as const,
      },
      creates: chunk.filter(({ verb }) => verb === 'add').map(({ resource }) => resourceKey(resource)),
    })),
    ...[...new Set(flows.map(({ resource }) => resource.bridge))].map((bridge) => {
      const own = flows.filter(({ resource }) => resource.bridge === bridge)
      return {
        ...limits,
        owners: ownersOf(own),
        command: {
          argv: ['ovs-ofctl', `--timeout=${timeoutSeconds}`, 'add-flows', bridge, '-'] as const,
          input: own.map((step) => `${flowLine(step)}\n`).join(''),
        },
        creates: [],
      }
    }),
  ]
}

function ownersOf(steps: readonly Step[]): readonly string[] {
  return [...new Set(steps.map(({ owner }) => owner))]
}

/** The words of one port in a transaction, from `--` on. Source: ovs-vsctl(8); nova linux_net.LinuxOVSInterfaceDriver.plug */
function portWords({ verb, resource }: StepOf<OvsPortResource>, state: HostState): readonly string[] {
  const { name, bridge, internal, tag, mtu, externalIds } = resource
  const removal = ['--', '--if-exists', 'del-port', name]
  if (verb === 'remove') return removal
  const observed = state.resources.get(resourceKey(resource))?.resource
  const there = verb === 'change' && observed?.kind === 'ovs-port' ? observed : null
  const stays = there?.bridge === bridge && (there.internal ?? false) === (internal ?? false)
  return [
    ...(there && !stays ? removal : []),
    ...(stays ? [] : ['--', 'add-port', bridge, name]),
    ...(tag === undefined ? ['--', 'clear', 'Port', name, 'tag'] : ['--', 'set', 'Port', name, `tag=${tag}`]),
    ...['--', 'set', 'Interface', name],
    ...(internal ? ['type=internal'] : []),
    ...(mtu === undefined ? [] : [`mtu_request=${mtu}`]),
    ...Object.entries(externalIds).map(([key, value]) => `external_ids:${key}=${quoted(value)}`),
  ]
}

/** A string of OVSDB is one of JSON: in quotes nothing of it is syntax. Source: RFC 7047, section 3.1; ovs-vsctl(8). */
export function quoted(value: string): string {
  return JSON.stringify(value)
}

function flowLine({ verb, resource }: StepOf<OvsFlowResource>): string {
  const { priority, match, actions } = resource
  const what = [`priority=${priority}`, ...match].join(',')
  return verb === 'remove'
    ? `delete_strict cookie=${COOKIE}/-1,${what}`
    : `add cookie=${COOKIE},${what},actions=${actions}`
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/
const FIELD = /^[a-z][a-z0-9_]*(=[A-Za-z0-9_.:/]+)?$/
const VALUE = /^[\x20-\x7e]*$/

/** What is no name, no key or no value of the kind that a switch's database takes as it is; null when all is. */
export function unsafeOvsText(resource: OvsPortResource | OvsFlowResource): string | null {
  const { bridge } = resource
  const not = (what: RegExp, words: readonly string[]) => words.find((word) => !what.test(word)) ?? null
  if (resource.kind === 'ovs-flow') return not(NAME, [bridge]) ?? not(FIELD, resource.match)
  const { name, externalIds } = resource
  return not(NAME, [name, bridge, ...Object.keys(externalIds)]) ?? not(VALUE, Object.values(externalIds))
}

/** Why a port or flow must not be tried; null when it may. */
export function whyNotOvs(
  resource: OvsPortResource | OvsFlowResource,
  { resources, ovsBridges }: HostState,
): string | null {
  const { bridge } = resource
  if (ovsBridges === null) return 'Open vSwitch does not answer: see whether ovsdb-server runs on this host'
  if (ovsBridges && !ovsBridges.has(bridge)) {
    return `the Open vSwitch bridge ${bridge} is not there, and netloom makes none: make it (\`ovs-vsctl add-br ${bridge}\`) with a port that leads to the other hosts, or name yours in linuxnet_ovs_integration_bridge`
  }
  const observed = resources.get(resourceKey(resource))
  if (resource.kind !== 'ovs-port' || observed?.resource.kind !== 'ovs-port' || observed.ours) return null
  return `port ${resource.name} of ${observed.resource.bridge} is there and is another: netloom did not make it and leaves it alone (\`ovs-vsctl del-port ${resource.name}\` takes it away)`
}
