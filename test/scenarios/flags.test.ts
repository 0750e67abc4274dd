/** The flags that the documentation of nova-network names: each has the effect that it says. */
import type { LinkResource } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { backends } from './backends.ts'
import { makeCloud } from './cloud.ts'

const [pair] = backends

describe('flags of networks', () => {
  test('flat_network_bridge, flat_interface, flat_network_dns, fixed_range and network_size make a network without a word', async () => {
    const flags = ['--flat_network_bridge=br7', '--flat_interface=eth1', '--flat_network_dns=192.0.2.53']
    const cloud = await makeCloud(pair!, { flags: [...flags, '--fixed_range=10.9.0.0/16', '--network_size=64'] })
    const [network] = await cloud.api.createNetworks({ label: 'private' })
    expect(network).toMatchObject({ cidr: '10.9.0.0/26', bridge: 'br7', bridge_interface: 'eth1', dns1: '192.0.2.53' })
    await cloud.guest(1)
    const picture = await cloud.machine.picture()
    expect(picture).toContain('link br7')
    expect(picture).toContain('link eth1')
  })

  test('vlan_start, vpn_start, vpn_ip and cnt_vpn_clients make networks of projects', async () => {
    const flags = ['--network_manager=vlan', '--vlan_interface=eth1', '--vlan_start=300', '--vpn_start=2000']
    const cloud = await makeCloud(pair!, { flags: [...flags, '--vpn_ip=203.0.113.1', '--cnt_vpn_clients=4'] })
    const networks = await cloud.api.createNetworks({
      ...{ label: 'net', cidr: '10.0.0.0/16', num_networks: 2, network_size: 16 },
    })
    expect(networks.map(({ vlan, bridge, vpn_public_port: port }) => [vlan, bridge, port])).toEqual([
      [300, 'br300', 2000],
      [301, 'br301', 2001],
    ])
    const { address } = await cloud.guest(1)
    const picture = [...(await cloud.machine.picture())]
    expect(address).toBe('10.0.0.3')
    expect(picture).toContain('link vlan300')
    expect(picture).toContain(
      'nat netloom-PREROUTING -d 203.0.113.1/32 -p udp -m udp --dport 2000 -j DNAT --to-destination 10.0.0.2:1194',
    )
    // 16 addresses, without those of network, gateway, VPN server, broadcast and four clients.
    expect(await cloud.api.getNetwork(networks[0]!.uuid)).toMatchObject({ addresses: { free: 7, used: 1 } })
  })

  test('fixed_ip_disassociate_timeout: an address whose lease was never given back is free after that time', async () => {
    const cloud = await makeCloud(pair!, { flags: ['--fixed_ip_disassociate_timeout=100'] })
    const { api, machine } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/29' })
    const { uuid, mac, address } = await cloud.guest(1)
    await machine.lease(mac, address)
    await api.deallocateForInstance(uuid)
    await machine.pass(99)
    expect(await api.getFixedIpByAddress(address)).toMatchObject({ state: 'held' })
    await machine.pass(2)
    expect(await api.getFixedIpByAddress(address)).toMatchObject({ state: 'free' })
  })
})

test('rules of a network whose bridge somebody deleted go with the network (defects-linux-net A26)', async () => {
  const cloud = await makeCloud(pair!)
  const [network] = await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
  const { uuid } = await cloud.guest(1)
  await cloud.api.deallocateForInstance(uuid)
  const rules = async () => [...(await cloud.machine.picture())].filter((line) => line.includes('br100'))
  expect(await rules()).not.toEqual([])
  const { host } = cloud
  const gone = [
    { verb: 'remove', owner: 'somebody', resource: (await host.resource('link br100')) as LinkResource },
  ] as const
  await host.run(host.operations(gone, await host.observe([])), gone)
  expect(await host.keys()).not.toContain('link br100')
  await cloud.api.deleteNetwork(network!.uuid)
  expect(await rules()).toEqual([])
  await cloud.expectInLine()
})
