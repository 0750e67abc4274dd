/** `host_driver=noop`: a host in memory. It starts no process and touches no file. */
import {
  type Carried,
  type Command,
  definePlugin,
  type HandoverResource,
  type HostDriver,
  type HostResource,
  type HostState,
  hostDriverSlot,
  type Logger,
  type ObservedResource,
  type Operation,
  type OperationFailure,
  option,
  resourceKey,
  type Step,
} from 'netloom/contracts'
import { describeOperation } from './describe-operation.ts'
import { hostOperations } from './linux/operations.ts'

/** Holds what it was told to make, and what would have been run for it. */
export class NoopHost implements HostDriver {
  readonly #logger: Logger
  readonly #resources = new Map<string, ObservedResource>()
  /** The output of a command that reads rules, by its words. */
  readonly #outputs = new Map<string, string>()
  readonly #operations: Operation[] = []
  /** By device, what is the operator's. */
  readonly #carried = new Map<string, Carried>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** All that were run, in order. */
  get operationsRun(): readonly Operation[] {
    return this.#operations
  }

  missingPrograms(): readonly string[] {
    return []
  }

  /** Every namespace that a wanted guest is in is there, and every bridge of the operator's that a port is wanted on. */
  observe(wanted: readonly HostResource[]): Promise<HostState> {
    const namespaces = wanted.flatMap((resource) =>
      resource.kind === 'link' && resource.peer ? [resource.peer.netns] : [],
    )
    const links = wanted.flatMap((resource) => (resource.kind === 'link' ? [resource] : []))
    const bridges = links.flatMap(({ master: name }): [string, ObservedResource][] =>
      name === undefined || links.some((link) => link.name === name)
        ? []
        : [[`link ${name}`, { resource: { kind: 'link', name, type: 'bridge' }, ours: false }]],
    )
    const ovsBridges = wanted.flatMap((resource) =>
      resource.kind === 'ovs-port' || resource.kind === 'ovs-flow' ? [[resource.bridge, 'system'] as const] : [],
    )
    const handovers = [...wanted, ...[...this.#resources.values()].map(({ resource }) => resource)].flatMap(
      (resource) => (resource.kind === 'handover' ? [resource.device, resource.bridge] : []),
    )
    const ofModules = wanted.filter((resource) => resource.kind === 'sysctl' && resource.module !== undefined)
    return Promise.resolve({
      resources: new Map([...bridges, ...this.#resources]),
      lacking: new Set(ofModules.map(resourceKey)),
      namespaces: new Set(namespaces),
      ...(ovsBridges.length === 0 ? {} : { ovsBridges: new Map(ovsBridges) }),
      carried: new Map(handovers.map((device) => [device, this.#carried.get(device) ?? null])),
    })
  }

  /** The operator gives a device addresses and routes. */
  carry(device: string, carried: Carried): void {
    this.#carried.set(device, carried)
  }

  /** What a device carries that is the operator's. */
  carriedBy(device: string): Carried | null {
    return this.#carried.get(device) ?? null
  }

  read(commands: readonly Command[]): Promise<readonly string[]> {
    return Promise.resolve(commands.map(({ argv }) => this.#outputs.get(argv.join('\0')) ?? ''))
  }

  operations(steps: readonly Step[], state: HostState) {
    return hostOperations(steps, state)
  }

  run(operations: readonly Operation[], steps: readonly Step[]): Promise<readonly OperationFailure[]> {
    for (const operation of operations) {
      this.#operations.push(operation)
      for (const line of describeOperation(operation)) this.#logger.debug('not run', { line, owners: operation.owners })
      if (operation.kind === 'ruleset') this.#rememberRules(operation.reads, operation.after)
    }
    for (const { verb, resource } of steps) this.#apply(verb, resource)
    return Promise.resolve([])
  }

  #rememberRules(reads: readonly Command[], after: readonly string[]): void {
    for (const [i, { argv }] of reads.entries()) this.#outputs.set(argv.join('\0'), after[i] ?? '')
  }

  #move(verb: Step['verb'], { device, bridge, carried }: HandoverResource): void {
    const [from, to] = verb === 'remove' ? [bridge, device] : [device, bridge]
    this.#carried.delete(from)
    if (carried && carried.addresses.length > 0) this.#carried.set(to, carried)
  }

  /** With a port its VLANs go, and with a bridge those of its ports. */
  #forgetVlans(link: string): void {
    for (const [key, { resource }] of this.#resources) {
      if (resource.kind !== 'port-vlan') continue
      const port = this.#resources.get(`link ${resource.device}`)?.resource
      if (resource.device === link || (port?.kind === 'link' && port.master === link)) this.#resources.delete(key)
    }
  }

  #apply(verb: Step['verb'], resource: HostResource): void {
    const key = resourceKey(resource)
    const ours = !(resource.kind === 'link' && (resource.keep || ['existing', 'internal'].includes(resource.type)))
    if (resource.kind === 'handover') this.#move(verb, resource)
    if (verb === 'remove') {
      this.#resources.delete(key)
      if (resource.kind === 'ovs-port' && resource.internal) this.#resources.delete(`link ${resource.name}`)
      if (resource.kind === 'link') this.#forgetVlans(resource.name)
    } else this.#resources.set(key, { resource, ours })
  }
}

export default definePlugin({
  name: 'noop',
  summary: 'Only remembers what it would do: for trying things out without root',
  provides: hostDriverSlot,
  contract: '1.0',
  options: {
    fake_network: option.boolean({
      default: false,
      help: 'As nova had it: true is host_driver = noop, where host_driver is not set',
    }),
  },
  create({ flags, logger }) {
    if (flags.fake_network) logger.warn('nothing is changed on this host, because fake_network is set', {})
    return new NoopHost(logger)
  },
})
