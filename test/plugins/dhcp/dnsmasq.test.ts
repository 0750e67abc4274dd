import type { L3Driver } from 'netloom/contracts'
import { aFixedIp, aNetwork } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { planHost } from '../../../core/network/host-planner.ts'
import { DnsmasqDhcp } from '../../../plugins/dhcp/dnsmasq.ts'
import { LinuxBridgeInterfaceDriver } from '../../../plugins/interface/bridge.ts'

const settings = {
  ...{ networks_path: '/n', dhcp_domain: 'novalocal', dhcp_lease_time: 120, dhcpbridge: '/helper', dns_server: [] },
  ...{ use_network_dns_servers: false, dnsmasq_config_file: null, dnsmasq_user: 'root' },
}
const l3: L3Driver = {
  initialize: () => [],
  initializeGateway: () => [],
  addFloatingIp: () => [],
  forgetConnections: () => [],
}

/** Contents of the files that dnsmasq is given for a network with a guest on its first interface and one on its second. */
function filesOf(single: boolean, multi_host: boolean, gateway: string | null): Record<string, string | undefined> {
  const network = aNetwork({ gateway, multi_host, host: multi_host ? null : 'node1' })
  const contributions = planHost(
    {
      host: 'node1',
      topology: { managesHost: true, dhcp: true },
      networks: [network],
      hostAddresses: multi_host ? [{ network_id: 1, address: '10.0.0.9' }] : [],
      plannedNetworkIds: [1],
      leasePlannedNetworkIds: [],
      guests: [
        aFixedIp(),
        aFixedIp({
          id: 2,
          address: '10.0.0.3',
          virtual_interface_id: 2,
          mac: 'fa:16:3e:00:00:02',
          default_route: false,
        }),
      ],
      leases: [],
      ports: [],
      injected: [],
      floatingIps: [],
    },
    {
      ...{ l3, interfaceDriver: new LinuxBridgeInterfaceDriver() },
      dhcp: new DnsmasqDhcp({ ...settings, use_single_default_gateway: single }),
    },
  )
  const files = contributions.flatMap(({ resources }) => resources.filter((resource) => resource.kind === 'file'))
  return Object.fromEntries(files.map(({ path, content }) => [path.split('netloom-')[1], content]))
}

describe('the router that guests are told (defects-linux-net D1, D26)', () => {
  const first = 'fa:16:3e:00:00:01,guest1.novalocal,10.0.0.2\n'
  const second = (tag: string) => `fa:16:3e:00:00:02,${tag}guest1.novalocal,10.0.0.3\n`
  const [none, told] = ['tag:no.router,3\n', (router: string) => `3,${router}\n`]

  test.each([
    [false, false, '10.0.0.1', told('10.0.0.1')],
    [false, false, null, '3\n'],
    [false, true, '10.0.0.1', told('10.0.0.9')],
    [false, true, null, told('10.0.0.9')],
    [true, false, '10.0.0.1', none + told('10.0.0.1')],
    [true, false, null, '3\n'],
    [true, true, '10.0.0.1', none + told('10.0.0.9')],
    [true, true, null, none + told('10.0.0.9')],
  ])('use_single_default_gateway %s, multi_host %s, gateway %s', (single, multiHost, gateway, options) => {
    const files = filesOf(single, multiHost, gateway)
    expect(files['br100.opts']).toBe(options)
    expect(files['br100.hosts/fa-16-3e-00-00-01']).toBe(first)
    expect(files['br100.hosts/fa-16-3e-00-00-02']).toBe(second(single ? 'set:no.router,' : ''))
  })
})

test.each([
  ['10.0.0.0/29', 8],
  ['10.0.0.0/24', 256],
  ['10.0.0.0/8', 16_777_216],
  ['0.0.0.0/0', 4_294_967_296],
])('dnsmasq may give as many leases as %s has addresses (defects-linux-net D24)', (cidr, leases) => {
  const dhcp = new DnsmasqDhcp({ ...settings, use_single_default_gateway: false })
  const [daemon] = dhcp.serve(aNetwork({ cidr }), 'br100', '10.0.0.1').filter(({ kind }) => kind === 'daemon')
  expect(daemon).toMatchObject({ argv: expect.arrayContaining([`--dhcp-lease-max=${leases}`]) })
})
