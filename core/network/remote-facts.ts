/**
 * The facts of a host that has no store, asked of a controller over the bus. All of them are read in pages: first the
 * names of the owners, then what is known of so many at a time, so that no message grows with the host (lessons G1).
 */
import { NETWORK_TOPIC } from '../api/network-api.ts'
import type { HostChanges, HostFacts, HostView, LeaseOutcome, Plugged } from '../contracts/host-facts.ts'
import type { AttachRequest } from '../contracts/network-operations.ts'
import type { JsonObject, RpcDriver } from '../contracts/rpc.ts'
import { RpcTimeout } from '../errors/service.ts'
import { adminContext } from '../model/request-context.ts'
import type { ServiceReport, VirtualInterfaceRow } from '../model/rows.ts'
import { floatingOwner, HOST_OWNER, leasesOwner, networkOwner, portOwner, vifOwner } from './owners.ts'

/** Owners whose facts are asked for at once. */
const OWNERS_AT_ONCE = 256

/** Names of owners in one message. */
const NAMES_AT_ONCE = 4096

/** Names of owners in their order, from after a name on; `more`: there are others after them. */
export interface OwnersPage {
  readonly owners: readonly string[]
  readonly more: boolean
}

export class RemoteFacts implements HostFacts {
  readonly #host: string
  readonly #rpc: Pick<RpcDriver, 'call'>

  constructor(host: string, rpc: Pick<RpcDriver, 'call'>) {
    this.#host = host
    this.#rpc = rpc
  }

  async view(owners: readonly string[] | null): Promise<HostView> {
    const names = owners ?? (await this.#allOwners())
    const views: HostView[] = []
    for (let first = 0; first === 0 || first < names.length; first += OWNERS_AT_ONCE) {
      views.push(...(await this.#viewPages(names.slice(first, first + OWNERS_AT_ONCE))))
    }
    return joined(views)
  }

  /** A page that took too long is asked for in halves: the same again would take as long. */
  async #viewPages(owners: readonly string[]): Promise<readonly HostView[]> {
    try {
      return [await this.#ask<HostView>('host_view', { owners })]
    } catch (error) {
      if (!(error instanceof RpcTimeout) || owners.length < 2) throw error
      const middle = owners.length >> 1
      return [...(await this.#viewPages(owners.slice(0, middle))), ...(await this.#viewPages(owners.slice(middle)))]
    }
  }

  changesAfter(position: number | null): Promise<HostChanges> {
    return this.#ask('host_changes', { position })
  }

  recordLease(address: string, mac: string): Promise<LeaseOutcome> {
    return this.#ask('host_lease', { address, mac })
  }

  recordRelease(address: string, mac: string): Promise<LeaseOutcome> {
    return this.#ask('host_release', { address, mac })
  }

  plug(request: AttachRequest): Promise<Plugged> {
    return this.#ask('host_plug', { request })
  }

  unplug(vifId: number): Promise<void> {
    return this.#ask('host_unplug', { vif_id: vifId })
  }

  unplugInstance(instanceUuid: string): Promise<readonly VirtualInterfaceRow[]> {
    return this.#ask('host_unplug_instance', { instance_uuid: instanceUuid })
  }

  reportMissing(vifIds: readonly number[]): Promise<void> {
    return this.#ask('host_missing', { vif_ids: vifIds })
  }

  report({ host: _, ...row }: ServiceReport): Promise<void> {
    return this.#ask('host_report', { row })
  }

  async #allOwners(): Promise<readonly string[]> {
    const owners: string[] = []
    for (;;) {
      const page: OwnersPage = await this.#ask('host_owners', { after: owners.at(-1) ?? null })
      owners.push(...page.owners)
      if (!page.more) return owners
    }
  }

  /** Any controller answers. */
  async #ask<T>(method: string, args: object): Promise<T> {
    const message = { ...args, host: this.#host, context: adminContext(`${this.#host}-facts`) }
    return (await this.#rpc.call({ topic: NETWORK_TOPIC }, method, message as unknown as JsonObject)) as T
  }
}

/** The controller's side: the owners that have facts on a host. */
export async function ownersPage(facts: HostFacts, after: string | null): Promise<OwnersPage> {
  const names = ownersIn(await facts.view(null)).filter((name) => after === null || name > after)
  return { owners: names.slice(0, NAMES_AT_ONCE), more: names.length > NAMES_AT_ONCE }
}

function ownersIn(view: HostView): readonly string[] {
  return [
    HOST_OWNER,
    ...view.plannedNetworkIds.map(networkOwner),
    ...view.leasePlannedNetworkIds.map(leasesOwner),
    ...view.guests.flatMap(({ virtual_interface_id: id }) => (id === null ? [] : [vifOwner(id)])),
    ...view.ports.map(({ id }) => portOwner(id)),
    ...view.floatingIps.map(({ address }) => floatingOwner(address)),
  ].toSorted()
}

/** What several pages say together; the last one knows best which networks there are. */
function joined(views: readonly HostView[]): HostView {
  const last = views.at(-1)!
  return {
    ...last,
    plannedNetworkIds: views.flatMap((view) => view.plannedNetworkIds).filter((id) => isIn(last, id)),
    leasePlannedNetworkIds: views.flatMap((view) => view.leasePlannedNetworkIds).filter((id) => isIn(last, id)),
    guests: views.flatMap((view) => view.guests).filter((row) => isIn(last, row.network_id)),
    leases: views.flatMap((view) => view.leases).filter((row) => isIn(last, row.network_id)),
    ports: views.flatMap((view) => view.ports).filter((row) => isIn(last, row.network_id)),
    floatingIps: views.flatMap((view) => view.floatingIps),
  }
}

function isIn(view: HostView, networkId: number): boolean {
  return view.networks.some(({ id }) => id === networkId)
}
