/** What a transaction changes: what owners want of which hosts, names of DNS, and what has happened. Recorded in it, carried out after it. */
import type { NetworkStore } from '../contracts/database.ts'
import type { RequestContext } from '../model/request-context.ts'
import { type DnsSubject, settleDns, settleDnsOrLog } from './dns.ts'
import { type Emit, recorded } from './event-log.ts'
import type { NetworkManager } from './network-manager.ts'

export class ChangedOwners {
  /** Says what has happened; to be called after the row is changed, and only if it was. */
  readonly emit: Emit
  readonly #byHost = new Map<string, Set<string>>()
  readonly #names: DnsSubject[] = []

  constructor(emit: Emit) {
    this.emit = emit
  }

  /** Facts of these owners changed, which are on this host; null: on none. */
  add(host: string | null, ...owners: readonly string[]): void {
    if (host === null || owners.length === 0) return
    const known = this.#byHost.get(host) ?? new Set()
    this.#byHost.set(host, known)
    for (const owner of owners) known.add(owner)
  }

  /** Addresses whose names are noted (`noteDns`), in the order in which they are to be settled. */
  addNames(subjects: readonly DnsSubject[]): void {
    this.#names.push(...subjects)
  }

  /** Those of a host. */
  of(host: string): readonly string[] {
    return [...(this.#byHost.get(host) ?? [])]
  }

  /** As the last step of the transaction. */
  async record(store: NetworkStore): Promise<void> {
    for (const [host, owners] of this.#byHost) await store.hostChanges.record(host, [...owners])
  }

  /**
   * Returns when DNS and every host are in line. All hosts are waited for before the first error is raised, so that
   * nothing is done after the call returned (defects-manager A10). @throws what `NetworkManager.converge` and `settleDns` do
   */
  async converge(manager: NetworkManager, context: RequestContext): Promise<void> {
    for (const { kind, address } of this.#names) await settleDns(manager, kind, address)
    const outcomes = await Promise.allSettled(this.#each((host, owners) => manager.converge(context, host, owners)))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
  }

  /** For what must not fail because a host or a DNS driver is away. */
  async convergeOrLog(manager: NetworkManager, context: RequestContext): Promise<void> {
    await Promise.all(this.#each((host, owners) => manager.convergeOrLog(context, host, owners)))
    await settleDnsOrLog(manager, this.#names)
  }

  #each<T>(work: (host: string, owners: readonly string[]) => T): readonly T[] {
    return [...this.#byHost].map(([host, owners]) => work(host, [...owners]))
  }
}

/** A transaction whose changes are recorded in it, and then the hosts, which may be away. @returns what the work did */
export async function changeRows<T>(
  manager: NetworkManager,
  context: RequestContext,
  work: (store: NetworkStore, changes: ChangedOwners) => Promise<T>,
): Promise<T> {
  const { result, changes } = await recordedChange(manager, work)
  await changes.convergeOrLog(manager, context)
  return result
}

/** The same for who has to know what became of the hosts: nothing is carried out yet. */
export function recordedChange<T>(
  manager: NetworkManager,
  work: (store: NetworkStore, changes: ChangedOwners) => Promise<T>,
): Promise<{ readonly result: T; readonly changes: ChangedOwners }> {
  return recorded(manager.services, async (store, emit) => {
    const changes = new ChangedOwners(emit)
    const result = await work(store, changes)
    await changes.record(store)
    return { result, changes }
  })
}
