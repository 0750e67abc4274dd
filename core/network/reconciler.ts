/**
 * Brings one host in line with the store: facts -> plan -> diff -> operations -> run. One apply runs and the requests
 * that come meanwhile wait together, so a burst of changes costs at most two applies; each caller's promise settles
 * when an apply that began after its request has ended.
 */
import type { FirewallDriver, HostDriver, OperationFailure, PhasedOperation } from '../contracts/host.ts'
import type { HostFacts, HostView } from '../contracts/host-facts.ts'
import type { PlanEntry, PlanReport, ReconcileReport } from '../contracts/network-operations.ts'
import type { Command, Logger } from '../contracts/ports.ts'
import type { HostState, PacketIntent, Step } from '../contracts/resource.ts'
import { HostChangeFailed } from '../errors/service.ts'
import { DesiredState, type OwnedResource } from '../plan/desired-state.ts'
import { applySteps, type Difference, describeResource, diffResources } from '../plan/diff.ts'
import { orderOperations } from '../plan/order.ts'
import { type PlannerPlugins, planHost } from './host-planner.ts'
import { type ReconcileScope, widest } from './reconcile-scope.ts'

export interface ReconcilerServices extends PlannerPlugins {
  readonly host: string
  /** The lease of an address that was let go is ended, not waited for. */
  readonly endsLeases: boolean
  readonly hostDriver: HostDriver
  readonly firewall: FirewallDriver
  readonly logger: Logger
}

interface Request {
  readonly scope: ReconcileScope
  readonly after: readonly Command[]
  resolve(report: ReconcileReport): void
  reject(error: unknown): void
}

interface Applied {
  readonly difference: Difference
  readonly firewallLines: readonly string[]
  readonly failures: readonly OperationFailure[]
}

export class HostReconciler {
  readonly #services: ReconcilerServices
  readonly #facts: HostFacts
  readonly #desired = new DesiredState()
  /** False until the facts of every owner were read: what nobody seems to want may be wanted by one not read yet. */
  #complete = false
  /** What was last seen or made; null when it must be looked at again. */
  #state: HostState | null = null
  #rules: readonly string[] = []
  /** Leases that were asked to end: asked again only when all is read anew. */
  readonly #ending = new Set<string>()
  /** Owners that have facts but nothing on the host, because the host could not be changed for them. */
  readonly #dropped = new Set<string>()
  #waiting: Request[] = []
  #tail: Promise<unknown> = Promise.resolve()

  constructor(services: ReconcilerServices, facts: HostFacts) {
    this.#services = services
    this.#facts = facts
  }

  /**
   * @param owners whose facts changed
   * @param after commands to run when the host is as it should be
   * @throws {HostChangeFailed} when the host was not changed for one of them; nothing of that owner is left on it
   */
  async reconcile(owners: readonly string[], after: readonly Command[] = []): Promise<void> {
    const { failures, waiting } = await this.#request(owners, after)
    const undone = [...failures, ...waiting.map(({ owner, text }) => ({ owner, message: text }))]
    const first = undone.find((failure) => owners.includes(failure.owner))
    if (!first) return
    const reasons = undone.filter((failure) => failure.owner === first.owner).map((failure) => failure.message)
    throw new HostChangeFailed({ owner: first.owner, reasons })
  }

  /** Reads all facts, looks at the whole host and makes it so. Failures are in the report, and logged. */
  reconcileAll(): Promise<ReconcileReport> {
    return this.#request('facts', [])
  }

  /**
   * Looks at the whole host and mends what others changed, with the facts that are known; what could not be done before
   * is tried again. Failures as above.
   */
  mend(): Promise<ReconcileReport> {
    return this.#request(this.#dropped.size > 0 ? 'facts' : 'look', [])
  }

  /** Looks at the whole host; changes nothing. */
  plan(): Promise<PlanReport> {
    return this.#exclusive(async () => {
      const { host, firewall } = this.#services
      await this.#loadFacts(null)
      await this.#observe()
      const difference = this.#difference(null, new Map())
      const rules = this.#leavesRulesAlone() ? [] : firewall.describe(this.#desired.intents(), this.#rules)
      // The facts are newer now than what was applied: the next apply has to look at everything.
      this.#state = null
      return { host, entries: this.#entries(difference, rules), waiting: difference.waiting }
    })
  }

  #request(scope: ReconcileScope, after: readonly Command[]): Promise<ReconcileReport> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ scope, after, resolve, reject })
      if (this.#waiting.length === 1) void this.#exclusive(() => this.#serveWaiting())
    })
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work)
    this.#tail = done.catch(() => {})
    return done
  }

  async #serveWaiting(): Promise<void> {
    const requests = this.#waiting
    this.#waiting = []
    try {
      const report = await this.#applyWithBlame(
        this.#complete ? widest(requests.map((request) => request.scope)) : 'facts',
        requests.flatMap((request) => request.after),
      )
      for (const request of requests) request.resolve(report)
    } catch (error) {
      this.#state = null
      for (const request of requests) request.reject(error)
    }
  }

  /** One apply for all; when it fails, once more owner by owner, so that a bad fact fails only its own caller. */
  async #applyWithBlame(scope: ReconcileScope, after: readonly Command[]): Promise<ReconcileReport> {
    const { host, logger } = this.#services
    const first = await this.#apply(scope, after)
    if (typeof scope === 'string') this.#dropped.clear()
    else for (const owner of scope) this.#dropped.delete(owner)
    const failures: OperationFailure[] = []
    const blamed = [...new Set(first.failures.map((failure) => failure.owner))]
    if (blamed.length > 0) {
      await this.#apply([], [], blamed)
      for (const owner of blamed) {
        const alone = await this.#apply([owner], [])
        if (alone.failures.length === 0) continue
        // Also what is nobody's own, such as telling a daemon: it was done for this owner.
        failures.push(...alone.failures.map(({ message }) => ({ owner, message })))
        await this.#apply([], [], [owner])
        this.#dropped.add(owner)
        logger.error('the host was not changed', { owner, reasons: alone.failures.map((failure) => failure.message) })
      }
    }
    return {
      host,
      entries: this.#entries(first.difference, first.firewallLines),
      waiting: first.difference.waiting,
      failures,
    }
  }

  /** @param dropped owners that get nothing, whatever the facts say */
  async #apply(scope: ReconcileScope, asked: readonly Command[], dropped: readonly string[] = []): Promise<Applied> {
    const { hostDriver, firewall } = this.#services
    const owners = typeof scope === 'string' ? null : scope
    const before = this.#desired.keysOf(owners ? [...owners, ...dropped] : this.#desired.owners)
    const ownersBefore = new Map([...before].map((key) => [key, this.#desired.wanted(key)!.owner]))
    const intentsBefore = this.#intentsText(owners, dropped)
    const { conflicts, deeds } =
      scope === 'look' ? { conflicts: [], deeds: [] } : await this.#loadFacts(owners, dropped)
    const after = [...asked, ...deeds]
    let looked = owners === null || this.#state === null
    if (looked) await this.#observe()
    let difference = this.#difference(looked ? null : owners, ownersBefore)
    if ((difference.waiting.length > 0 || difference.lookAgain) && !looked) {
      // What it waits for may have come since the last look, and what is moved may be another by now.
      looked = true
      await this.#observe()
      difference = this.#difference(null, ownersBefore)
    }
    const blame = owners ?? this.#desired.owners
    const rulesChanged = looked || intentsBefore !== this.#intentsText(owners, dropped)
    const refused: OperationFailure[] = []
    const change =
      rulesChanged && !this.#leavesRulesAlone()
        ? this.#changeRules(blame, refused)
        : { commands: [], after: this.#rules }
    const firewallLines = change.commands.length > 0 ? firewall.describe(this.#desired.intents(), this.#rules) : []
    const operations: PhasedOperation[] = [
      ...hostDriver.operations(difference.steps, this.#state!),
      ...(change.commands.length > 0
        ? [
            {
              kind: 'ruleset' as const,
              phase: 'rules' as const,
              owners: blame,
              commands: change.commands,
              reads: firewall.reads,
              after: change.after,
            },
          ]
        : []),
      ...after.map((command) => ({ kind: 'command' as const, phase: 'actions' as const, owners: [], command })),
    ]
    const failures = [
      ...conflicts,
      ...refused,
      ...(await hostDriver.run(orderOperations(operations), difference.steps)),
    ]
    this.#rules = change.after
    this.#state = failures.length > 0 ? null : applySteps(this.#state!, difference.steps)
    return { difference, firewallLines, failures }
  }

  /**
   * Where nothing is wanted of the packet filter, as with the Flat manager, and nothing of ours is to go, not even the
   * frame that a driver keeps its rules in is made.
   */
  #leavesRulesAlone(): boolean {
    const intents = this.#desired.intents()
    return (
      intents.length === 0 &&
      this.#services.firewall.describe(intents, this.#rules).every((line) => line.startsWith('+'))
    )
  }

  /** What cannot be rendered is left out, the newest owner first, until the rest can: one bad fact must not stop a host. */
  #changeRules(owners: readonly string[], refused: OperationFailure[]): ReturnType<FirewallDriver['change']> {
    for (const owner of [...owners].reverse()) {
      try {
        return this.#services.firewall.change(this.#desired.intents(), this.#rules)
      } catch (error) {
        if (this.#desired.intentsOf(owner).length === 0) continue
        this.#desired.set(owner, [])
        refused.push({ owner, message: error instanceof Error ? error.message : String(error) })
      }
    }
    return this.#services.firewall.change(this.#desired.intents(), this.#rules)
  }

  /**
   * Reads the facts of the owners and sets what they want.
   * @returns conflicts as failures of the later owner, and what is to be done once when the host is as they want it
   */
  async #loadFacts(
    owners: readonly string[] | null,
    dropped: readonly string[] = [],
  ): Promise<{ readonly conflicts: readonly OperationFailure[]; readonly deeds: readonly Command[] }> {
    const conflicts: OperationFailure[] = []
    const deeds: Command[] = []
    const planned = new Map<string, Parameters<DesiredState['set']>[1]>()
    if (owners === null || owners.length > 0) {
      const view = await this.#facts.view(owners)
      for (const { owner, resources } of planHost(view, this.#services)) planned.set(owner, resources)
      if (owners === null) this.#ending.clear()
      deeds.push(...this.#leaseEnds(view))
    }
    this.#complete ||= owners === null
    const settled = owners ? [...owners, ...dropped] : [...new Set([...this.#desired.owners, ...planned.keys()])]
    for (const owner of settled) {
      const before = this.#desired.intentsOf(owner)
      try {
        this.#desired.set(owner, dropped.includes(owner) ? [] : (planned.get(owner) ?? []))
      } catch (error) {
        this.#desired.set(owner, [])
        conflicts.push({ owner, message: (error as Error).message })
      }
      deeds.push(...this.#flowEnds(before, this.#desired.intentsOf(owner)))
    }
    return { conflicts, deeds }
  }

  /**
   * Leases that guests still hold on addresses that were let go are ended. The server's report of that frees the address;
   * until then nobody else gets it. Source: nova's force_dhcp_release.
   */
  #leaseEnds({ leases, networks, topology }: HostView): readonly Command[] {
    const { endsLeases, dhcp, interfaceDriver } = this.#services
    if (!endsLeases || !topology.dhcp) return []
    return leases.flatMap(({ allocated, lease_mac: mac, address, network_id, updated_at }) => {
      const key = `${address} ${updated_at}`
      const network = networks.find(({ id }) => id === network_id)
      if (allocated || mac === null || !network || this.#ending.has(key)) return []
      this.#ending.add(key)
      return dhcp.release(interfaceDriver.getDev(network), address, mac)
    })
  }

  /** Flows through floating IPs that lead elsewhere or nowhere from now on (defects-linux-net F2, lessons D1, D2). */
  #flowEnds(before: readonly PacketIntent[], after: readonly PacketIntent[]): readonly Command[] {
    const same = new Set(after.map((intent) => JSON.stringify(intent)))
    return before.flatMap((intent) => {
      if (intent.kind !== 'one-to-one-nat' || same.has(JSON.stringify(intent))) return []
      const { publicAddress, fixedAddress, device } = intent
      return this.#services.l3.forgetConnections({ publicAddress, fixedAddress, interface: device })
    })
  }

  async #observe(): Promise<void> {
    const { hostDriver, firewall } = this.#services
    this.#state = await hostDriver.observe(this.#desired.resources().map((owned) => owned.resource))
    this.#rules = await hostDriver.read(firewall.reads)
  }

  /** @param owners null looks at everything, and takes away all of ours that nobody wants */
  #difference(owners: readonly string[] | null, ownersBefore: ReadonlyMap<string, string>): Difference {
    const state = this.#state!
    if (owners === null) {
      const unwanted = [...state.resources].filter(
        ([key, observed]) => observed.ours && this.#desired.wanted(key) === null,
      )
      return diffResources(
        this.#desired.resources(),
        state,
        new Map(unwanted.map(([key]) => [key, ownersBefore.get(key) ?? 'host'])),
      )
    }
    const wanted = [...this.#desired.keysOf(owners)].map((key) => this.#desired.wanted(key) as OwnedResource)
    const unwanted = [...ownersBefore].filter(([key]) => this.#desired.wanted(key) === null)
    return diffResources(wanted, state, new Map(unwanted))
  }

  #intentsText(owners: readonly string[] | null, dropped: readonly string[]): string {
    return JSON.stringify([...(owners ?? []), ...dropped].map((owner) => this.#desired.intentsOf(owner)))
  }

  #entries(difference: Difference, firewallLines: readonly string[]): readonly PlanEntry[] {
    const stepEntry = ({ verb, owner, resource }: Step): PlanEntry => ({
      verb,
      owner,
      kind: resource.kind,
      text: describeResource(resource),
    })
    const ruleEntry = (line: string): PlanEntry => ({
      verb: line.startsWith('-') ? 'remove' : 'add',
      owner: 'host',
      kind: 'rule',
      text: line.slice(2),
    })
    return [...difference.steps.map(stepEntry), ...firewallLines.map(ruleEntry)]
  }
}
