/**
 * What this host should look like, owner by owner. An owner's contribution is replaced whole; the order of owners is
 * the order in which they were set, which is the order of their firewall rules.
 */
import {
  type Contribution,
  type HostResource,
  isPacketIntent,
  type PacketIntent,
  type Resource,
  resourceKey,
} from '../contracts/resource.ts'
import { PlanConflict } from '../errors/service.ts'

export interface OwnedResource {
  readonly owner: string
  readonly resource: HostResource
}

function isHostResource(resource: Resource): resource is HostResource {
  return !isPacketIntent(resource)
}

export class DesiredState {
  readonly #contributions = new Map<string, readonly Resource[]>()
  /** For each resource key, who wants it, and what. */
  readonly #wanted = new Map<string, Map<string, HostResource>>()

  get owners(): readonly string[] {
    return [...this.#contributions.keys()]
  }

  /** Replaces what the owner wants; nothing clears it. @throws {PlanConflict} and keeps what was */
  set(owner: string, resources: readonly Resource[]): void {
    for (const resource of resources.filter(isHostResource)) this.#checkConflict(owner, resource)
    this.#forget(owner)
    if (resources.length === 0) {
      this.#contributions.delete(owner)
      return
    }
    this.#contributions.set(owner, resources)
    for (const resource of resources.filter(isHostResource)) {
      const key = resourceKey(resource)
      const wanting = this.#wanted.get(key) ?? new Map<string, HostResource>()
      this.#wanted.set(key, wanting.set(owner, resource))
    }
  }

  /** Keys of the host resources that the owners want now. */
  keysOf(owners: Iterable<string>): ReadonlySet<string> {
    const keys = new Set<string>()
    for (const owner of owners) {
      for (const resource of this.#contributions.get(owner) ?? []) {
        if (isHostResource(resource)) keys.add(resourceKey(resource))
      }
    }
    return keys
  }

  /** What is wanted under a key, and by whom first; null when nobody wants it. */
  wanted(key: string): OwnedResource | null {
    const first = this.#wanted.get(key)?.entries().next().value
    return first ? { owner: first[0], resource: first[1] } : null
  }

  /** Everything that is wanted of the host driver, each key once. */
  resources(): readonly OwnedResource[] {
    return [...this.#wanted.keys()].map((key) => this.wanted(key)).filter((owned) => owned !== null)
  }

  /** Everything that is wanted of the firewall driver. */
  intents(): readonly Contribution[] {
    return [...this.#contributions].flatMap(([owner, resources]) => {
      const intents = resources.filter(isPacketIntent)
      return intents.length > 0 ? [{ owner, resources: intents }] : []
    })
  }

  /** The intents of one owner, to tell whether they changed. */
  intentsOf(owner: string): readonly PacketIntent[] {
    return (this.#contributions.get(owner) ?? []).filter(isPacketIntent)
  }

  #forget(owner: string): void {
    for (const key of this.keysOf([owner])) {
      const wanting = this.#wanted.get(key)
      wanting?.delete(owner)
      if (wanting?.size === 0) this.#wanted.delete(key)
    }
  }

  #checkConflict(owner: string, resource: HostResource): void {
    const key = resourceKey(resource)
    for (const [other, theirs] of this.#wanted.get(key) ?? []) {
      if (other === owner) continue
      if (JSON.stringify(theirs) !== JSON.stringify(resource)) throw new PlanConflict({ key, owners: [other, owner] })
      // All others want the same: a thousand networks may share a bridge.
      return
    }
  }
}
