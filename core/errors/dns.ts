/** Names, entries and domains of DNS. */
import { defineError } from './base.ts'

export const FloatingIpDNSExists = defineError(
  'FloatingIpDNSExists',
  4,
  (d: { name: string | null; domain: string }) =>
    d.name === null
      ? `DNS domain ${d.domain} exists already: delete it first (\`netloom dns domain delete ${d.domain}\`)`
      : `DNS entry ${d.name} exists already in domain ${d.domain}: choose another name, or use \`netloom dns entry modify\``,
)

export const DnsEntryNotFound = defineError(
  'DnsEntryNotFound',
  3,
  (d: { name: string; domain: string }) =>
    `there is no DNS entry ${d.name} in domain ${d.domain}: make it with \`netloom dns entry add\``,
)

export const DnsDomainNotFound = defineError(
  'DnsDomainNotFound',
  3,
  (d: { domain: string }) => `there is no DNS domain ${d.domain}: see \`netloom dns domain list\``,
)

/** The driver, or what keeps its names, does not do its work. */
export const DnsFailed = defineError(
  'DnsFailed',
  1,
  (d: { flag: string; what: string; reason: string }) =>
    `the DNS driver of the flag ${d.flag} did not ${d.what}: ${d.reason}`,
)
