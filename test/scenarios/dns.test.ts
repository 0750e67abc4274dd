import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { uuidOf } from 'netloom/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Backends, backends } from './backends.ts'
import { type Cloud, type CloudOptions, makeCloud, refusalOf } from './cloud.ts'

const DOMAIN = 'guests.example.org'
const PUBLIC = 'example.org'

/** What DNS says, by full name, read past netloom; and the driver taken away and brought back. */
class Names {
  readonly path: string
  constructor(path: string) {
    this.path = path
  }

  async all(): Promise<Readonly<Record<string, string>>> {
    const names: [string, string][] = []
    for (const domain of await readdir(this.path)) {
      for (const name of (await readdir(join(this.path, domain))).filter((file) => !file.startsWith('.'))) {
        const [address, full] = (await readFile(join(this.path, domain, name), 'utf8')).trim().split(' ')
        names.push([full!, address!])
      }
    }
    return Object.fromEntries(names.sort())
  }

  /** A file is where the folder should be. */
  async break(): Promise<void> {
    await rename(this.path, `${this.path}.kept`)
    await writeFile(this.path, '')
  }

  async mend(): Promise<void> {
    await rm(this.path)
    await rename(`${this.path}.kept`, this.path)
  }
}

async function cloudWithDns(
  pair: Backends,
  flags: readonly string[] = [],
  options: CloudOptions = {},
): Promise<{ cloud: Cloud; names: Names }> {
  const folder = await mkdtemp(join(tmpdir(), 'netloom-dns-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'names')
  const cloud = await makeCloud(pair, {
    ...options,
    flags: [
      '--instance_dns_manager=minidns',
      '--floating_ip_dns_manager=minidns',
      `--minidns_path=${path}`,
      `--instance_dns_domain=${DOMAIN}`,
      ...flags,
    ],
  })
  await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
  await cloud.api.createPublicDnsDomain(PUBLIC, 'demo')
  return { cloud, names: new Names(path) }
}

const nameOf = (label: string) => `${label}.${DOMAIN}`
const uuidName = (number: number) => nameOf(uuidOf(number))

describe.each(backends)('names of instances on $name', (pair) => {
  test('an instance is known by its name and its UUID, until it is deallocated', async () => {
    const { cloud, names } = await cloudWithDns(pair)
    await cloud.guest(1)
    await cloud.guest(2)
    const second = { [nameOf('guest2')]: '10.0.0.3', [uuidName(2)]: '10.0.0.3' }
    expect(await names.all()).toEqual({ [nameOf('guest1')]: '10.0.0.2', [uuidName(1)]: '10.0.0.2', ...second })
    await cloud.api.deallocateForInstance(uuidOf(1))
    expect(await names.all()).toEqual(second)
  })

  test('with several addresses both names lead to the first, and nothing is refused (defects-manager F1)', async () => {
    const { cloud, names } = await cloudWithDns(pair)
    await cloud.api.createNetworks({ label: 'more', cidr: '10.1.0.0/24', bridge: 'br101' })
    await cloud.guest(1)
    const said = await names.all()
    expect(Object.keys(said)).toEqual([uuidName(1), nameOf('guest1')])
    expect(new Set(Object.values(said)).size).toBe(1)
    await cloud.api.deallocateForInstance(uuidOf(1))
    expect(await names.all()).toEqual({})
  })

  test('a name that another instance has stays its; the second is known by its UUID (defects-manager F1)', async () => {
    const { cloud, names } = await cloudWithDns(pair)
    const allocate = (number: number, hostname: string) =>
      cloud.api.allocateForInstance({ instance_uuid: uuidOf(number), project_id: 'demo', hostname })
    await allocate(1, 'Web')
    await allocate(2, 'web')
    expect(await names.all()).toEqual({
      [nameOf('web')]: '10.0.0.2',
      [uuidName(1)]: '10.0.0.2',
      [uuidName(2)]: '10.0.0.3',
    })
    await cloud.api.deallocateForInstance(uuidOf(2))
    expect(await names.all()).toEqual({ [nameOf('web')]: '10.0.0.2', [uuidName(1)]: '10.0.0.2' })
  })

  test('a name that cannot be one in DNS becomes one (lessons B8)', async () => {
    const { cloud, names } = await cloudWithDns(pair)
    await cloud.api.allocateForInstance({ instance_uuid: uuidOf(1), project_id: 'demo', hostname: 'my_web.1' })
    expect(Object.keys(await names.all())).toEqual([uuidName(1), expect.stringMatching(/^my-web-1-[0-9a-f]{8}\./)])
  })

  test('without a domain, and in one of another zone, there are none (defects-manager F2)', async () => {
    const { cloud, names } = await cloudWithDns(pair)
    await cloud.api.createPrivateDnsDomain(DOMAIN, 'elsewhere')
    await cloud.guest(1)
    expect(await names.all()).toEqual({})
    await cloud.api.createPrivateDnsDomain(DOMAIN, 'nova')
    await cloud.guest(2)
    expect(Object.keys(await names.all())).toEqual([uuidName(2), nameOf('guest2')])

    const without = await cloudWithDns(pair, ['--instance_dns_domain='])
    await without.cloud.guest(1)
    expect(await without.names.all()).toEqual({})
  })

  test('when an entry cannot be made the allocation is undone, and says why (defects-manager B1)', async () => {
    const { cloud, names } = await cloudWithDns(pair)
    await cloud.guest(1)
    const [rows, picture] = [await cloud.rows(), await cloud.machine.picture()]
    await names.break()
    const refusal = await refusalOf(cloud.guest(2))
    expect(refusal).toMatchObject({ code: 'DnsFailed', status: 1 })
    expect(refusal.message).toMatch(
      /^the DNS driver of the flag instance_dns_manager did not look up an address .*ENOTDIR/,
    )
    expect(await cloud.rows()).toEqual(rows)
    expect(await cloud.machine.picture()).toEqual(picture)
    await cloud.expectInLine()
    await names.mend()
    await cloud.machine.pass(1)
    expect(Object.keys(await names.all())).toEqual([uuidName(1), nameOf('guest1')])
  })

  test('when an entry cannot be deleted the address is let go all the same, and the entry goes later (lessons G7)', async () => {
    const { cloud, names } = await cloudWithDns(pair)
    await cloud.guest(1)
    await names.break()
    expect(await cloud.api.deallocateForInstance(uuidOf(1))).toEqual({ addresses: ['10.0.0.2'] })
    expect((await cloud.api.getAllNetworks())[0]?.addresses).toMatchObject({ used: 0, held: 0 })
    await names.mend()
    expect(Object.keys(await names.all())).toHaveLength(2)
    // Whoever comes first: the next owner of the address, or the periodic task.
    await cloud.api.allocateForInstance({
      instance_uuid: uuidOf(2),
      project_id: 'demo',
      hostname: 'guest2',
      requested_networks: [{ uuid: (await cloud.api.getAllNetworks())[0]!.uuid, address: '10.0.0.2' }],
    })
    expect(await names.all()).toEqual({ [nameOf('guest2')]: '10.0.0.2', [uuidName(2)]: '10.0.0.2' })
    await names.break()
    await cloud.api.deallocateForInstance(uuidOf(2))
    await names.mend()
    await cloud.machine.stop()
    await cloud.machine.start()
    await cloud.machine.pass(1)
    expect(await names.all()).toEqual({})
  })

  test('of allocations and deallocations at once from two hosts DNS says in the end what the rows say', async () => {
    const { cloud, names } = await cloudWithDns(pair, [], { machines: ['host1', 'host2'] })
    const clients = await Promise.all([1, 2, 3, 4].map(() => cloud.client()))
    await Promise.all(
      clients.map(async (api, client) => {
        for (let n = 0; n < 12; n += 1) {
          const number = 1 + ((n * 5 + client * 3) % 6)
          const request = { instance_uuid: uuidOf(number), project_id: 'demo', hostname: `guest${number}` }
          const call =
            (n + client) % 3 === 0 ? api.deallocateForInstance(uuidOf(number)) : api.allocateForInstance(request)
          // Another may take away what this one is about to ask for.
          await call.catch(({ code }: { code: string }) => expect(code).toBe('InstanceNotFound'))
        }
      }),
    )
    const expected = (await cloud.api.listInstances()).flatMap(({ uuid, hostname, virtual_interfaces: [vif] }) =>
      [uuid, hostname].map((label) => [nameOf(label), vif!.fixed_ips[0]!]),
    )
    expect(expected.length).toBeGreaterThan(0)
    await cloud.machine.pass(1)
    expect(await names.all()).toEqual(Object.fromEntries(expected.sort()))
    await cloud.expectInLine()
  })
})

describe.each(backends)('names of floating IPs on $name', (pair) => {
  async function cloudWithFloating() {
    const { cloud, names } = await cloudWithDns(pair, ['--instance_dns_domain='])
    await cloud.api.createFloatingIps({ range: '203.0.113.0/29' })
    const demo = await cloud.client('demo')
    const address = await demo.allocateFloatingIp({ project_id: 'demo' })
    const add = (name: string, domain = PUBLIC) => demo.addDnsEntry({ address, name, dns_type: 'a', domain })
    return { cloud, names, demo, address, add }
  }

  test('a project gives its addresses names, and takes them away', async () => {
    const { names, demo, address, add } = await cloudWithFloating()
    await add('WWW')
    await add('mail')
    expect(await names.all()).toEqual({ [`www.${PUBLIC}`]: address, [`mail.${PUBLIC}`]: address })
    expect(await demo.getDnsEntriesByAddress(address, PUBLIC)).toEqual(['mail', 'www'])
    expect(await demo.getDnsEntriesByName('www', 'EXAMPLE.org')).toEqual([address])
    const other = await demo.allocateFloatingIp({ project_id: 'demo' })
    await demo.modifyDnsEntry({ name: 'mail', address: other, domain: PUBLIC })
    await demo.deleteDnsEntry({ name: 'www', domain: PUBLIC })
    expect(await names.all()).toEqual({ [`mail.${PUBLIC}`]: other })
  })

  test('they stay when it is disassociated, and go when it is released, in all public domains (defects-manager C8, F6)', async () => {
    const { cloud, names, demo, address, add } = await cloudWithFloating()
    const guest = await cloud.guest(1)
    await cloud.api.createPublicDnsDomain('example.net', null)
    await add('www')
    await add('www', 'example.net')
    const both = { [`www.${PUBLIC}`]: address, 'www.example.net': address }
    await demo.associateFloatingIp(address, guest.address)
    expect(await refusalOf(demo.deallocateFloatingIp(address))).toMatchObject({ code: 'FloatingIpAssociated' })
    await demo.disassociateFloatingIp(address)
    expect(await names.all()).toEqual(both)
    await names.break()
    await demo.deallocateFloatingIp(address)
    await names.mend()
    expect(await names.all()).toEqual(both)
    await cloud.machine.pass(1)
    expect(await names.all()).toEqual({})
  })

  test('no former name leads to the next owner once that gives names of its own', async () => {
    const { cloud, names, demo, address, add } = await cloudWithFloating()
    await add('www')
    await names.break()
    await demo.deallocateFloatingIp(address)
    await names.mend()
    expect(await demo.allocateFloatingIp({ project_id: 'demo' })).toBe(address)
    await add('mail')
    expect(await names.all()).toEqual({ [`mail.${PUBLIC}`]: address })
    await cloud.machine.pass(1)
    expect(await names.all()).toEqual({ [`mail.${PUBLIC}`]: address })
  })

  test('what is not theirs, or malformed, is refused and changes nothing (defects-manager E3)', async () => {
    const { cloud, names, address, add } = await cloudWithFloating()
    await cloud.api.createPublicDnsDomain('everybody.example', null)
    await cloud.api.createPrivateDnsDomain('private.example', 'nova')
    await add('www', 'everybody.example')
    const before = await names.all()
    const acme = await cloud.client('acme')
    const entry = { name: 'www', address, dns_type: 'A', domain: 'everybody.example' }
    const refusals: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['DnsDomainNotFound', () => acme.addDnsEntry({ ...entry, domain: PUBLIC })],
      ['DnsDomainNotFound', () => acme.getDnsEntriesByName('www', PUBLIC)],
      ['Forbidden', () => acme.addDnsEntry({ ...entry, name: 'mail' })],
      ['Forbidden', () => acme.modifyDnsEntry({ name: 'www', address, domain: 'everybody.example' })],
      ['Forbidden', () => acme.deleteDnsEntry({ name: 'www', domain: 'everybody.example' })],
      ['AdminRequired', () => acme.createPublicDnsDomain('acme.example', 'acme')],
      ['AdminRequired', () => acme.deleteDnsDomain('everybody.example')],
      ['FloatingIpDNSExists', () => cloud.api.addDnsEntry(entry)],
      ['DnsEntryNotFound', () => cloud.api.deleteDnsEntry({ name: 'mail', domain: 'everybody.example' })],
      ['DnsDomainNotFound', () => cloud.api.addDnsEntry({ ...entry, domain: 'unknown.example' })],
      ['InvalidInput', () => cloud.api.addDnsEntry({ ...entry, domain: 'private.example' })],
      ['InvalidInput', () => cloud.api.addDnsEntry({ ...entry, name: 'mail', dns_type: 'MX' })],
      ['InvalidInput', () => cloud.api.addDnsEntry({ ...entry, name: '../../etc/passwd' })],
      ['InvalidInput', () => cloud.api.addDnsEntry({ ...entry, name: 'a b' })],
      ['InvalidIpAddressError', () => cloud.api.addDnsEntry({ ...entry, address: '1.2.3.4 evil' })],
      ['InvalidInput', () => cloud.api.createPublicDnsDomain('../escape', null)],
      ['InvalidInput', () => cloud.api.createPublicDnsDomain('10.0.0.1', null)],
      ['FloatingIpDNSExists', () => cloud.api.createPublicDnsDomain('private.example', null)],
    ]
    for (const [code, call] of refusals) expect(await refusalOf(call())).toMatchObject({ code })
    expect(await names.all()).toEqual(before)
    expect((await acme.getDnsDomains()).map(({ domain }) => domain)).toEqual(['everybody.example'])
  })
})

describe.each(backends)('domains on $name', (pair) => {
  test('a domain is deleted with its driver and its entries; made again it gets another zone or project (defects-manager F3)', async () => {
    const { cloud, names } = await cloudWithDns(pair)
    const { api } = cloud
    await cloud.guest(1)
    await api.createPrivateDnsDomain(DOMAIN, 'nova')
    await api.createPublicDnsDomain(PUBLIC, 'acme')
    expect(await api.getDnsDomains()).toEqual([
      { domain: PUBLIC, scope: 'public', project: 'acme' },
      { domain: DOMAIN, scope: 'private', availability_zone: 'nova' },
    ])
    await api.deleteDnsDomain(DOMAIN)
    expect(await names.all()).toEqual({})
    expect((await api.getDnsDomains()).map(({ domain }) => domain)).toEqual([PUBLIC])
    await api.deleteDnsDomain(PUBLIC)
    expect(await refusalOf(api.deleteDnsDomain(PUBLIC))).toMatchObject({ code: 'DnsDomainNotFound', status: 3 })
  })

  test('when the driver fails the registration is as it was (defects-manager F3)', async () => {
    const { cloud, names } = await cloudWithDns(pair)
    const { api } = cloud
    await names.break()
    for (const call of [
      () => api.createPublicDnsDomain(PUBLIC, 'acme'),
      () => api.createPrivateDnsDomain('new.example', 'nova'),
      () => api.deleteDnsDomain(PUBLIC),
    ]) {
      expect(await refusalOf(call())).toMatchObject({
        code: 'DnsFailed',
        message: expect.stringMatching(/ENOTDIR|EEXIST/),
      })
    }
    await names.mend()
    expect(await api.getDnsDomains()).toEqual([{ domain: PUBLIC, scope: 'public', project: 'demo' }])
    expect(await refusalOf(api.deleteDnsDomain('new.example'))).toMatchObject({ code: 'DnsDomainNotFound' })
  })
})
