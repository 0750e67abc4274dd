import {
  type Carried,
  type Command,
  CommandFailed,
  type HostDriver,
  type HostResource,
  type HostState,
  type ObservedResource,
  type Operation,
  type OperationFailure,
  resourceKey,
  type Step,
} from 'netloom/contracts'
import { NoopHost } from '../../../drivers/host/noop.ts'
import { silentLogger } from './logger.ts'

/** What the tool of an operation is: all operations of one tool break together. */
type Tool = string

interface Fault {
  /** How many operations are still to be run before the one that fails. */
  left: number
  readonly message: string
  readonly lasts: boolean
  readonly blind: boolean
  reached: boolean
  /** What is broken since. */
  tool: Tool | null
}

export interface FaultOptions {
  /** With it, until `repair`, fail all others of its tool: `ip` here or in one namespace, rules, files, one program. */
  readonly lasts?: boolean
  /** Nor can the host be looked at, once the operation has failed. */
  readonly blind?: boolean
  /** What the tool says. */
  readonly message?: string
}

/**
 * A host in memory that counts the processes that a real one would start, and whose operations fail on demand. It
 * outlives the service that uses it, as a machine does.
 */
export class SimulatedHost implements HostDriver {
  readonly #inner = new NoopHost(silentLogger)
  /** Namespaces that are not there: guests in them cannot be plugged in yet. */
  readonly missingNamespaces = new Set<string>()
  /** Devices of the operator's that are not there. */
  readonly missingDevices = new Set<string>()
  /** Programs that it lacks. */
  readonly missing = new Set<string>()
  /** Why its devices can have no IPv6; null: they can. */
  noIpv6: string | null = null
  #processes = 0
  #announcements = 0
  #runs = 0
  #looks = 0
  #fault: Fault | null = null

  /** Processes that would have been started, those apart that nobody waits for. */
  get processes(): number {
    return this.#processes
  }

  /** Processes in the background, which tell the neighbours of an address. */
  get announcements(): number {
    return this.#announcements
  }

  /** How often a set of changes was run. */
  get runs(): number {
    return this.#runs
  }

  /** How often the whole host was looked at. */
  get looks(): number {
    return this.#looks
  }

  /** Operations that were run well, in order. */
  get operationsRun(): readonly Operation[] {
    return this.#inner.operationsRun
  }

  /** Makes the n-th operation from now on fail. Operations in the background are not counted. */
  failAt(n: number, options: FaultOptions = {}): void {
    const { lasts = false, blind = false, message = `fault ${n}` } = options
    this.#fault = { left: n - 1, message, lasts, blind, reached: false, tool: null }
  }

  /** Ends what `failAt` began. @returns whether an operation failed */
  repair(): boolean {
    const reached = this.#fault?.reached ?? false
    this.#fault = null
    return reached
  }

  /** The operator gives a device addresses and routes. */
  carry(device: string, carried: Carried): void {
    this.#inner.carry(device, carried)
  }

  /** What a device carries that is the operator's. */
  carriedBy(device: string): Carried | null {
    return this.#inner.carriedBy(device)
  }

  missingPrograms(programs: Readonly<Record<string, string>>): readonly string[] {
    return Object.keys(programs).filter((program) => this.missing.has(program))
  }

  whyNoIpv6(): string | null {
    return this.noIpv6
  }

  async observe(wanted: readonly HostResource[]): Promise<HostState> {
    this.#processes += 1
    this.#looks += 1
    const { blind, reached, message } = this.#fault ?? {}
    if (blind && reached) throw new CommandFailed({ argv: ['ip', 'address'], code: 1, stderr: message ?? '' })
    const { resources, ...rest } = await this.#inner.observe(wanted)
    this.#processes += moreLooks([...wanted, ...[...resources.values()].map(({ resource }) => resource)])
    const isMissing = ({ resource, ours }: ObservedResource) =>
      !ours && resource.kind === 'link' && this.missingDevices.has(resource.name)
    return {
      ...rest,
      resources: new Map([...resources].filter(([, observed]) => !isMissing(observed))),
      namespaces: new Set([...rest.namespaces].filter((name) => !this.missingNamespaces.has(name))),
    }
  }

  async read(commands: readonly Command[]): Promise<readonly string[]> {
    this.#processes += commands.length
    return this.#inner.read(commands)
  }

  operations(steps: readonly Step[], state: HostState) {
    return this.#inner.operations(steps, state)
  }

  /** As the contract says: what an owner still waits for after its first failure is not run. */
  async run(operations: readonly Operation[], steps: readonly Step[]): Promise<readonly OperationFailure[]> {
    this.#runs += 1
    const failures = new Map<string, string>()
    for (const [index, operation] of operations.entries()) {
      const { owners } = operation
      if (owners.length > 0 && owners.every((owner) => failures.has(owner))) continue
      this.#count(operation)
      const message = isBackground(operation) ? null : this.#failure(operation)
      const done = stepsOf(operation, steps).map((step) => sofar(step, operations.slice(index + 1)))
      if (message === null) await this.#inner.run([operation], done)
      else for (const owner of owners) if (!failures.has(owner)) failures.set(owner, message)
    }
    return [...failures].map(([owner, message]) => ({ owner, message }))
  }

  /** Everything that is on the host, a line each, in an order that says nothing. */
  async look(): Promise<readonly string[]> {
    const { resources } = await this.#inner.observe([])
    const lines = [...resources.values()].map(
      ({ resource, ours }) => `${ours ? '' : 'not '}ours ${JSON.stringify(resource)}`,
    )
    const rules = (await this.rules()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return [...lines, ...rules].sort()
  }

  /** Keys of what is on the host: `link br100`, `address 10.0.0.1/24 br100`. */
  async keys(): Promise<readonly string[]> {
    return [...(await this.#inner.observe([])).resources.keys()].sort()
  }

  /** The resource of a key; null when it is not on the host. */
  async resource(key: string): Promise<HostResource | null> {
    return (await this.#inner.observe([])).resources.get(key)?.resource ?? null
  }

  /** What `iptables-save` would print. */
  async rules(program: 'iptables' | 'ip6tables' = 'iptables'): Promise<string> {
    return (await this.#inner.read([{ argv: [`${program}-save`, '-c'] }]))[0] ?? ''
  }

  /** Makes `iptables-save` print this, as if others had made these rules. */
  async putRules(text: string): Promise<void> {
    const reads: readonly Command[] = [{ argv: ['iptables-save', '-c'] }]
    await this.#inner.run([{ kind: 'ruleset', owners: [], commands: [], reads, after: [text] }], [])
  }

  #count(operation: Operation): void {
    if (isBackground(operation)) this.#announcements += 1
    else this.#processes += processesOf(operation)
  }

  #failure(operation: Operation): string | null {
    const fault = this.#fault
    if (fault === null) return null
    const tool = toolOf(operation)
    if (fault.tool !== null) return fault.tool === tool ? fault.message : null
    if (fault.reached || fault.left-- > 0) return null
    fault.reached = true
    if (fault.lasts) fault.tool = tool
    return fault.message
  }
}

/** Nobody waits for it, so its failure is nobody's. */
function isBackground(operation: Operation): boolean {
  return operation.kind === 'command' && operation.background === true
}

/** How many processes the Linux driver starts for an operation. */
export function processesOf(operation: Operation): number {
  if (operation.kind === 'ruleset') return operation.commands.length
  return ['batch', 'transaction', 'command', 'switch', 'start-daemon'].includes(operation.kind) ? 1 : 0
}

/** How many more it starts to look, where ports on VLANs or things of an Open vSwitch are wanted or were made. */
function moreLooks(resources: readonly HostResource[]): number {
  const flowsOn = new Set(resources.flatMap((resource) => (resource.kind === 'ovs-flow' ? [resource.bridge] : [])))
  const vlans = resources.some(({ kind }) => kind === 'port-vlan') ? 1 : 0
  return vlans + flowsOn.size + (resources.some(({ kind }) => kind === 'ovs-port' || kind === 'ovs-flow') ? 1 : 0)
}

function toolOf(operation: Operation): Tool {
  switch (operation.kind) {
    case 'batch':
      return operation.argv.slice(0, operation.argv.indexOf('-force')).join(' ')
    case 'transaction':
      return 'ip'
    case 'command':
      return operation.command.argv[0]
    case 'switch':
      return operation.argv[0]
    case 'start-daemon':
      return operation.daemon.argv[0]
    case 'write-file':
    case 'remove-file':
      return 'files'
    default:
      return operation.kind
  }
}

/** The steps that are made true by one operation of the Linux driver. */
function stepsOf(operation: Operation, steps: readonly Step[]): readonly Step[] {
  switch (operation.kind) {
    case 'batch':
    case 'transaction':
      return steps.filter((step) => isNamed(step, operation))
    case 'switch':
      return steps.filter(({ resource }) => operation.changes.some(({ key }) => key === resourceKey(resource)))
    case 'sysctl':
      return steps.filter(({ resource }) => resource.kind === 'sysctl' && resource.key === operation.key)
    case 'write-file':
    case 'remove-file':
      return steps.filter(({ resource }) => resource.kind === 'file' && resource.path === operation.path)
    case 'start-daemon':
    case 'stop-daemon':
      return steps.filter(({ resource }) => resourceKey(resource) === resourceKey(operation.daemon))
    default:
      return []
  }
}

function isNamed({ owner, resource }: Step, operation: Operation): boolean {
  if (operation.kind === 'transaction') {
    const isPort = resource.kind === 'link' && resource.type === 'existing'
    const device = resource.kind === 'handover' ? resource.device : isPort ? resource.name : null
    return device !== null && operation.lines.some((line) => line.split(' ').includes(device))
  }
  if (operation.kind !== 'batch') return false
  const says = (...words: readonly string[]) =>
    operation.lines.some((line) => line.owner === owner && words.every((word) => line.text.split(' ').includes(word)))
  if (operation.argv[0] === 'bridge')
    return resource.kind === 'port-vlan' && says(resource.device, String(resource.vlanId))
  if (resource.kind === 'link') return says(resource.name)
  return resource.kind === 'address' && says(resource.cidr)
}

/** A link that a later batch is about is there by now, but is no port yet. */
function sofar(step: Step, later: readonly Operation[]): Step {
  const { verb, resource } = step
  if (verb !== 'add' || resource.kind !== 'link' || !later.some((operation) => isNamed(step, operation))) return step
  const { master: _, hairpin: __, ...bare } = resource
  return { ...step, resource: bare }
}
