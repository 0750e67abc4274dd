import { aFixedIp, aNetwork, silentLogger } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { gather } from '../../../config/registry.ts'
import { parseCommandLine } from '../../../config/sources.ts'
import { validate } from '../../../config/validate.ts'
import { planHost } from '../../../core/network/host-planner.ts'
import dnsmasq from '../../../plugins/dhcp/dnsmasq.ts'
import { LinuxBridgeInterfaceDriver } from '../../../plugins/interface/bridge.ts'
import l3 from '../../../plugins/l3/noop.ts'

/** Contents of the files that dnsmasq is given for a network with a guest on its first interface and one on its second. */
function filesOf(single: boolean, multi_host: boolean, gateway: string | null): Record<string, string> {
  const settings = [parseCommandLine(['--state_path=/state', `--use_single_default_gateway=${single}`])]
  const registry = gather([dnsmasq])
  const facts = { hostname: 'node1' }
  const flags = validate({ registry, settings, facts }).values
  const dhcp = dnsmasq.create({ flags, services: { ownHelper: '/helper' }, logger: silentLogger } as never)
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
      dhcp: dhcp as never,
      l3: l3.create({ flags: {}, services: {}, logger: silentLogger }) as never,
      interfaceDriver: new LinuxBridgeInterfaceDriver(),
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
