/** Domains and entries of DNS, on the bus. */
import { z } from 'zod'
import { type DnsOperations, hasDns } from '../../contracts/dns.ts'
import type { NetworkOperations } from '../../contracts/network-manager.ts'
import { NotSupported } from '../../errors/service.ts'
import type { RequestContext } from '../../model/request-context.ts'
import { type Exact, type Method, type Methods, method, none, OPERATOR, text } from './method.ts'

const entry = z.strictObject({ name: text, domain: text })

export const dnsMethods: Methods<NetworkOperations> = {
  get_dns_domains: dns(none, (m, c) => m.getDnsDomains(c)),
  add_dns_entry: dns(entry.extend({ address: text, dns_type: text }), (m, c, a) => m.addDnsEntry(c, a)),
  modify_dns_entry: dns(entry.extend({ address: text }), (m, c, a) => m.modifyDnsEntry(c, a)),
  delete_dns_entry: dns(entry, (m, c, a) => m.deleteDnsEntry(c, a)),
  get_dns_entries_by_address: dns(z.strictObject({ address: text, domain: text }), (m, c, a) =>
    m.getDnsEntriesByAddress(c, a.address, a.domain),
  ),
  get_dns_entries_by_name: dns(entry, (m, c, a) => m.getDnsEntriesByName(c, a.name, a.domain)),
  create_private_dns_domain: dns(
    z.strictObject({ domain: text, av_zone: text }),
    (m, c, a) => m.createPrivateDnsDomain(c, a.domain, a.av_zone),
    OPERATOR,
  ),
  create_public_dns_domain: dns(
    z.strictObject({ domain: text, project: text.nullable() }),
    (m, c, a) => m.createPublicDnsDomain(c, a.domain, a.project),
    OPERATOR,
  ),
  delete_dns_domain: dns(z.strictObject({ domain: text }), (m, c, a) => m.deleteDnsDomain(c, a.domain), OPERATOR),
}

function dns<A extends z.ZodType>(
  args: A,
  run: (manager: DnsOperations, context: RequestContext, args: Exact<z.output<A>>) => Promise<unknown>,
  admin = false,
): Method<NetworkOperations> {
  return method(
    args,
    (manager: NetworkOperations, context, checked) => {
      if (!hasDns(manager)) throw new NotSupported({ what: 'DNS domains', by: 'this network manager' })
      return run(manager, context, checked)
    },
    admin,
  )
}
