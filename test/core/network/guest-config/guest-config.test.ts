import { aNetwork, anInstance, aVirtualInterface, macOf, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import type { NetworkInfo, SubnetModel } from '../../../../core/model/network-info.ts'
import { interfacesFile } from '../../../../core/network/guest-config/interfaces-file.ts'
import { withGuestSettings } from '../../../../core/network/guest-config/namespace.ts'
import { noCloudSeed } from '../../../../core/network/guest-config/nocloud.ts'
import { buildNetworkInfo } from '../../../../core/network/network-info-builder.ts'

const lines = (...texts: readonly string[]) => texts.map((text) => `${text}\n`).join('')

/** Two interfaces: the first with two addresses, the second in a network of its own. */
function networkInfo(dhcp: boolean): NetworkInfo {
  const address = (text: string) => ({ address: text, floating_ips: [] })
  const vif = (id: number, ...addresses: readonly string[]) => ({
    ...aVirtualInterface({ id, network_id: id }),
    network_uuid: uuidOf(1000 + id),
    fixed_ips: addresses.map(address),
  })
  const networks = [aNetwork({ dns2: '9.9.9.9' }), aNetwork({ id: 2, cidr: '172.16.0.0/20' })]
  const instance = anInstance({ virtual_interfaces: [vif(1, '10.0.0.2', '10.0.0.3'), vif(2, '172.16.0.2')] })
  return buildNetworkInfo(instance, networks, [], { dhcp, shouldCreateBridge: dhcp, ipv6Backend: 'rfc2462' })
}

const v6: SubnetModel = {
  cidr: 'fd00::/64',
  version: 6,
  dns: [{ address: 'fd00::53', type: 'dns', version: 6, meta: {} }],
  gateway: { address: 'fd00::1', type: 'gateway', version: 6, meta: {} },
  ips: [{ address: 'fd00::2', type: 'fixed', version: 6, meta: {}, floating_ips: [] }],
  routes: [
    {
      cidr: 'fd01::/48',
      gateway: { address: 'fd00::9', type: 'gateway', version: 6, meta: {} },
      interface: null,
      meta: {},
    },
  ],
  meta: {},
}

/** The same with IPv6 on the first interface. */
function dualStack(): NetworkInfo {
  const [first, ...others] = networkInfo(false)
  const { network } = first!
  return [{ ...first!, network: { ...network, subnets: [network.subnets[0]!, v6] } }, ...others]
}

describe('interfaces(5)', () => {
  test('static addresses, one default route, and name servers of each interface', () => {
    expect(interfacesFile(networkInfo(false))).toBe(
      lines(
        'auto lo',
        'iface lo inet loopback',
        '',
        'auto eth0',
        'iface eth0 inet static',
        '    address 10.0.0.2',
        '    netmask 255.255.255.0',
        '    broadcast 10.0.0.255',
        '    gateway 10.0.0.1',
        '    dns-nameservers 8.8.4.4 9.9.9.9',
        '',
        'iface eth0 inet static',
        '    address 10.0.0.3',
        '    netmask 255.255.255.0',
        '    broadcast 10.0.0.255',
        '',
        'auto eth1',
        'iface eth1 inet static',
        '    address 172.16.0.2',
        '    netmask 255.255.240.0',
        '    broadcast 172.16.15.255',
        '    dns-nameservers 8.8.4.4',
      ),
    )
  })

  test('IPv6 beside IPv4, with routes', () => {
    expect(interfacesFile(dualStack())).toContain(
      lines(
        'iface eth0 inet6 static',
        '    address fd00::2',
        '    netmask 64',
        '    gateway fd00::1',
        '    up ip route replace fd01::/48 via fd00::9 dev $IFACE',
      ),
    )
  })

  test('where a DHCP server answers it is asked; an interface without an address is left to the guest', () => {
    const [first] = networkInfo(true)
    const bare = { ...first!, network: { ...first!.network, subnets: [] } }
    expect(interfacesFile([first!, bare])).toBe(
      lines(
        ...['auto lo', 'iface lo inet loopback', '', 'auto eth0', 'iface eth0 inet dhcp', ''],
        ...['auto eth1', 'iface eth1 inet manual'],
      ),
    )
  })
})

describe('a NoCloud seed', () => {
  const seedOf = (info: NetworkInfo) => {
    const seed = noCloudSeed({ uuid: uuidOf(1), hostname: 'web1' }, info)
    return { ...seed, network: JSON.parse(seed['network-config']) }
  }

  test('names the instance, and finds interfaces by their MAC addresses', () => {
    const seed = seedOf(dualStack())
    expect(JSON.parse(seed['meta-data'])).toEqual({ 'instance-id': uuidOf(1), 'local-hostname': 'web1' })
    expect(seed['user-data']).toMatch(/^#cloud-config\n/)
    expect(seed.network).toEqual({
      version: 2,
      ethernets: {
        eth0: {
          match: { macaddress: macOf(1) },
          'set-name': 'eth0',
          addresses: ['10.0.0.2/24', '10.0.0.3/24', 'fd00::2/64'],
          routes: [
            { to: '0.0.0.0/0', via: '10.0.0.1' },
            { to: '::/0', via: 'fd00::1' },
            { to: 'fd01::/48', via: 'fd00::9' },
          ],
          nameservers: { addresses: ['8.8.4.4', '9.9.9.9', 'fd00::53'] },
        },
        eth1: {
          match: { macaddress: macOf(2) },
          'set-name': 'eth1',
          addresses: ['172.16.0.2/20'],
          nameservers: { addresses: ['8.8.4.4'] },
        },
      },
    })
  })

  test('leaves to DHCP what DHCP gives', () => {
    const match = { macaddress: macOf(1) }
    expect(seedOf(networkInfo(true)).network.ethernets.eth0).toEqual({ match, 'set-name': 'eth0', dhcp4: true })
  })
})

test.each([
  ['a MAC address', { address: 'fa:16:3e:00:00:01\nup rm' }],
  ['an address', { network: { subnets: [{ ips: [{ address: '10.0.0.2\n    up rm' }] }] } }],
  ['a range', { network: { subnets: [{ cidr: '10.0.0.0/24 }' }] } }],
  ['a gateway', { network: { subnets: [{ gateway: { address: '10.0.0.1; rm' } }] } }],
  ['a name', { hostname: 'web1"}' }],
])('%s that would be more than that gets into no file', (_, values) => {
  const [first] = networkInfo(false) as [NetworkInfo[number]]
  const { subnets: [subnet = {}] = [] } = (values as { network?: { subnets: object[] } }).network ?? {}
  const [v4] = first.network.subnets
  const ips = (subnet as { ips?: { address: string }[] }).ips?.map((ip) => ({ ...v4!.ips[0]!, ...ip })) ?? v4!.ips
  const info = [
    {
      ...first,
      ...('address' in values ? { address: values.address } : {}),
      network: { ...first.network, subnets: [{ ...v4!, ...subnet, ips }] },
    },
  ] as NetworkInfo
  const hostname = 'hostname' in values ? String(values.hostname) : 'web1'
  expect(() => noCloudSeed({ uuid: uuidOf(1), hostname }, info)).toThrow()
  if (!('hostname' in values)) expect(() => interfacesFile(info)).toThrow()
})

test('a guest in a namespace: only a port with an end there is changed, and only the first has route and name servers', () => {
  const end = (name: string) => ({ name, netns: 'web1', macAddress: macOf(1) })
  const port = (name: string) =>
    ({ kind: 'link', name: 'tap1', type: 'veth', master: 'br100', peer: end(name) }) as const
  const tap = { kind: 'link', name: 'tap2', type: 'tap' } as const
  const addresses = [{ address: '10.0.0.2' }, { address: '10.0.0.3' }]
  const cidrs = ['10.0.0.2/24', '10.0.0.3/24']
  expect(withGuestSettings([port('eth0'), tap], aNetwork(), addresses)).toEqual([
    { ...port('eth0'), peer: { ...end('eth0'), addresses: cidrs, gateway: '10.0.0.1' } },
    {
      kind: 'file',
      path: '/etc/netns/web1/resolv.conf',
      content: 'nameserver 8.8.4.4\n',
      mode: 0o644,
      keepsOthers: true,
    },
    tap,
  ])
  expect(withGuestSettings([port('eth1')], aNetwork(), addresses)).toEqual([
    { ...port('eth1'), peer: { ...end('eth1'), addresses: cidrs } },
  ])
  const without = aNetwork({ gateway: null, dns1: null })
  expect(withGuestSettings([port('eth0')], without, addresses)).toEqual([
    { ...port('eth0'), peer: { ...end('eth0'), addresses: cidrs } },
  ])
  expect(withGuestSettings([port('eth0')], aNetwork({ cidr: null }), addresses)).toEqual([port('eth0')])
})
