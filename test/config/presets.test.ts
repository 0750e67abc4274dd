import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readConfigFiles } from '../../config/read-settings.ts'
import { gather } from '../../config/registry.ts'
import { validate } from '../../config/validate.ts'
import { selectPlugins } from '../../core/bin/plugin-selection.ts'

const folder = fileURLToPath(new URL('../../config/presets/', import.meta.url))
const facts = {
  hostname: 'h',
  primary_address: '192.0.2.1',
  default_state_path: '/s',
  default_run_path: '/r',
  default_interface: 'eth0',
}

const presets = {
  'flat-dhcp.conf': { network_manager: 'flat-dhcp', flat_network_bridge: 'br100', public_interface: 'eth0' },
  'flat.conf': { network_manager: 'flat', flat_network_bridge: 'br100', public_interface: null },
  'multi-host.conf': {
    sql_connection: 'mysql://root@127.0.0.1:3306/test',
    rpc_backend: 'amqp',
    rabbit_host: '127.0.0.1',
    multi_host: true,
    flat_interface: 'eth1',
  },
  'ovs.conf': {
    network_manager: 'vlan',
    linuxnet_ovs_integration_bridge: 'br-int',
    vlan_start: 100,
    public_interface: 'eth0',
  },
  'vlan-bridge.conf': {
    network_manager: 'vlan',
    vlan_interface: 'eth1',
    vlan_start: 100,
    public_interface: 'eth0',
  },
  'vlan.conf': {
    network_manager: 'vlan',
    vlan_interface: 'eth1',
    vlan_start: 100,
    cnt_vpn_clients: 5,
    vpn_ip: '192.0.2.1',
  },
}

test('each preset has a case here', () => {
  expect(readdirSync(folder).filter((name) => name.endsWith('.conf'))).toEqual(Object.keys(presets))
})

test.each(Object.entries(presets))('%s is valid and sets what it says', async (name, expected) => {
  const settings = await readConfigFiles([folder + name])
  const selection = await selectPlugins(settings, facts)
  const { values, problems } = validate({ registry: gather(selection.selected), settings, facts })
  expect([...selection.problems, ...problems]).toEqual([])
  expect(values).toMatchObject(expected)
})
