import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DhcpDriver, HostResource } from 'netloom/contracts'
import { aNetwork, silentLogger } from 'netloom/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { checkConfig, showConfig } from '../../../core/bin/commands/config.ts'
import { listPlugins } from '../../../core/bin/commands/plugins.ts'
import { selectPlugins } from '../../../core/bin/plugin-selection.ts'
import dnsmasq from '../../../plugins/dhcp/dnsmasq.ts'

const folder = mkdtempSync(join(tmpdir(), 'netloom-nova-'))
afterAll(() => rmSync(folder, { recursive: true }))

function given(text: string) {
  const file = join(folder, 'nova.conf')
  writeFileSync(file, text)
  return { configFiles: [file], environment: {}, commandLine: [] }
}

describe('a class path of nova selects the plugin that took its place', () => {
  test.each([
    ['network_manager', 'nova.network.manager.FlatDHCPManager', 'network_manager', 'flat-dhcp'],
    ['network_manager', 'nova.network.manager.FlatManager', 'network_manager', 'flat'],
    ['network_driver', 'nova.network.linux_net', 'network_driver', 'bridge'],
    ['network_driver', 'nova.network.linux_net.LinuxBridgeInterfaceDriver', 'network_driver', 'bridge'],
    ['linuxnet_interface_driver', 'nova.network.linux_net.LinuxBridgeInterfaceDriver', 'network_driver', 'bridge'],
    [
      'linuxnet_interface_driver',
      'nova.network.linux_net.QuantumLinuxBridgeInterfaceDriver',
      'network_driver',
      'bridge',
    ],
    [
      'linuxnet_interface_driver',
      'nova.network.linux_net.NeutronLinuxBridgeInterfaceDriver',
      'network_driver',
      'bridge',
    ],
    ['l3_lib', 'nova.network.l3.LinuxNetL3', 'l3_lib', 'linux-net'],
    ['l3_lib', 'nova.network.l3.NullL3', 'l3_lib', 'noop'],
    ['firewall_driver', 'nova.virt.firewall.IptablesFirewallDriver', 'firewall_driver', 'iptables'],
    ['firewall_driver', 'nova.virt.libvirt.firewall.IptablesFirewallDriver', 'firewall_driver', 'iptables'],
    ['firewall_driver', 'nova.virt.firewall.NoopFirewallDriver', 'firewall_driver', 'noop'],
  ])('%s = %s', async (flag, value, slot, selected) => {
    const plugins = await listPlugins(given(`${flag} = ${value}`))
    expect(plugins).toContainEqual(expect.objectContaining({ slot, selected, origin: 'built-in' }))
  })

  test('the old flag wins over the new one', async () => {
    const plugins = await listPlugins(given('network_driver = bridge\nlinuxnet_interface_driver = noop'))
    expect(plugins).toContainEqual(expect.objectContaining({ slot: 'network_driver', selected: 'noop' }))
  })
})

test('the nova.conf of a FlatDHCP cloud loads as it is, without a word (lessons H1)', async () => {
  const input = given(`[DEFAULT]
state_path = /var/lib/nova
verbose = True
network_manager = nova.network.manager.FlatDHCPManager
network_driver = nova.network.linux_net
linuxnet_interface_driver = nova.network.linux_net.LinuxBridgeInterfaceDriver
l3_lib = nova.network.l3.LinuxNetL3
firewall_driver = nova.virt.libvirt.firewall.IptablesFirewallDriver
dhcpbridge = /usr/bin/nova-dhcpbridge
dhcpbridge_flagfile = /etc/nova/nova.conf
dhcp_domain = novalocal
dhcp_lease_time = 120
dnsmasq_config_file =
dns_server = 8.8.8.8
dmz_cidr = 10.128.0.0/24
fixed_range =
floating_range = 203.0.113.0/24
flat_network_bridge = br100
flat_interface = eth1
public_interface = eth0
network_size = 254
num_networks = 1
force_dhcp_release = True
send_arp_for_ha = True
auto_assign_floating_ip = False
default_floating_pool = nova
my_ip = 192.0.2.10
metadata_host = $my_ip
`)
  expect((await checkConfig(input, selectPlugins)).data).toEqual({ ok: true, problems: [] })
  expect((await showConfig(input, selectPlugins)).data).toMatchObject({
    fixed_range: { value: null },
    metadata_host: { value: '192.0.2.10' },
    networks_path: { value: expect.stringMatching(/^\/var\/lib\/nova\/networks\//) },
  })
})

/** Flags of nova's linux_net with values that it took, as its files have them. */
const LINUX_NET = `[DEFAULT]
state_path = /var/lib/nova
dhcpbridge_flagfile = /etc/nova/nova.conf
dhcpbridge = $bindir/nova-dhcpbridge
networks_path = $state_path/networks
public_interface = eth0
network_device_mtu = 1450
routing_source_ip = $my_ip
dhcp_lease_time = 86400
dns_server = 192.0.2.53
use_network_dns_servers = True
dmz_cidr = 10.128.0.0/24
force_snat_range = 198.51.100.0/24
force_snat_range = 203.0.113.0/24
dnsmasq_config_file =
linuxnet_interface_driver = nova.network.linux_net.LinuxBridgeInterfaceDriver
send_arp_for_ha = True
send_arp_for_ha_count = 3
use_single_default_gateway = True
forward_bridge_interface = eth0
forward_bridge_interface = tun0
iptables_top_regex = -j ADMINTOP
iptables_bottom_regex = -j ADMINBOT
iptables_drop_action = LOGDROP
metadata_host = $my_ip
metadata_port = 8775
fake_network = True
use_ipv6 = False
fixed_range = 10.0.0.0/8
flat_interface = eth1
vlan_interface = eth1
dhcp_domain = novalocal
force_dhcp_release = True
l3_lib = nova.network.l3.LinuxNetL3
network_driver = nova.network.linux_net
lock_path = /var/lock/nova
bindir = /usr/bin
my_ip = 192.0.2.10
host = node1
root_helper = sudo nova-rootwrap
ebtables_exec_attempts = 3
ebtables_retry_interval = 1.0
share_dhcp_address = True
teardown_unused_network_gateway = True
update_dns_entries = True
dns_update_periodic_interval = 60
libvirt_ovs_bridge = br-int
`

test('each flag of linux_net is known, and of those without effect it is said that they have none', async () => {
  const { data } = await checkConfig(given(LINUX_NET), selectPlugins)
  expect(data.problems.map(({ level, flag, message }) => `${level} ${flag}: ${message}`)).toEqual([
    'warning ebtables_exec_attempts: has no effect: netloom runs no ebtables',
    'warning ebtables_retry_interval: has no effect: netloom runs no ebtables',
    'warning share_dhcp_address: has no effect: each host of a multi_host network has an address of its own there',
    'warning teardown_unused_network_gateway: has no effect: a host stays the gateway of a multi_host network that it had guests of',
    'warning update_dns_entries: has no effect: names of instances are kept by instance_dns_manager, as they change',
    'warning dns_update_periodic_interval: has no effect: names of instances are kept by instance_dns_manager, as they change',
    'warning libvirt_ovs_bridge: has no effect: guests are plugged in with `instance attach`',
  ])
  expect(data.ok).toBe(true)
  expect((await showConfig(given(LINUX_NET), selectPlugins)).data).toMatchObject({
    host_driver: { value: 'noop', origin: 'another flag' },
    forward_bridge_interface: { value: ['eth0', 'tun0'] },
    force_snat_range: { value: ['198.51.100.0/24', '203.0.113.0/24'] },
    iptables_top_regex: { value: '-j ADMINTOP' },
    network_device_mtu: { value: 1450 },
  })
})

describe('the lease helper', () => {
  async function helperOf(dhcpbridge: string | null, ownHelper: string): Promise<string | undefined> {
    const flags = { networks_path: '/n', dhcp_domain: '', dhcp_lease_time: 120, dns_server: [], dhcpbridge }
    const driver = (await dnsmasq.create({ flags, services: { ownHelper }, logger: silentLogger })) as DhcpDriver
    const daemon = driver.serve(aNetwork(), 'br100', '10.0.0.1').find((part) => part.kind === 'daemon') as Extract<
      HostResource,
      { kind: 'daemon' }
    >
    return daemon.argv.find((word) => word.startsWith('--dhcp-script='))?.slice('--dhcp-script='.length)
  }

  test('is ours, also where the file names that of nova', async () => {
    expect(await helperOf(null, '/opt/netloom/bridge')).toBe('/opt/netloom/bridge')
    expect(await helperOf('/usr/bin/nova-dhcpbridge', '/opt/netloom/bridge')).toBe('/opt/netloom/bridge')
    expect(await helperOf('/usr/local/bin/mine', '/opt/netloom/bridge')).toBe('/usr/local/bin/mine')
  })

  test('has a path that means the same to a shell, because dnsmasq uses one (defects-linux-net G2)', async () => {
    const { data } = await checkConfig(given('dhcpbridge = /opt/my apps/bridge'), selectPlugins)
    expect(data.problems).toMatchObject([{ level: 'error', flag: 'dnsmasq' }])
    expect(data.problems[0]?.message).toContain('dnsmasq gives the path "/opt/my apps/bridge" to a shell')
    await expect(helperOf(null, '/opt/$(id)/bridge')).rejects.toThrow('link the helper')
  })
})
