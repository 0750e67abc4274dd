/** What the fact store holds about names: domains of DNS, and notes of addresses whose names are to be looked at. */
import type { DnsChangeRow, DnsDomainRow, Timestamps } from '../model/rows.ts'

export interface DnsDomainTable {
  /** All, or those of a scope, in order of their names. */
  list(filter: { readonly scope?: DnsDomainRow['scope'] }): Promise<readonly DnsDomainRow[]>
  /** Null when it is not registered. */
  byName(domain: string): Promise<DnsDomainRow | null>
  /** Makes the row, or gives it another zone or project. */
  register(domain: Omit<DnsDomainRow, keyof Timestamps>): Promise<void>
  /** @returns false when it was not registered */
  unregister(domain: string): Promise<boolean>
}

export interface DnsChangeTable {
  /** Notes, as part of the transaction, that DNS has to be looked at for these addresses. */
  record(kind: DnsChangeRow['kind'], addresses: readonly string[]): Promise<void>
  /** What is noted of an address, or the oldest notes of all. */
  list(filter: {
    readonly kind?: DnsChangeRow['kind']
    readonly address?: string
    readonly limit?: number
  }): Promise<readonly DnsChangeRow[]>
  /** Done. */
  remove(ids: readonly number[]): Promise<void>
}
