/**
 * The part of netloom that works on one host: brings it in line with its facts, takes in lease events, plugs guests in.
 * A manager has one; a host without a store is one.
 */
import type { HostFacts } from '../contracts/host-facts.ts'
import type { HostOperations } from '../contracts/network-manager.ts'
import type { Attachment, AttachRequest, PlanReport, ReconcileReport } from '../contracts/network-operations.ts'
import type { Command, LeaseSpool } from '../contracts/ports.ts'
import { BridgeNotFound, HostChangeFailed, NamespaceNotFound } from '../errors/service.ts'
import type { RequestContext } from '../model/request-context.ts'
import { runToTheEnd } from '../model/request-scope.ts'
import type { VirtualInterfaceRow } from '../model/rows.ts'
import { LeaseEvents } from './lease-events.ts'
import { ALL_OWNERS, leasesOwner, networkOwner, portOwner, portVifIds } from './owners.ts'
import { HostReconciler, type ReconcilerServices } from './reconciler.ts'

export interface HostAgentServices extends ReconcilerServices {
  readonly leaseSpool: LeaseSpool
}

export class HostAgent implements HostOperations {
  readonly #services: HostAgentServices
  readonly #facts: HostFacts
  readonly #reconciler: HostReconciler
  readonly #leaseEvents: LeaseEvents
  /** Up to where changes of facts are known to be on the host; later ones that are, by number. */
  #settled = 0
  readonly #seen = new Set<number>()
  /** The interfaces of which the facts know that their guests have vanished; null: not known what they know. */
  #missing: string | null = null

  constructor(services: HostAgentServices, facts: HostFacts) {
    this.#services = services
    this.#facts = facts
    this.#reconciler = new HostReconciler(services, facts)
    this.#leaseEvents = new LeaseEvents(services.leaseSpool, services.logger, ({ action, address, mac }) =>
      action === 'add' ? this.leaseFixedIp(address, mac) : this.releaseFixedIp(address, mac),
    )
  }

  async initHost(): Promise<void> {
    await this.#leaseEvents.drain()
    await this.#readAnew()
    this.#leaseEvents.watch()
  }

  /** Takes up what was missed: lease events that wait, and changes of facts of which no message came (lessons G2). */
  async catchUp(): Promise<void> {
    await this.#leaseEvents.drain()
    const first = await this.#facts.changesAfter(this.#settled)
    if (first.forgotten) return this.#readAnew()
    for (let page = first; ; ) {
      const fresh = page.changes.filter(({ id }) => !this.#seen.has(id))
      if (fresh.length > 0) await this.convergeOrLog([...new Set(fresh.map(({ owner }) => owner))])
      for (const { id } of fresh) this.#seen.add(id)
      if (!page.more) break
      page = await this.#facts.changesAfter(page.changes.at(-1)!.id)
    }
    this.#settleAt(first.settled)
  }

  close(): void {
    this.#leaseEvents.close()
  }

  drainLeaseEvents(): Promise<void> {
    return this.#leaseEvents.drain()
  }

  /** @throws {HostChangeFailed} */
  async reconcileOwners(owners: readonly string[], after: readonly Command[] = []): Promise<void> {
    if (owners.includes(ALL_OWNERS)) await this.#reconciler.reconcileAll()
    else await this.#reconciler.reconcile(owners, after)
  }

  /** What could not be done now is done by the next look at the whole host: a release never fails for it. */
  async convergeOrLog(owners: readonly string[], after: readonly Command[] = []): Promise<void> {
    await this.reconcileOwners(owners, after).catch((error: unknown) => {
      this.#services.logger.error('the host is not in line yet; it is tried again periodically', { owners, error })
    })
  }

  planHost(): Promise<PlanReport> {
    return this.#reconciler.plan()
  }

  async reconcileHost(): Promise<ReconcileReport> {
    await this.#leaseEvents.drain()
    return this.#reportMissing(await this.#reconciler.reconcileAll())
  }

  async mendHost(): Promise<ReconcileReport> {
    return this.#reportMissing(await this.#reconciler.mend())
  }

  /** @throws what `plugVif` does, {NamespaceNotFound} and {HostChangeFailed}; then it is not plugged in */
  async attachVif(_context: RequestContext, request: AttachRequest): Promise<Attachment> {
    const { vif, repeated } = await this.#facts.plug(request)
    try {
      await this.#reconciler.reconcile([networkOwner(vif.network_id), portOwner(vif.id)])
    } catch (error) {
      if (!repeated) {
        await runToTheEnd(async () => {
          await this.#facts.unplug(vif.id)
          await this.convergeOrLog([portOwner(vif.id)])
        })
      }
      throw attachError(error, request.target, this.#services.host)
    }
    return attachment(vif)
  }

  /** Unplugs all interfaces of the instance; one that is not plugged in is passed over. @throws {InstanceNotFound} @throws {NotOnThisHost} */
  async detachVifs(_context: RequestContext, instanceUuid: string): Promise<readonly Attachment[]> {
    const plugged = await this.#facts.unplugInstance(instanceUuid)
    // With its last guest a network may be gone from this host.
    const owners = plugged.flatMap((vif) => [portOwner(vif.id), networkOwner(vif.network_id)])
    await this.convergeOrLog([...new Set(owners)])
    return plugged.map(attachment)
  }

  /** A guest took its lease. */
  async leaseFixedIp(address: string, mac: string): Promise<void> {
    const { logger, dhcp, interfaceDriver } = this.#services
    const { matched, network } = await this.#facts.recordLease(address, mac)
    if (network === null) return logger.warn('lease of an address of no network', { address, mac })
    if (matched) return this.convergeOrLog([leasesOwner(network.id)])
    // The address was let go while the guest asked: nobody holds it, so the lease must not live either (defects-manager A4).
    logger.warn('a lease without an owner is ended', { address, mac })
    await this.convergeOrLog([], dhcp.release(interfaceDriver.getDev(network), address, mac))
  }

  /** A lease ended. A report that does not match who holds it now changes nothing (defects-manager A3). */
  async releaseFixedIp(address: string, mac: string): Promise<void> {
    const { matched, network } = await this.#facts.recordRelease(address, mac)
    if (matched && network !== null) return this.convergeOrLog([leasesOwner(network.id)])
    this.#services.logger.info('release of a lease that nobody holds', { address, mac })
  }

  async #readAnew(): Promise<void> {
    // The position first: what changes while all is read is then read again.
    const { settled } = await this.#facts.changesAfter(null)
    const report = await this.#reportMissing(await this.#reconciler.reconcileAll())
    for (const { owner, text } of report.waiting) this.#services.logger.warn('not on the host yet', { owner, text })
    this.#seen.clear()
    this.#settleAt(settled)
  }

  /** Tells which guests have vanished, when they are others than before. Nothing depends on it but what people see. */
  async #reportMissing(report: ReconcileReport): Promise<ReconcileReport> {
    const ids = portVifIds(report.waiting.map(({ owner }) => owner)).toSorted((a, b) => a - b)
    if (ids.join() === this.#missing) return report
    try {
      await this.#facts.reportMissing(ids)
      this.#missing = ids.join()
    } catch (error) {
      this.#services.logger.warn('vanished guests are not reported yet', { ids, error })
    }
    return report
  }

  #settleAt(position: number): void {
    this.#settled = position
    for (const id of this.#seen) if (id <= position) this.#seen.delete(id)
  }
}

function attachment(vif: VirtualInterfaceRow): Attachment {
  return {
    instance_uuid: vif.instance_uuid,
    mac: vif.address,
    device: vif.device ?? '',
    guest_device: vif.guest_device,
    target: vif.target ?? '',
  }
}

/** The failures with names of their own: the namespace, or the operator's bridge, is not on this host. */
function attachError(error: unknown, { kind, name }: AttachRequest['target'], host: string): unknown {
  if (!(error instanceof HostChangeFailed)) return error
  if (kind === 'netns' && error.message.includes(`waits for namespace ${name}`))
    return new NamespaceNotFound({ namespace: name, host }, { cause: error })
  const bridge = / waits for bridge ([^ ;]+)/.exec(error.message)?.[1]
  return bridge === undefined ? error : new BridgeNotFound({ bridge, host }, { cause: error })
}
