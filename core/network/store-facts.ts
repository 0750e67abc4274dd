/** The facts of a host, from the store. */
import type { DatabaseDriver, NetworkStore } from '../contracts/database.ts'
import type { HostChanges, HostFacts, HostView, LeaseOutcome, Plugged, Topology } from '../contracts/host-facts.ts'
import type { AttachRequest } from '../contracts/network-operations.ts'
import type { Clock } from '../contracts/ports.ts'
import { FixedIpNotFoundForAddress } from '../errors/address.ts'
import type { NetworkRow, ServiceReport, VirtualInterfaceRow } from '../model/rows.ts'
import { readHostView } from './host-view.ts'
import { leasesOwner, scopeOf } from './owners.ts'
import { plugVif, unplugInstance, unplugVif } from './ports.ts'

/** Longer than any transaction is open: see the limits of the stores. In milliseconds. */
const SETTLING_MS = 60_000

/** Changes that are handed out at once. */
const CHANGES_AT_ONCE = 512

export class StoreFacts implements HostFacts {
  readonly #host: string
  readonly #topology: Topology
  readonly #database: DatabaseDriver
  readonly #clock: Clock

  constructor(host: string, topology: Topology, database: DatabaseDriver, clock: Clock) {
    this.#host = host
    this.#topology = topology
    this.#database = database
    this.#clock = clock
  }

  view(owners: readonly string[] | null): Promise<HostView> {
    const scope = owners && scopeOf(owners)
    return this.#database.read((store) => readHostView(store, this.#host, this.#topology, scope))
  }

  changesAfter(position: number | null): Promise<HostChanges> {
    const before = new Date(this.#clock.nowMs() - SETTLING_MS).toISOString()
    return this.#database.read(async (store) => {
      const { oldest, settled } = await store.hostChanges.positions(before)
      if (position === null) return { changes: [], more: false, settled, forgotten: false }
      const rows = await store.hostChanges.after(this.#host, position, CHANGES_AT_ONCE)
      return {
        changes: rows.map(({ id, owner }) => ({ id, owner })),
        more: rows.length === CHANGES_AT_ONCE,
        settled: Math.max(position, settled),
        forgotten: position < oldest,
      }
    })
  }

  recordLease(address: string, mac: string): Promise<LeaseOutcome> {
    return this.#recordEvent(address, (store) => store.fixedIps.lease(address, mac))
  }

  recordRelease(address: string, mac: string): Promise<LeaseOutcome> {
    return this.#recordEvent(address, (store) => store.fixedIps.release(address, mac))
  }

  plug(request: AttachRequest): Promise<Plugged> {
    return this.#database.transaction((store) => plugVif(store, this.#host, request))
  }

  async unplug(vifId: number): Promise<void> {
    await this.#database.transaction((store) => unplugVif(store, this.#host, vifId))
  }

  unplugInstance(instanceUuid: string): Promise<readonly VirtualInterfaceRow[]> {
    return this.#database.transaction((store) => unplugInstance(store, this.#host, instanceUuid))
  }

  reportMissing(vifIds: readonly number[]): Promise<void> {
    return this.#database.transaction((store) => store.virtualInterfaces.setMissing(this.#host, vifIds))
  }

  async report(row: ServiceReport): Promise<void> {
    const reported_at = new Date(this.#clock.nowMs()).toISOString()
    await this.#database.transaction((store) => store.services.report({ ...row, reported_at }))
  }

  #recordEvent(address: string, change: (store: NetworkStore) => Promise<boolean>): Promise<LeaseOutcome> {
    return this.#database.transaction(async (store) => {
      const matched = await change(store)
      const network = await networkOfAddress(store, address)
      if (matched && network !== null) await store.hostChanges.record(this.#host, [leasesOwner(network.id)])
      return { matched, network }
    })
  }
}

async function networkOfAddress(store: NetworkStore, address: string): Promise<NetworkRow | null> {
  try {
    return await store.networks.byId((await store.fixedIps.byAddress(address)).network_id)
  } catch (error) {
    if (error instanceof FixedIpNotFoundForAddress) return null
    throw error
  }
}
