/** Ports and flows of an Open vSwitch -> one transaction, and one list of flows for each bridge. Pure. */
import {
  type Command,
  type HostResource,
  type HostState,
  type OvsFlowResource,
  type OvsPortResource,
  type PhasedOperation,
  resourceKey,
  type Step,
  type SwitchChange,
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
  const changes = [...ports.filter(({ verb }) => verb === 'remove'), ...ports.filter(({ verb }) => verb !== 'remove')]
  const operation = (argv: readonly [string, ...string[]], of: readonly SwitchChange[]): PhasedOperation => ({
    kind: 'switch',
    phase: 'bind',
    owners: [...new Set(of.map(({ owner }) => owner))],
    argv,
    changes: of,
    timeoutMs: timeoutSeconds * 1000 + GRACE_MS,
  })
  const portChanges = changes.map((step) => portChange(step, state))
  const chunks = Array.from({ length: Math.ceil(ports.length / PORTS_AT_ONCE) }, (_, i) =>
    portChanges.slice(i * PORTS_AT_ONCE, (i + 1) * PORTS_AT_ONCE),
  )
  const limited = `--timeout=${timeoutSeconds}`
  return [
    ...chunks.map((chunk) => operation(['ovs-vsctl', limited], chunk)),
    ...[...new Set(flows.map(({ resource }) => resource.bridge))].map((bridge) =>
      operation(
        ['ovs-ofctl', limited, 'add-flows', bridge, '-'],
        flows.filter(({ resource }) => resource.bridge === bridge).map(flowChange),
      ),
    ),
  ]
}

/** The command for these changes of an operation. */
export function switchCommand(argv: readonly [string, ...string[]], changes: readonly SwitchChange[]): Command {
  const input = changes.flatMap(({ line }) => (line === undefined ? [] : [`${line}\n`])).join('')
  return { argv: [...argv, ...changes.flatMap(({ words }) => words)], ...(input === '' ? {} : { input }) }
}

function portChange(step: StepOf<OvsPortResource>, state: HostState): SwitchChange {
  const { owner, verb, resource } = step
  return { owner, key: resourceKey(resource), words: portWords(step, state), creates: verb === 'add' }
}

/** The words of one port in a transaction, from `--` on. Source: ovs-vsctl(8); nova linux_net.LinuxOVSInterfaceDriver.plug */
function portWords({ verb, resource }: StepOf<OvsPortResource>, state: HostState): readonly string[] {
  const { name, bridge, internal, tag, mtu, externalIds } = resource
  const removal = ['--', '--if-exists', 'del-port', name]
  if (verb === 'remove') return removal
  const observed = state.resources.get(resourceKey(resource))?.resource
  const there = verb === 'change' && observed?.kind === 'ovs-port' ? observed : null
  const stays = there?.bridge === bridge && (there.internal ?? false) === (internal ?? false)
  const columns = [
    ...(internal ? ['type=internal'] : []),
    ...(mtu === undefined ? [] : [`mtu_request=${mtu}`]),
    ...Object.entries(externalIds).map(([key, value]) => `external_ids:${key}=${quoted(value)}`),
  ]
  return [
    ...(there && !stays ? removal : []),
    ...(stays ? [] : ['--', 'add-port', bridge, name]),
    ...(tag === undefined ? ['--', 'clear', 'Port', name, 'tag'] : ['--', 'set', 'Port', name, `tag=${tag}`]),
    ...(columns.length === 0 ? [] : ['--', 'set', 'Interface', name, ...columns]),
  ]
}

/** A string of OVSDB is one of JSON: in quotes nothing of it is syntax. Source: RFC 7047, section 3.1; ovs-vsctl(8). */
export function quoted(value: string): string {
  return JSON.stringify(value)
}

function flowChange({ owner, verb, resource }: StepOf<OvsFlowResource>): SwitchChange {
  const { priority, match, actions } = resource
  const what = [`priority=${priority}`, ...match].join(',')
  const line =
    verb === 'remove' ? `delete_strict cookie=${COOKIE}/-1,${what}` : `add cookie=${COOKIE},${what},actions=${actions}`
  return { owner, key: resourceKey(resource), words: [], line, creates: false }
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
