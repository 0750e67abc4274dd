/**
 * Mixin: domains and entries of DNS. A domain is a row and a domain of the driver that its scope belongs to; the row is
 * there whenever the driver has anything, so nothing is ever lost sight of (defects-manager F3). Entries are those of
 * floating IPs: the names of instances are netloom's own. Source: nova/network/floating_ips.py FloatingIP.
 */
import type { DnsDomain, DnsDriver, DnsOperations } from '../contracts/dns.ts'
import { DnsDomainNotFound, DnsEntryNotFound, FloatingIpDNSExists } from '../errors/dns.ts'
import { InvalidInput } from '../errors/input.ts'
import { Forbidden } from '../errors/service.ts'
import { parseAddress } from '../model/address.ts'
import { parseDnsName, parseDomain, parseProject, parseZone } from '../model/names.ts'
import { mayActFor, type RequestContext } from '../model/request-context.ts'
import { runToTheEnd } from '../model/request-scope.ts'
import type { DnsDomainRow } from '../model/rows.ts'
import { driverOf, instanceDomain, settleDns, unlessGone, unlessTaken } from './dns.ts'
import type { NetworkManager } from './network-manager.ts'
import type { AbstractConstructor } from './rpc-allocate-fixed-ip.ts'

type Registration = Omit<DnsDomainRow, 'created_at' | 'updated_at'>

export function DnsEntries<B extends AbstractConstructor<NetworkManager>>(Base: B) {
  abstract class WithDnsEntries extends Base implements DnsOperations {
    async getDnsDomains(context: RequestContext): Promise<readonly DnsDomain[]> {
      const rows = await this.services.database.read((store) => store.dnsDomains.list({}))
      const [instance, floating] = await Promise.all(
        (['fixed', 'floating'] as const).map((kind) => driverOf(this, kind).getDomains()),
      )
      return rows
        .filter((row) => isVisible(context, row))
        .flatMap((row) => {
          const served = (row.scope === 'private' ? instance : floating)!
          if (served.some((domain) => domain.toLowerCase() === row.domain)) return [domainOf(row)]
          this.services.logger.warn('a registered DNS domain is not known to its driver', { domain: row.domain })
          return []
        })
    }

    async addDnsEntry(
      context: RequestContext,
      entry: { readonly address: string; readonly name: string; readonly dns_type: string; readonly domain: string },
    ): Promise<void> {
      const { domain, name, driver } = await this.publicEntry(context, entry)
      const address = parseAddress(entry.address)
      const type = parseType(entry.dns_type, address)
      const give = () => driver.createEntry(name, address, type, domain)
      await this.giveName(context, address, give, () => driver.deleteEntry(name, domain))
    }

    async modifyDnsEntry(
      context: RequestContext,
      entry: { readonly address: string; readonly name: string; readonly domain: string },
    ): Promise<void> {
      const { domain, name, driver } = await this.publicEntry(context, entry)
      const address = parseAddress(entry.address)
      await this.checkEntry(context, driver, name, domain)
      const give = () => driver.modifyAddress(name, address, domain)
      await this.giveName(context, address, give, () => driver.deleteEntry(name, domain))
    }

    async deleteDnsEntry(
      context: RequestContext,
      entry: { readonly name: string; readonly domain: string },
    ): Promise<void> {
      const { domain, name, driver } = await this.publicEntry(context, entry)
      await this.checkEntry(context, driver, name, domain)
      await driver.deleteEntry(name, domain)
    }

    async getDnsEntriesByAddress(context: RequestContext, text: string, domain: string): Promise<readonly string[]> {
      const address = parseAddress(text)
      const found = await this.driverOfDomain(context, domain)
      return found.driver.getEntriesByAddress(address, found.domain)
    }

    async getDnsEntriesByName(context: RequestContext, text: string, domain: string): Promise<readonly string[]> {
      const found = await this.driverOfDomain(context, domain)
      return found.driver.getEntriesByName(parseDnsName(text, found.domain), found.domain)
    }

    createPrivateDnsDomain(_context: RequestContext, domain: string, zone: string): Promise<DnsDomain> {
      const row = { domain: parseDomain(domain), availability_zone: parseZone(zone), project_id: null }
      return this.registerDomain({ ...row, scope: 'private' })
    }

    createPublicDnsDomain(_context: RequestContext, domain: string, project: string | null): Promise<DnsDomain> {
      const projectId = project === null ? null : parseProject(project)
      const row = { domain: parseDomain(domain), availability_zone: null, project_id: projectId }
      return this.registerDomain({ ...row, scope: 'public' })
    }

    /** The driver first, the row last (defects-manager F3). */
    async deleteDnsDomain(_context: RequestContext, text: string): Promise<void> {
      const row = await this.registeredDomain(parseDomain(text))
      await unlessMissing(driverOf(this, kindOf(row)).deleteDomain(row.domain))
      await this.services.database.transaction((store) => store.dnsDomains.unregister(row.domain))
    }

    /** The row first, and as it was when the driver fails. @internal */
    async registerDomain(row: Registration): Promise<DnsDomain> {
      const { database, logger } = this.services
      const { domain } = row
      const before = await database.transaction(async (store) => {
        const before = await store.dnsDomains.byName(domain)
        if (before !== null && before.scope !== row.scope) throw new FloatingIpDNSExists({ name: null, domain })
        await store.dnsDomains.register(row)
        return before
      })
      try {
        const isNew = await unlessTaken(driverOf(this, kindOf(row)).createDomain(domain))
        if (!isNew) logger.warn('a DNS domain exists already: only its zone or project is changed', { domain })
      } catch (error) {
        await runToTheEnd(() =>
          database.transaction(async (store) => {
            if (before === null) await store.dnsDomains.unregister(domain)
            else await store.dnsDomains.register(before)
          }),
        )
        throw error
      }
      return domainOf(row)
    }

    /** @throws {DnsDomainNotFound} @internal */
    async registeredDomain(domain: string): Promise<Registration> {
      const row = await this.services.database.read((store) => store.dnsDomains.byName(domain))
      if (row !== null) return row
      if (domain !== instanceDomain(this)) throw new DnsDomainNotFound({ domain })
      return { domain, scope: 'private', availability_zone: null, project_id: null }
    }

    /** @throws {DnsDomainNotFound} also for one of another project @internal */
    async driverOfDomain(
      context: RequestContext,
      text: string,
    ): Promise<Registration & { readonly driver: DnsDriver }> {
      const row = await this.registeredDomain(parseDomain(text))
      if (!isVisible(context, row)) throw new DnsDomainNotFound({ domain: row.domain })
      return { ...row, driver: driverOf(this, kindOf(row)) }
    }

    /** @throws {InvalidInput} the names of a private domain are made and taken away with the instances @internal */
    async publicEntry(context: RequestContext, { name, domain }: { readonly name: string; readonly domain: string }) {
      const found = await this.driverOfDomain(context, domain)
      if (found.scope === 'private') throw new InvalidInput({ what: 'domain', value: domain, want: 'a public domain' })
      return { ...found, name: parseDnsName(name, found.domain) }
    }

    /** @throws {Forbidden} @internal */
    async giveName(
      context: RequestContext,
      address: string,
      give: () => Promise<void>,
      take: () => Promise<void>,
    ): Promise<void> {
      await this.checkNames(context, address)
      await give()
      try {
        await this.checkNames(context, address)
      } catch (error) {
        // It was released meanwhile, and its names may have been taken away before this one came.
        await runToTheEnd(() => unlessGone(take()))
        throw error
      }
    }

    /** A tenant names only what it has; names of a former owner of the address go first. @throws {Forbidden} @internal */
    async checkNames(context: RequestContext, address: string): Promise<void> {
      if (!context.is_admin) {
        const [row] = await this.services.database.read((store) => store.floatingIps.list({ addresses: [address] }))
        const owner = row?.project_id ?? null
        if (owner === null) throw new Forbidden({ what: `address ${address}`, project_id: context.project_id })
        this.checkOwner(context, `floating IP ${address}`, owner)
      }
      await settleDns(this, 'floating', address)
    }

    /** @throws {DnsEntryNotFound} @throws {Forbidden} it leads to an address of another project @internal */
    async checkEntry(context: RequestContext, driver: DnsDriver, name: string, domain: string): Promise<void> {
      if (context.is_admin) return
      const addresses = await driver.getEntriesByName(name, domain)
      if (addresses.length === 0) throw new DnsEntryNotFound({ name, domain })
      for (const address of addresses) await this.checkNames(context, address)
    }
  }
  return WithDnsEntries
}

function kindOf({ scope }: Pick<DnsDomainRow, 'scope'>) {
  return scope === 'private' ? 'fixed' : 'floating'
}

function domainOf({ domain, scope, availability_zone, project_id }: Registration): DnsDomain {
  return scope === 'private' ? { domain, scope, availability_zone } : { domain, scope, project: project_id }
}

/** Operators see all, tenants the public ones that they may use. */
function isVisible(context: RequestContext, { scope, project_id }: Registration): boolean {
  if (context.is_admin) return true
  return scope === 'public' && (project_id === null || mayActFor(context, project_id))
}

/** @throws {InvalidInput} */
function parseType(text: string, address: string): 'A' | 'AAAA' {
  const type = address.includes(':') ? 'AAAA' : 'A'
  if (text.toUpperCase() === type) return type
  throw new InvalidInput({ what: 'dns_type', value: text, want: `${type}, for ${address}` })
}

async function unlessMissing(deletion: Promise<void>): Promise<void> {
  try {
    await deletion
  } catch (error) {
    if ((error as { code?: unknown }).code !== DnsDomainNotFound.code) throw error
  }
}
