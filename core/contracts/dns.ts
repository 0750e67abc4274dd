/**
 * `instance_dns_manager` and `floating_ip_dns_manager`: where the names of instances and of floating IPs are kept; two
 * slots, one contract. Source: nova/network/dns_driver.py DNSDriver.
 */
import type { RequestContext } from '../model/request-context.ts'

/** `A` for an IPv4 address, `AAAA` for an IPv6 address. */
export type DnsType = 'A' | 'AAAA'

/**
 * Names are relative to their domain (`web1`, or `www.web1`), domains have no dot at their end; both are those of RFC 1123,
 * in any case, and mean the same in every case. A name leads to one address, an address may have any number of names.
 * Any number of processes call at the same time. Each call ends by itself within a few seconds, well or with an error,
 * and one that failed may be repeated; what was done is found by the next call.
 */
export interface DnsDriver {
  /** True for one that accepts all and finds nothing, such as `noop`: it is not asked to keep names in line. */
  readonly keepsNothing?: boolean
  /** The domains that were created here. */
  getDomains(): Promise<readonly string[]>
  /** Also in a domain that was never created. @throws {FloatingIpDNSExists} the name is there, whatever it leads to */
  createEntry(name: string, address: string, type: DnsType, domain: string): Promise<void>
  /** @throws {DnsEntryNotFound} */
  deleteEntry(name: string, domain: string): Promise<void>
  /** @throws {DnsEntryNotFound} */
  modifyAddress(name: string, address: string, domain: string): Promise<void>
  /** The names of exactly this domain, never of one that ends like it or lies in it, that lead to the address. */
  getEntriesByAddress(address: string, domain: string): Promise<readonly string[]>
  /** What the name leads to; empty when it is not there. */
  getEntriesByName(name: string, domain: string): Promise<readonly string[]>
  /** @throws {FloatingIpDNSExists} it was created before */
  createDomain(domain: string): Promise<void>
  /** With all its entries. @throws {DnsDomainNotFound} there is nothing of it */
  deleteDomain(domain: string): Promise<void>
}

/** A registered domain, as callers see it: a private one has a zone, a public one a project, or null for all projects. */
export type DnsDomain =
  | { readonly domain: string; readonly scope: 'private'; readonly availability_zone: string | null }
  | { readonly domain: string; readonly scope: 'public'; readonly project: string | null }

/** What managers with the FloatingIP mixin do of DNS: ask with `hasDns`. */
export interface DnsOperations {
  /** Those that the DNS driver of their scope has. */
  getDnsDomains(context: RequestContext): Promise<readonly DnsDomain[]>
  addDnsEntry(
    context: RequestContext,
    entry: { readonly address: string; readonly name: string; readonly dns_type: string; readonly domain: string },
  ): Promise<void>
  modifyDnsEntry(
    context: RequestContext,
    entry: { readonly address: string; readonly name: string; readonly domain: string },
  ): Promise<void>
  deleteDnsEntry(context: RequestContext, entry: { readonly name: string; readonly domain: string }): Promise<void>
  /** @returns names */
  getDnsEntriesByAddress(context: RequestContext, address: string, domain: string): Promise<readonly string[]>
  /** @returns addresses */
  getDnsEntriesByName(context: RequestContext, name: string, domain: string): Promise<readonly string[]>
  /** Of a domain that is registered already the zone changes. */
  createPrivateDnsDomain(context: RequestContext, domain: string, zone: string): Promise<DnsDomain>
  /** Of a domain that is registered already the project changes; null: every project may use it. */
  createPublicDnsDomain(context: RequestContext, domain: string, project: string | null): Promise<DnsDomain>
  deleteDnsDomain(context: RequestContext, domain: string): Promise<void>
}

/** True for a manager with the FloatingIP mixin. */
export function hasDns<T extends object>(manager: T): manager is T & DnsOperations {
  return 'addDnsEntry' in manager
}
