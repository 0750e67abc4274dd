import { aFixedIp, aNetwork } from 'netloom/testing'
import { expect, test } from 'vitest'
import { DnsmasqDhcp } from '../../../plugins/dhcp/dnsmasq.ts'

const flags = {
  networks_path: '/n',
  dhcp_domain: 'novalocal',
  dhcp_lease_time: 86400,
  dhcpbridge: '/usr/bin/helper',
  dns_server: [],
  use_network_dns_servers: false,
  use_single_default_gateway: false,
  dnsmasq_config_file: null,
  dnsmasq_user: 'root',
}
type Flags = typeof flags

function argvOf(network: Parameters<typeof aNetwork>[0] = {}, more: Partial<Flags> = {}): readonly string[] {
  const served = new DnsmasqDhcp({ ...flags, ...more }).serve(aNetwork(network), 'br100', '10.0.0.1')
  return served.flatMap((resource) => (resource.kind === 'daemon' ? resource.argv : []))
}

test.each<[string, readonly string[], readonly string[]]>([
  ["the host's own names are not told to guests (defects-linux-net D12)", argvOf(), ['--no-hosts']],
  [
    'the netmask is always given (defects-linux-net D11)',
    argvOf({ cidr: '10.0.0.0/20' }),
    ['--dhcp-range=set:private,10.0.0.2,static,255.255.240.0,86400s'],
  ],
  [
    'the tag is the label without what means something to dnsmasq (defects-linux-net D9)',
    argvOf({ label: `a'b,c d` }),
    ['--dhcp-range=set:a-b-c-d,10.0.0.2,static,255.255.255.0,86400s'],
  ],
  [
    'there are as many leases as addresses, whatever the size (defects-linux-net D24)',
    argvOf({ cidr: '10.0.0.0/8' }),
    ['--dhcp-lease-max=16777216'],
  ],
])('%s', (_what, argv, expected) => {
  expect(argv).toEqual(expect.arrayContaining([...expected]))
})

test('a domain that is empty is not named, in the server or in an entry (defects-linux-net D10)', () => {
  expect(argvOf().filter((word) => word.startsWith('--domain'))).toEqual(['--domain=novalocal'])
  expect(argvOf({}, { dhcp_domain: '' }).filter((word) => word.startsWith('--domain'))).toEqual([])
})

test('whoever serves DHCP wants its ports open and checksums filled, running server or not (defects-linux-net D2, D13)', () => {
  const served = new DnsmasqDhcp(flags).serve(aNetwork(), 'br100', '10.0.0.1')
  const open = served.flatMap((resource) =>
    resource.kind === 'accept' ? [`${resource.device} ${resource.protocol} ${resource.port}`] : [],
  )
  expect(open.sort()).toEqual(['br100 tcp 53', 'br100 tcp 67', 'br100 udp 53', 'br100 udp 67'])
  expect(served).toContainEqual({ kind: 'checksum-fill', device: 'br100' })
})

test('long names are cut to what DNS takes, and two never become one (defects-linux-net D7)', () => {
  const labels = ['a', 'b'].map((end) => {
    const guest = aFixedIp({ hostname: `${'very-long-'.repeat(8)}${end}` })
    const [entry] = new DnsmasqDhcp({ ...flags, dhcp_domain: '' }).host(aNetwork(), 'br100', guest)
    return entry?.kind === 'file' ? entry.content.split(',')[1]! : ''
  })
  expect(labels.map((label) => label.length <= 63 && /^[a-z0-9-]+$/.test(label))).toEqual([true, true])
  expect(new Set(labels).size).toBe(2)
})
