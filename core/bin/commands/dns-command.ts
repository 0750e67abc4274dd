import type { Command } from 'commander'
import type { DnsDomain } from '../../contracts/dns.ts'
import { withExample } from '../arguments.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'
import { wrongUsage } from '../wrong-usage.ts'

interface Entry {
  readonly name: string
  readonly address: string
  readonly domain: string
}

const domainColumns: Columns<DnsDomain> = {
  domain: (row) => row.domain,
  scope: (row) => row.scope,
  availability_zone: (row) => (row.scope === 'private' ? row.availability_zone : null),
  project: (row) => (row.scope === 'public' ? row.project : null),
}

const entryColumns: Columns<Entry> = {
  name: (row) => row.name,
  address: (row) => row.address,
  domain: (row) => row.domain,
}

/** `netloom dns ...` */
export function declare(dns: Command, run: Run): void {
  declareDomains(dns.command('domain').description('domains that names are made in').helpCommand(false), run)
  declareEntries(dns.command('entry').description('names of floating IPs').helpCommand(false), run)
}

function declareDomains(domain: Command, run: Run): void {
  withExample(
    domain
      .command('list')
      .description('domains that the DNS drivers have')
      .action(() =>
        run(async ({ client, output }) => {
          const none =
            'no DNS domain is registered, or none is with its driver (instance_dns_manager, floating_ip_dns_manager)'
          output.list(await (await client()).api.getDnsDomains(), domainColumns, none)
        }),
      ),
    'netloom dns domain list',
  )
  withExample(
    domain
      .command('create')
      .description('register a domain: a public one for names of floating IPs, or a private one for those of instances')
      .argument('<domain>')
      .option('--project <project>', 'who may use a public one; default: every project')
      .option('--availability_zone <zone>', 'makes it a private one, for instances of this zone')
      .action((name: string, { project, availability_zone: zone }: { project?: string; availability_zone?: string }) =>
        run(async ({ client, output }) => {
          if (project !== undefined && zone !== undefined)
            throw wrongUsage('netloom dns domain create', 'a private domain (--availability_zone) has no --project')
          const { api } = await client()
          const made =
            zone === undefined
              ? await api.createPublicDnsDomain(name, project ?? null)
              : await api.createPrivateDnsDomain(name, zone)
          output.done(made, `${made.scope} DNS domain ${made.domain} created`)
        }),
      ),
    'netloom dns domain create example.org --project acme',
    'netloom dns domain create internal.example.org --availability_zone nova',
  )
  withExample(
    domain
      .command('delete')
      .description('take a domain away with all its entries')
      .argument('<domain>')
      .action((name: string) =>
        run(async ({ client, output }) => {
          await (await client()).api.deleteDnsDomain(name)
          output.done({ domain: name }, `DNS domain ${name} deleted`)
        }),
      ),
    'netloom dns domain delete example.org',
  )
}

function declareEntries(entry: Command, run: Run): void {
  withExample(
    entry
      .command('list')
      .description('what a name leads to, or the names of an address')
      .argument('<domain>')
      .option('--name <name>')
      .option('--address <address>')
      .action((domain: string, { name, address }: { name?: string; address?: string }) =>
        run(async ({ client, output }) => {
          if ((name === undefined) === (address === undefined))
            throw wrongUsage('netloom dns entry list', 'give either --name or --address')
          const { api } = await client()
          const entries =
            name === undefined
              ? (await api.getDnsEntriesByAddress(address!, domain)).map((found) => ({
                  name: found,
                  address: address!,
                }))
              : (await api.getDnsEntriesByName(name, domain)).map((found) => ({ name, address: found }))
          const rows = entries.map((found) => ({ ...found, domain }))
          output.list(rows, entryColumns, `there is no such entry in ${domain}`)
        }),
      ),
    'netloom dns entry list example.org --address 203.0.113.5',
    'netloom dns entry list example.org --name www',
  )
  withExample(
    entry
      .command('add')
      .description('give an address a name in a public domain')
      .argument('<domain>')
      .argument('<name>', 'without the domain')
      .argument('<address>', 'a floating IP')
      .option('--type <type>', 'A for an IPv4 address, AAAA for an IPv6 address; default: the one that fits')
      .action((domain: string, name: string, address: string, { type }: { type?: string }) =>
        run(async ({ client, output }) => {
          const dnsType = type ?? (address.includes(':') ? 'AAAA' : 'A')
          await (await client()).api.addDnsEntry({ address, name, dns_type: dnsType, domain })
          output.done({ name, address, domain }, `${name}.${domain} leads to ${address}`)
        }),
      ),
    'netloom --as-project acme dns entry add example.org www 203.0.113.5',
  )
  withExample(
    entry
      .command('modify')
      .description('lead a name to another address')
      .argument('<domain>')
      .argument('<name>', 'without the domain')
      .argument('<address>', 'a floating IP')
      .action((domain: string, name: string, address: string) =>
        run(async ({ client, output }) => {
          await (await client()).api.modifyDnsEntry({ address, name, domain })
          output.done({ name, address, domain }, `${name}.${domain} leads to ${address}`)
        }),
      ),
    'netloom --as-project acme dns entry modify example.org www 203.0.113.6',
  )
  withExample(
    entry
      .command('delete')
      .description('take a name away')
      .argument('<domain>')
      .argument('<name>', 'without the domain')
      .action((domain: string, name: string) =>
        run(async ({ client, output }) => {
          await (await client()).api.deleteDnsEntry({ name, domain })
          output.done({ name, domain }, `${name}.${domain} deleted`)
        }),
      ),
    'netloom --as-project acme dns entry delete example.org www',
  )
}
