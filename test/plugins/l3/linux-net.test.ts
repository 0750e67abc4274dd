import type { Logger } from 'netloom/contracts'
import { aNetwork, silentLogger } from 'netloom/testing'
import { expect, test } from 'vitest'
import linuxNet, { LinuxNetL3 } from '../../../plugins/l3/linux-net.ts'

const flags = {
  ...{
    my_ip: '192.0.2.1',
    public_interface: 'eth0',
    metadata_host: null,
    metadata_port: 8775,
    dmz_cidr: [],
    force_snat_range: [],
  },
  ...{ send_arp_for_ha: false, send_arp_for_ha_count: 0 },
}

test.each([
  [
    '127.0.0.1',
    [
      'guests have no way out, because routing_source_ip is a loopback address: set my_ip to the address of this host that others reach',
    ],
  ],
  ['192.0.2.1', []],
  [null, []],
])('a source address of guests that no answer finds back to is told: %s', (routing_source_ip, expected) => {
  const told: string[] = []
  const logger: Logger = { ...silentLogger, warn: (message) => void told.push(message) }
  linuxNet.create({ flags: { ...flags, routing_source_ip }, services: {}, logger })
  expect(told).toEqual(expected)
})

const TO = ['198.51.100.0/24', '203.0.113.0/24']

test.each([
  ['its own', '10.0.0.1', '10.0.0.1', TO, [{ device: 'eth0' }]],
  ['none', null, '10.0.0.1', TO, [{ device: 'eth0' }]],
  ["another machine's", '10.0.0.254', '10.0.0.1', TO, TO.map((destination) => ({ device: null, destination }))],
  ["another machine's, without force_snat_range", '10.0.0.254', '10.0.0.1', [], []],
])('whose source is translated where the gateway is %s', (_what, gateway, address, force_snat_range, expected) => {
  const l3 = new LinuxNetL3({
    ...{ ...flags, vpn_ip: '192.0.2.1', routing_source_ip: '192.0.2.1', metadata_port: 8775 },
    force_snat_range,
  })
  const resources = l3.initializeGateway(aNetwork({ gateway, dhcp_server: address }), 'br100', address)
  expect(resources.filter(({ kind }) => kind === 'source-nat')).toEqual(
    expected.map((more) => ({ kind: 'source-nat', cidr: '10.0.0.0/24', to: '192.0.2.1', ...more })),
  )
  expect(resources).toContainEqual({
    ...{ kind: 'nat-exemption', cidr: '10.0.0.0/24', destination: '10.0.0.0/24', undnatted: true },
  })
})
