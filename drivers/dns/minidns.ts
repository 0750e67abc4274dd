/**
 * DNS names in a folder, one hosts file an entry: `FOLDER/example.org/web1` holds `10.0.0.2 web1.example.org`. Every change
 * is one step of the file system, so any number of processes of one machine share the folder without a lock, and a kill
 * leaves an entry whole or not at all. Source: nova/network/minidns.py, which rewrote one file for each change.
 */
import {
  DnsDomainNotFound,
  type DnsDriver,
  DnsEntryNotFound,
  definePlugin,
  FloatingIpDNSExists,
  floatingIpDnsManagerSlot,
  instanceDnsManagerSlot,
  option,
  parseAddress,
  parseDnsName,
  parseDomain,
} from 'netloom/contracts'
import { DomainFolder, listDomains } from './domain-folder.ts'

export class MiniDns implements DnsDriver {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  getDomains(): Promise<readonly string[]> {
    return listDomains(this.#root)
  }

  async createEntry(name: string, address: string, _type: string, domain: string): Promise<void> {
    const { folder, label, line } = this.#entry(name, domain, address)
    if (!(await folder.add(label, line))) throw new FloatingIpDNSExists({ name: label, domain: folder.domain })
  }

  async deleteEntry(name: string, domain: string): Promise<void> {
    const { folder, label } = this.#entry(name, domain)
    if (!(await folder.remove(label))) throw new DnsEntryNotFound({ name: label, domain: folder.domain })
  }

  async modifyAddress(name: string, address: string, domain: string): Promise<void> {
    const { folder, label, line } = this.#entry(name, domain, address)
    if (!(await folder.replace(label, line))) throw new DnsEntryNotFound({ name: label, domain: folder.domain })
  }

  async getEntriesByAddress(address: string, domain: string): Promise<readonly string[]> {
    const wanted = parseAddress(address)
    const names: string[] = []
    for (const [name, line] of await this.#folder(domain).all()) if (addressOf(line) === wanted) names.push(name)
    return names
  }

  async getEntriesByName(name: string, domain: string): Promise<readonly string[]> {
    const { folder, label } = this.#entry(name, domain)
    const line = await folder.read(label)
    return line === null ? [] : [addressOf(line)]
  }

  async createDomain(domain: string): Promise<void> {
    const folder = this.#folder(domain)
    if (!(await folder.create())) throw new FloatingIpDNSExists({ name: null, domain: folder.domain })
  }

  async deleteDomain(domain: string): Promise<void> {
    const folder = this.#folder(domain)
    if (!(await folder.destroy())) throw new DnsDomainNotFound({ domain: folder.domain })
  }

  #folder(domain: string): DomainFolder {
    return new DomainFolder(this.#root, parseDomain(domain))
  }

  #entry(name: string, domain: string, address = '0.0.0.0') {
    const folder = this.#folder(domain)
    const label = parseDnsName(name, folder.domain)
    return { folder, label, line: `${parseAddress(address)} ${label}.${folder.domain}\n` }
  }
}

function addressOf(line: string): string {
  return line.split(' ')[0] ?? ''
}

const plugin = {
  name: 'minidns',
  summary: 'Keeps DNS names in a folder of hosts files, for one machine and for tests',
  contract: '1.0',
  options: {
    minidns_path: option.path({
      default: '$state_path/minidns',
      help: 'Folder of the DNS names that minidns keeps; dnsmasq serves those of a domain with --hostsdir=FOLDER/DOMAIN',
    }),
  },
  create: ({ flags }: { readonly flags: { readonly minidns_path: string } }) => new MiniDns(flags.minidns_path),
} as const

export const instanceDns = definePlugin({ ...plugin, provides: instanceDnsManagerSlot })
export const floatingDns = definePlugin({ ...plugin, provides: floatingIpDnsManagerSlot })
