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
    ['linuxnet_interface_driver', 'nova.network.linux_net.LinuxOVSInterfaceDriver', 'network_driver', 'ovs'],
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
