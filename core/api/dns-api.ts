/** The part of the client that is about names: domains and entries of DNS. */
import type { DnsDomain } from '../contracts/dns.ts'
import { FloatingIpApi } from './floating-ip-api.ts'

export abstract class DnsApi extends FloatingIpApi {
  /** Those that a DNS driver has; tenants see the public ones that they may use. */
  getDnsDomains(): Promise<readonly DnsDomain[]> {
    return this.call('get_dns_domains')
  }

  /** Operators only. @throws {FloatingIpDNSExists} it is a public one */
  createPrivateDnsDomain(domain: string, zone: string): Promise<DnsDomain> {
    return this.call('create_private_dns_domain', { domain, av_zone: zone })
  }

  /** Operators only. @param project null: every project may use it @throws {FloatingIpDNSExists} it is a private one */
  createPublicDnsDomain(domain: string, project: string | null): Promise<DnsDomain> {
    return this.call('create_public_dns_domain', { domain, project })
  }

  /** With all its entries; operators only. @throws {DnsDomainNotFound} */
  deleteDnsDomain(domain: string): Promise<void> {
    return this.call('delete_dns_domain', { domain })
  }

  /** @throws {FloatingIpDNSExists} @throws {DnsDomainNotFound} @throws {Forbidden} the address is not the tenant's */
  addDnsEntry(entry: {
    readonly address: string
    readonly name: string
    readonly dns_type: string
    readonly domain: string
  }): Promise<void> {
    return this.call('add_dns_entry', entry)
  }

  /** @throws {DnsEntryNotFound} @throws {DnsDomainNotFound} @throws {Forbidden} */
  modifyDnsEntry(entry: { readonly address: string; readonly name: string; readonly domain: string }): Promise<void> {
    return this.call('modify_dns_entry', entry)
  }

  /** @throws {DnsEntryNotFound} @throws {DnsDomainNotFound} @throws {Forbidden} */
  deleteDnsEntry(entry: { readonly name: string; readonly domain: string }): Promise<void> {
    return this.call('delete_dns_entry', entry)
  }

  /** @returns names. @throws {DnsDomainNotFound} */
  getDnsEntriesByAddress(address: string, domain: string): Promise<readonly string[]> {
    return this.call('get_dns_entries_by_address', { address, domain })
  }

  /** @returns addresses. @throws {DnsDomainNotFound} */
  getDnsEntriesByName(name: string, domain: string): Promise<readonly string[]> {
    return this.call('get_dns_entries_by_name', { name, domain })
  }
}
