/** The facts of a host, from the store. */
import type { NetworkStore } from '../contracts/database.ts'
import type { HostChanges, HostFacts, HostView, LeaseOutcome, Plugged, Topology } from '../contracts/host-facts.ts'
import type { AttachRequest } from '../contracts/network-operations.ts'
import type { Clock } from '../contracts/ports.ts'
import { FixedIpNotFoundForAddress } from '../errors/address.ts'
import type { EventDraft, EventPayloads } from '../model/events.ts'
import type { FixedIpDetail, ServiceReport, VirtualInterfaceRow } from '../model/rows.ts'
import { type EventServices, recorded } from './event-log.ts'
import { feedPage } from './feed-page.ts'
import { readHostView } from './host-view.ts'
import { leasesOwner, scopeOf } from './owners.ts'
import { plugVif, unplugInstance, unplugVif } from './ports.ts'

/** Changes that are handed out at once. */
const CHANGES_AT_ONCE = 512

export interface StoreFactsServices extends EventServices {
  readonly clock: Clock
}

export class StoreFacts implements HostFacts {
  readonly #host: string
  readonly #topology: Topology
  readonly #services: StoreFactsServices

  constructor(host: string, topology: Topology, services: StoreFactsServices) {
    this.#host = host
    this.#topology = topology
    this.#services = services
  }

  view(owners: readonly string[] | null): Promise<HostView> {
    const scope = owners && scopeOf(owners)
    return this.#services.database.read((store) => readHostView(store, this.#host, this.#topology, scope))
  }

  changesAfter(position: number | null): Promise<HostChanges> {
    const { database, clock } = this.#services
    return database.read((store) =>
      feedPage(store.hostChanges, clock.nowMs(), position, CHANGES_AT_ONCE, async (after) => {
        const rows = await store.hostChanges.after(this.#host, after, CHANGES_AT_ONCE)
        return rows.map(({ id, owner }) => ({ id, owner }))
      }),
    )
  }

  recordLease(address: string, mac: string): Promise<LeaseOutcome> {
    return this.#recordEvent(address, async (store, before, emit) => {
      const matched = await store.fixedIps.lease(address, mac, this.#host)
      if (matched && !(before.leased && before.lease_mac === mac)) emit('network.fixed_ip.lease', { mac })
      return matched
    })
  }

  recordRelease(address: string, mac: string): Promise<LeaseOutcome> {
    return this.#recordEvent(address, async (store, _before, emit) => {
      const matched = await store.fixedIps.release(address, mac)
      if (matched) emit('network.fixed_ip.release', { mac, free: !(await store.fixedIps.byAddress(address)).allocated })
      return matched
    })
  }

  plug(request: AttachRequest): Promise<Plugged> {
    return recorded(this.#services, (store, emit) => plugVif(store, emit, this.#host, request))
  }

  async unplug(vifId: number): Promise<void> {
    await recorded(this.#services, (store, emit) => unplugVif(store, emit, this.#host, vifId))
  }

  unplugInstance(instanceUuid: string): Promise<readonly VirtualInterfaceRow[]> {
    return recorded(this.#services, (store, emit) => unplugInstance(store, emit, this.#host, instanceUuid))
  }

  reportMissing(vifIds: readonly number[]): Promise<void> {
    return this.#services.database.transaction((store) => store.virtualInterfaces.setMissing(this.#host, vifIds))
  }

  async report(row: ServiceReport): Promise<void> {
    const { database, clock } = this.#services
    const reported_at = new Date(clock.nowMs()).toISOString()
    await database.transaction((store) => store.services.report({ ...row, reported_at }))
  }

  /** @param change returns whether the report was of who holds the address */
  #recordEvent(
    address: string,
    change: (store: NetworkStore, before: FixedIpDetail, emit: EmitLease) => Promise<boolean>,
  ): Promise<LeaseOutcome> {
    return recorded(this.#services, async (store, emit) => {
      const before = await fixedIpOf(store, address)
      if (before === null) return { matched: false, network: null }
      const network = await store.networks.byId(before.network_id)
      const { instance_uuid, project_id } = before
      const subject = { address, instance_uuid, project_id, network_uuid: network.uuid, host: this.#host }
      const matched = await change(store, before, (type, payload) => emit({ type, ...subject, payload } as EventDraft))
      if (matched) await store.hostChanges.record(this.#host, [leasesOwner(network.id)])
      return { matched, network }
    })
  }
}

type LeaseEventType = 'network.fixed_ip.lease' | 'network.fixed_ip.release'
type EmitLease = <T extends LeaseEventType>(type: T, payload: EventPayloads[T]) => void

async function fixedIpOf(store: NetworkStore, address: string): Promise<FixedIpDetail | null> {
  try {
    return await store.fixedIps.byAddress(address)
  } catch (error) {
    if (error instanceof FixedIpNotFoundForAddress) return null
    throw error
  }
}
