import type { Logger } from 'netloom/contracts'
import { silentLogger } from 'netloom/testing'
import { expect, test } from 'vitest'
import linuxNet from '../../../plugins/l3/linux-net.ts'

const flags = {
  ...{ my_ip: '192.0.2.1', public_interface: 'eth0', metadata_host: null, metadata_port: 8775, dmz_cidr: [] },
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
