/**
 * DNS follows the rows, as hosts do: a transaction that changes who has an address notes it (`dns_changes`), and what DNS
 * says of the address is then brought in line. A note stays until that is done, so what a driver that is away did not
 * take, or a killed process did not ask for, is tried again periodically. An instance has two names in
 * `instance_dns_domain`, its own and its UUID; both lead to its first address (defects-manager F1). The names of a
 * floating IP are made by its project, and go when it is released.
 */
import { isDeepStrictEqual } from 'node:util'
import type { NetworkStore } from '../contracts/database.ts'
import type { DnsDriver } from '../contracts/dns.ts'
import { FixedIpNotFoundForAddress } from '../errors/address.ts'
import { NetloomError } from '../errors/base.ts'
import { DnsEntryNotFound, DnsFailed, FloatingIpDNSExists } from '../errors/dns.ts'
import { TryLater } from '../errors/service.ts'
import { dhcpLabel } from '../model/names.ts'
import type { DnsChangeRow, FixedIpDetail } from '../model/rows.ts'
import type { NetworkManager } from './network-manager.ts'

type Kind = DnsChangeRow['kind']

/** An address whose names are to be looked at. */
export type DnsSubject = Pick<DnsChangeRow, 'kind' | 'address'>

/** How often others may change the rows while an address is looked at. */
const ROUNDS = 10

/** How many notes are taken up at a time. */
const NOTES = 200

/** Names of an address in a domain. */
interface Wanted {
  readonly domain: string
  readonly names: readonly string[]
}

/** What is noted of an address, and what DNS should say of it. */
interface Picture {
  readonly notes: readonly number[]
  readonly wanted: readonly Wanted[]
}

/** The domain in which instances have names, in lower case; empty: they have none. */
export function instanceDomain({ services }: NetworkManager): string {
  return services.flags.instance_dns_domain.toLowerCase()
}

function isKept(manager: NetworkManager, kind: Kind): boolean {
  const { instanceDns, floatingDns } = manager.services
  return kind === 'fixed' ? instanceDomain(manager) !== '' && !instanceDns.keepsNothing : !floatingDns.keepsNothing
}

/** Notes, as part of the transaction, that somebody else has these addresses from now on. @returns what is to be settled then */
export async function noteDns(
  manager: NetworkManager,
  store: NetworkStore,
  kind: Kind,
  addresses: readonly string[],
): Promise<readonly DnsSubject[]> {
  if (!isKept(manager, kind)) return []
  if (kind === 'floating' && (await store.dnsDomains.list({ scope: 'public' })).length === 0) return []
  await store.dnsChanges.record(kind, addresses)
  return addresses.map((address) => ({ kind, address }))
}

/** Notes that fixed IPs were let go: the next one of an instance takes its names over. @returns those to be settled, in order */
export async function noteLetGo(
  manager: NetworkManager,
  store: NetworkStore,
  gone: readonly FixedIpDetail[],
): Promise<readonly DnsSubject[]> {
  if (!isKept(manager, 'fixed') || gone.length === 0) return []
  const addresses = gone.map((row) => row.address)
  for (const instanceUuid of new Set(gone.map((row) => row.instance_uuid))) {
    const vifs = instanceUuid === null ? [] : await store.virtualInterfaces.list({ instanceUuid })
    const others = await store.fixedIps.list({ virtualInterfaceIds: vifs.map((vif) => vif.id), allocated: true })
    addresses.push(...others.map((other) => other.address))
  }
  return noteDns(manager, store, 'fixed', addresses)
}

/**
 * Brings what DNS says of the address in line, if anything is noted of it. The driver has no transactions, so this ends
 * with a look at which nothing is to be done and the rows are what they were: whoever comes between is seen then.
 * @throws what the driver throws @throws {TryLater}
 */
export async function settleDns(manager: NetworkManager, kind: Kind, address: string): Promise<void> {
  const { database } = manager.services
  if (!isKept(manager, kind)) return
  const look = (store: NetworkStore) => pictureOf(manager, store, kind, address)
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await database.read(look)
    if (round === 0 && before.notes.length === 0) return
    const said = await namesSaid(manager, kind, address, before.wanted)
    // A name that was made meanwhile, of an address that has another owner since, is no left over one.
    if (!isDeepStrictEqual(await database.read(look), before)) continue
    let isChanged = false
    for (const [index, wanted] of before.wanted.entries()) {
      isChanged = (await bring(manager, kind, address, wanted, said[index]!)) || isChanged
    }
    if (isChanged) continue
    const isDone = await database.transaction(async (store) => {
      if (!isDeepStrictEqual(await look(store), before)) return false
      await store.dnsChanges.remove(before.notes)
      return true
    })
    if (isDone) return
  }
  throw new TryLater({ reason: `others keep changing ${address}` })
}

/** For what must not fail because of DNS: what is left to do is tried again periodically. */
export async function settleDnsOrLog(manager: NetworkManager, subjects: readonly DnsSubject[]): Promise<void> {
  for (const { kind, address } of subjects) {
    await settleDns(manager, kind, address).catch((error: unknown) =>
      manager.services.logger.error('DNS is not in line yet; it is tried again periodically', { address, error }),
    )
  }
}

/** Takes up what is noted and not done, until a driver fails. */
export async function retryDns(manager: NetworkManager): Promise<void> {
  for (const kind of ['fixed', 'floating'] as const) {
    const notes = await manager.services.database.read((store) => store.dnsChanges.list({ kind, limit: NOTES }))
    try {
      for (const address of new Set(notes.map((note) => note.address))) await settleDns(manager, kind, address)
    } catch (error) {
      manager.services.logger.error('DNS is not in line yet; it is tried again periodically', { kind, error })
    }
  }
}

/** The driver of this kind of address; its failures name it. */
export function driverOf(manager: NetworkManager, kind: Kind): DnsDriver {
  const { instanceDns, floatingDns } = manager.services
  const [driver, flag] =
    kind === 'fixed' ? [instanceDns, 'instance_dns_manager'] : [floatingDns, 'floating_ip_dns_manager']
  const named =
    <A extends unknown[], T>(what: string, call: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      try {
        return await call.apply(driver, args)
      } catch (error) {
        if (error instanceof NetloomError || typeof (error as Partial<NetloomError> | null)?.exitStatus === 'number')
          throw error
        const reason = error instanceof Error ? error.message : String(error)
        throw new DnsFailed({ flag, what: `${what} (${args.join(', ')})`, reason }, { cause: error })
      }
    }
  return {
    getDomains: named('list its domains', driver.getDomains),
    createEntry: named('create an entry', driver.createEntry),
    deleteEntry: named('delete an entry', driver.deleteEntry),
    modifyAddress: named('modify an entry', driver.modifyAddress),
    getEntriesByAddress: named('look up an address', driver.getEntriesByAddress),
    getEntriesByName: named('look up a name', driver.getEntriesByName),
    createDomain: named('create a domain', driver.createDomain),
    deleteDomain: named('delete a domain', driver.deleteDomain),
  }
}

function namesSaid(manager: NetworkManager, kind: Kind, address: string, wanted: readonly Wanted[]) {
  const driver = driverOf(manager, kind)
  return Promise.all(wanted.map(({ domain }) => driver.getEntriesByAddress(address, domain)))
}

/** @returns whether anything was changed */
async function bring(
  manager: NetworkManager,
  kind: Kind,
  address: string,
  { domain, names }: Wanted,
  said: readonly string[],
): Promise<boolean> {
  const driver = driverOf(manager, kind)
  let isChanged = false
  for (const name of said.map((each) => each.toLowerCase())) {
    // Another address may have got it since.
    if (names.includes(name) || !(await driver.getEntriesByName(name, domain)).includes(address)) continue
    await unlessGone(driver.deleteEntry(name, domain))
    isChanged = true
  }
  for (const name of names) {
    const [leadsTo] = await driver.getEntriesByName(name, domain)
    if (leadsTo === address) continue
    if (leadsTo === undefined) {
      await unlessTaken(driver.createEntry(name, address, address.includes(':') ? 'AAAA' : 'A', domain))
      isChanged = true
    } else if (await hasName(manager, leadsTo, name)) {
      manager.services.logger.warn('a DNS name is that of another address, and stays so', {
        name,
        domain,
        address,
        leadsTo,
      })
    } else {
      await unlessGone(driver.modifyAddress(name, address, domain))
      isChanged = true
    }
  }
  return isChanged
}

/** Whether the rows say that the name is that of the address. */
async function hasName(manager: NetworkManager, address: string, name: string): Promise<boolean> {
  const wanted = await manager.services.database.read((store) => namesOfInstance(manager, store, address))
  return wanted.some(({ names }) => names.includes(name))
}

/** @returns false when the name is taken; by the code of the error, since a plugin may have another copy of netloom */
export function unlessTaken(creation: Promise<void>): Promise<boolean> {
  return unless(FloatingIpDNSExists.code, creation)
}

/** @returns false when it was gone already */
export function unlessGone(deletion: Promise<void>): Promise<boolean> {
  return unless(DnsEntryNotFound.code, deletion)
}

async function unless(code: string, change: Promise<void>): Promise<boolean> {
  try {
    await change
    return true
  } catch (error) {
    if ((error as Partial<NetloomError>).code === code) return false
    throw error
  }
}

async function pictureOf(manager: NetworkManager, store: NetworkStore, kind: Kind, address: string): Promise<Picture> {
  const notes = (await store.dnsChanges.list({ kind, address })).map((note) => note.id)
  if (kind === 'fixed') return { notes, wanted: await namesOfInstance(manager, store, address) }
  if (notes.length === 0) return { notes, wanted: [] }
  // Whoever has it now makes no name before those of the former project are gone: see `dns-operations.ts`.
  const domains = await store.dnsDomains.list({ scope: 'public' })
  return { notes, wanted: domains.map(({ domain }) => ({ domain, names: [] })) }
}

/** Source: _validate_instance_zone_for_dns_domain. */
async function namesOfInstance(
  manager: NetworkManager,
  store: NetworkStore,
  address: string,
): Promise<readonly Wanted[]> {
  const { flags, logger } = manager.services
  const domain = instanceDomain(manager)
  const row = await store.fixedIps.byAddress(address).catch((error: unknown) => {
    if (error instanceof FixedIpNotFoundForAddress) return null
    throw error
  })
  if (!row?.allocated || row.instance_uuid === null || row.hostname === null) return [{ domain, names: [] }]
  const zone = (await store.dnsDomains.byName(domain))?.availability_zone ?? null
  if (zone !== null && zone !== flags.default_availability_zone) {
    logger.warn('an instance gets no DNS names: the domain is of another zone', { domain, zone, address })
    return []
  }
  return [{ domain, names: [...new Set([dhcpLabel(row.hostname), row.instance_uuid])] }]
}
