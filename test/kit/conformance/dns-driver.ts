import assert from 'node:assert/strict'
import { DnsDomainNotFound, type DnsDriver, DnsEntryNotFound, FloatingIpDNSExists } from 'netloom/contracts'
import { HOSTILE_NAMES } from './checks.ts'
import type { ConformanceCase } from './run-cases.ts'

/** Nobody's: RFC 6761. What the cases make in it they take away. */
const DOMAIN = 'netloom-check.test'
const OTHER = 'x.netloom-check.test'
const ENDS_ALIKE = 'notnetloom-check.test'

const A = '192.0.2.1'
const B = '192.0.2.2'

/** A case of a driver that keeps names, on a domain that is gone afterwards; one that says it keeps none passes. */
function keeping(name: string, run: (dns: DnsDriver) => Promise<void>): ConformanceCase<DnsDriver> {
  return {
    name,
    async run({ instance }) {
      const remove = async () => {
        for (const domain of [DOMAIN, OTHER, ENDS_ALIKE]) await instance.deleteDomain(domain).catch(() => {})
      }
      await remove()
      await instance.createDomain(DOMAIN)
      try {
        if (!instance.keepsNothing) await run(instance)
        else assert.deepEqual(await instance.getDomains(), [], 'it says that it keeps nothing')
      } finally {
        await remove()
      }
    },
  }
}

/** By the code: a plugin may have a copy of netloom of its own. */
async function refuses(call: Promise<unknown>, { code }: { readonly code: string }): Promise<void> {
  await assert.rejects(call, (error: { code?: unknown }) => {
    assert.equal(error.code, code, String(error))
    return true
  })
}

/** `instance_dns_manager` and `floating_ip_dns_manager` */
export const dnsDriverCases: readonly ConformanceCase<DnsDriver>[] = [
  keeping('an entry is found by its name and by its address, in any case, until it is deleted', async (dns) => {
    await dns.createEntry('Web', A, 'A', DOMAIN)
    for (const domain of [DOMAIN, DOMAIN.toUpperCase()]) {
      assert.deepEqual(await dns.getEntriesByName('wEB', domain), [A])
      assert.deepEqual(
        (await dns.getEntriesByAddress(A, domain)).map((name) => name.toLowerCase()),
        ['web'],
      )
    }
    await dns.deleteEntry('WEB', DOMAIN)
    assert.deepEqual(await dns.getEntriesByName('web', DOMAIN), [])
    assert.deepEqual(await dns.getEntriesByAddress(A, DOMAIN), [])
  }),
  keeping('an address has any number of names, also of several labels and of IPv6', async (dns) => {
    for (const name of ['web', 'www.web', 'x'.repeat(63)]) await dns.createEntry(name, '2001:db8::1', 'AAAA', DOMAIN)
    const names = await dns.getEntriesByAddress('2001:db8::1', DOMAIN)
    assert.deepEqual([...names].sort(), ['web', 'www.web', 'x'.repeat(63)])
  }),
  keeping('a name leads to one address: it is not made twice, and keeps what it leads to', async (dns) => {
    await dns.createEntry('web', A, 'A', DOMAIN)
    for (const address of [A, B]) await refuses(dns.createEntry('WEB', address, 'A', DOMAIN), FloatingIpDNSExists)
    assert.deepEqual(await dns.getEntriesByName('web', DOMAIN), [A])
  }),
  keeping('a name is led to another address', async (dns) => {
    await dns.createEntry('web', A, 'A', DOMAIN)
    await dns.modifyAddress('web', B, DOMAIN)
    assert.deepEqual(await dns.getEntriesByName('web', DOMAIN), [B])
    assert.deepEqual(await dns.getEntriesByAddress(A, DOMAIN), [])
  }),
  keeping('what is not there is found by nobody, and neither changed nor deleted', async (dns) => {
    assert.deepEqual(await dns.getEntriesByName('web', DOMAIN), [])
    assert.deepEqual(await dns.getEntriesByAddress(A, DOMAIN), [])
    await refuses(dns.deleteEntry('web', DOMAIN), DnsEntryNotFound)
    await refuses(dns.modifyAddress('web', A, DOMAIN), DnsEntryNotFound)
    await refuses(dns.deleteDomain(OTHER), DnsDomainNotFound)
  }),
  keeping(
    'a domain is created once, and deleted with all its entries and no others (defects-manager F4)',
    async (dns) => {
      await refuses(dns.createDomain(DOMAIN.toUpperCase()), FloatingIpDNSExists)
      for (const domain of [OTHER, ENDS_ALIKE]) await dns.createDomain(domain)
      for (const domain of [DOMAIN, OTHER, ENDS_ALIKE]) await dns.createEntry('web', A, 'A', domain)
      assert.deepEqual(await dns.getEntriesByAddress(A, DOMAIN), ['web'])
      await dns.deleteDomain(DOMAIN)
      assert.deepEqual(await dns.getEntriesByName('web', DOMAIN), [])
      for (const domain of [OTHER, ENDS_ALIKE]) assert.deepEqual(await dns.getEntriesByName('web', domain), [A])
      assert.ok(!(await dns.getDomains()).includes(DOMAIN))
    },
  ),
  keeping('an entry is made in a domain that was never created, which may be created later', async (dns) => {
    await dns.createEntry('web', A, 'A', OTHER)
    assert.ok(!(await dns.getDomains()).includes(OTHER))
    await dns.createDomain(OTHER)
    assert.deepEqual(await dns.getEntriesByName('web', OTHER), [A])
  }),
  keeping(
    'of many at once that make one name one wins, and all other names are made (defects-manager F5)',
    async (dns) => {
      const names = Array.from({ length: 20 }, (_, index) => `web${index}`)
      const made = await Promise.allSettled([
        ...names.map((name) => dns.createEntry(name, A, 'A', DOMAIN)),
        ...names.map(() => dns.createEntry('same', B, 'A', DOMAIN)),
      ])
      assert.equal(made.filter(({ status }) => status === 'fulfilled').length, names.length + 1)
      assert.deepEqual([...(await dns.getEntriesByAddress(A, DOMAIN))].sort(), [...names].sort())
    },
  ),
  keeping('no name and no domain that is none is taken, or it is found as it was given', async (dns) => {
    for (const name of [...HOSTILE_NAMES, '', '.', '..', 'a..b', '-x', 'x_y', 'x'.repeat(64)]) {
      const isMade = await dns.createEntry(name, A, 'A', DOMAIN).then(
        () => true,
        () => false,
      )
      const names = await dns.getEntriesByAddress(A, DOMAIN)
      assert.deepEqual(names, isMade ? [name] : [], JSON.stringify(name))
      if (isMade) await dns.deleteEntry(name, DOMAIN)
      await assert.rejects(dns.createEntry('web', A, 'A', name), `the domain ${JSON.stringify(name)} is taken`)
    }
  }),
]
