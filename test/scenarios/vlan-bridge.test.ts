import { type SimulatedHost, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud } from './cloud.ts'

const VLAN_BRIDGE = ['--network_manager=vlan', '--vlan_interface=eth1', '--network_driver=vlan']

async function vlanCloud(pair: Backends, count = 2) {
  const cloud = await makeCloud(pair, { flags: VLAN_BRIDGE })
  const request = { label: 'private', cidr: '10.0.0.0/8', num_networks: count, network_size: 16 }
  return { cloud, networks: await cloud.api.createNetworks(request) }
}

const plug = ({ api }: Cloud, number: number) =>
  api.attach('host1', { instance_uuid: uuidOf(number), target: { kind: 'netns', name: `guest${number}` } })

const vlansOn = async (host: SimulatedHost) =>
  (await host.keys()).filter((key) => key.startsWith('port-vlan ')).map((key) => key.slice('port-vlan '.length))

describe.each(backends)('networks on one bridge for their trunk on $name', (pair) => {
  test('share it, are apart by their VLANs, and it goes with the last', async () => {
    const { cloud, networks } = await vlanCloud(pair)
    const { api, host } = cloud
    await cloud.guest(1, { project: 'red' })
    await cloud.guest(2, { project: 'blue' })
    const one = await plug(cloud, 1)
    const two = await plug(cloud, 2)
    const ofNetworks = ['br-eth1 100', 'br-eth1 101', 'eth1 100', 'eth1 101']
    expect(await vlansOn(host)).toEqual([...ofNetworks, `${one.device} 100`, `${two.device} 101`].toSorted())
    expect((await host.keys()).filter((key) => key.startsWith('link br'))).toEqual(['link br-eth1'])
    expect(await host.keys()).toEqual(expect.arrayContaining(['address 10.0.0.1/28 vlan100', 'link vlan101']))
    const rules = (await host.rules())
      .split('\n')
      .filter((line) => line.includes('FORWARD') && /br-eth1|vlan/.test(line))
    expect(rules).toEqual([
      '[0:0] -A netloom-FORWARD -i br-eth1 -o br-eth1 -j ACCEPT',
      '[0:0] -A netloom-FORWARD -i vlan100 -j ACCEPT',
      '[0:0] -A netloom-FORWARD -o vlan100 -j ACCEPT',
      '[0:0] -A netloom-FORWARD -i vlan101 -j ACCEPT',
      '[0:0] -A netloom-FORWARD -o vlan101 -j ACCEPT',
    ])
    await cloud.expectInLine()

    const picture = await cloud.machine.picture()
    await cloud.machine.stop()
    await cloud.machine.start()
    expect(await cloud.machine.picture()).toEqual(picture)

    await api.deallocateForInstance(uuidOf(1))
    await api.scrubProject('red')
    await api.deleteNetwork(networks[0]!.uuid)
    expect(await vlansOn(host)).toEqual(['br-eth1 101', 'eth1 101', `${two.device} 101`].toSorted())
    expect(await host.keys()).toContain('link br-eth1')
    await api.deallocateForInstance(uuidOf(2))
    await api.scrubProject('blue')
    await api.deleteNetwork(networks[1]!.uuid)
    expect((await host.keys()).filter((key) => /^(link|port-vlan|address .* vlan)/.test(key))).toEqual(['link eth1'])
    await cloud.expectInLine()
  })

  test('take over the guests of a host that had a bridge for each network, and give them back', async () => {
    const flags = VLAN_BRIDGE.filter((flag) => flag !== '--network_driver=vlan')
    const cloud = await makeCloud(pair, { flags })
    const { machine, host } = cloud
    await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await cloud.guest(1, { project: 'red' })
    const { device } = await plug(cloud, 1)
    const before = await machine.picture()
    expect(await host.keys()).toContain('link br100')
    const { settings } = machine
    await machine.stop()
    machine.settings = { ...settings, commandLine: [...settings.commandLine, '--network_driver=vlan'] }
    await machine.start()
    expect(await vlansOn(host)).toEqual(['br-eth1 100', 'eth1 100', `${device} 100`].toSorted())
    expect(await host.resource(`link ${device}`)).toMatchObject({ type: 'veth', master: 'br-eth1' })
    expect(await host.resource('link vlan100')).toMatchObject({ parent: 'br-eth1' })
    expect(await host.keys()).not.toContain('link br100')
    await cloud.expectInLine()
    await machine.stop()
    machine.settings = settings
    await machine.start()
    expect(await machine.picture()).toEqual(before)
  })

  test('few processes: one more than a bridge for each network takes to look, one to plug in', async () => {
    const { cloud } = await vlanCloud(pair)
    const { machine, api } = cloud
    await cloud.guest(1, { project: 'red' })
    await cloud.guest(2, { project: 'red' })
    await plug(cloud, 1)
    // Looks at links, VLANs and rules; the pair, the guest's end, the host's end, and its VLAN.
    expect(await machine.processesOf(() => plug(cloud, 2))).toBe(7)
    // dhcp_release is not called: no lease was taken. The pair.
    expect(await machine.processesOf(() => api.deallocateForInstance(uuidOf(2)))).toBe(1)
  })

  test('whatever fails when a guest is plugged in fails that guest alone, and nothing of it is left', async () => {
    const { cloud } = await vlanCloud(pair)
    await cloud.guest(1, { project: 'red' })
    await cloud.guest(2, { project: 'red' })
    await plug(cloud, 1)
    const before = await cloud.machine.picture()
    let failures = 0
    for (;;) {
      cloud.host.failAt(failures + 1, { lasts: true })
      const outcome = await plug(cloud, 2).then(
        () => 'done',
        (error: { code?: string }) => error.code,
      )
      if (!cloud.host.repair()) break
      failures += 1
      expect(outcome).toBe('HostChangeFailed')
      await cloud.api.reconcile('host1')
      expect(await cloud.machine.picture()).toEqual(before)
    }
    // The pair, the guest's end, the host's end, and its VLAN.
    expect(failures).toBe(4)
    await cloud.expectInLine()
  })
})
