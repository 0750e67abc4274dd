import type { L3Driver, Logger, NetworkRow } from 'netloom/contracts'
import { aNetwork, silentLogger } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import linuxNet from '../../../plugins/l3/linux-net.ts'

const flags = {
  ...{ my_ip: '192.0.2.1', public_interface: 'eth0', metadata_host: null, metadata_port: 8775, dmz_cidr: [] },
  ...{ use_ipv6: false, send_arp_for_ha: false, send_arp_for_ha_count: 0 },
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

describe('IPv6', () => {
  const made = (use_ipv6: boolean) =>
    linuxNet.create({
      flags: { ...flags, routing_source_ip: null, use_ipv6 },
      services: {},
      logger: silentLogger,
    }) as L3Driver
  const six = { cidr_v6: 'fd00:0:0:64::/64', gateway_v6: 'fd00:0:0:64::1' }

  test.each<[string, Partial<NetworkRow>, boolean, readonly string[]]>([
    ['is a host address with the prefix of the network (defects-linux-net E18)', six, true, ['fd00:0:0:64::1/64']],
    ['is none in a network without IPv6', {}, true, []],
    ['is none where IPv6 is not served', six, false, []],
  ])('the gateway of guests %s', (_, values, use_ipv6, expected) => {
    const resources = made(use_ipv6).initializeGateway(aNetwork(values), 'br100', null)
    expect(resources.flatMap((each) => (each.kind === 'address' ? each.cidr : []))).toEqual(expected)
    expect(resources.some(({ kind }) => kind === 'accept-icmpv6')).toBe(expected.length > 0)
  })

  test.each([
    [true, [{ kind: 'sysctl', key: 'net.ipv6.conf.all.forwarding', value: '1', keepsAdvertisedRoutes: true }]],
    [false, []],
  ])('with use_ipv6 %s the host is a router that keeps its own routes (lessons F1)', (use_ipv6, expected) => {
    expect(
      made(use_ipv6)
        .initialize()
        .filter((each) => each.kind === 'sysctl' && each.key.includes('ipv6')),
    ).toEqual(expected)
  })
})
