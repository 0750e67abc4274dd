import { SimulatedHost, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud } from './cloud.ts'

const OVS = ['--network_manager=vlan', '--vlan_interface=eth1', '--network_driver=ovs']

/** Two networks, with tags 100 and 101. */
async function ovsCloud(pair: Backends) {
  const cloud = await makeCloud(pair, { flags: OVS })
  const request = { label: 'private', cidr: '10.0.0.0/8', num_networks: 2, network_size: 16 }
  const networks = await cloud.api.createNetworks(request)
  return { cloud, networks, gateway: (index: number) => `gw-${networks[index]!.uuid.slice(0, 11)}` }
}

const plug = ({ api }: Cloud, number: number) =>
  api.attach('host1', { instance_uuid: uuidOf(number), target: { kind: 'netns', name: `guest${number}` } })

/** Names and tags of the ports on the host. */
async function portsOn(host: SimulatedHost): Promise<readonly (readonly [string, number | undefined])[]> {
  const ports = await Promise.all((await host.keys()).map((key) => host.resource(key)))
  return ports.flatMap((port) => (port?.kind === 'ovs-port' ? [[port.name, port.tag] as const] : []))
}

describe.each(backends)('networks on Open vSwitch on $name', (pair) => {
  test('a tagged port for each gateway and each guest, that go with them (defects-linux-net E20)', async () => {
    const { cloud, networks, gateway } = await ovsCloud(pair)
    const { api, host } = cloud
    await cloud.guest(1, { project: 'red' })
    await cloud.guest(2, { project: 'blue' })
    const one = await plug(cloud, 1)
    const two = await plug(cloud, 2)
    const ports = [
      [gateway(0), 100],
      [gateway(1), 101],
      [one.device, 100],
      [two.device, 101],
    ]
    expect((await portsOn(host)).toSorted()).toEqual(ports.toSorted())
    expect(await host.keys()).toEqual(
      expect.arrayContaining([`address 10.0.0.1/28 ${gateway(0)}`, `link ${one.device}`]),
    )
    const rules = await host.rules()
    expect(rules).toContain(`-i ${gateway(0)} -j ACCEPT`)
    expect(rules).toMatch(new RegExp(`-o ${gateway(0)} .*--checksum-fill`))
    await cloud.expectInLine()

    const picture = await cloud.machine.picture()
    await cloud.machine.stop()
    await cloud.machine.start()
    expect(await cloud.machine.picture()).toEqual(picture)

    await api.detach('host1', uuidOf(1))
    expect((await portsOn(host)).map(([name]) => name)).not.toContain(one.device)
    for (const number of [1, 2]) await api.deallocateForInstance(uuidOf(number))
    for (const project of ['red', 'blue']) await api.scrubProject(project)
    for (const { uuid } of networks) await api.deleteNetwork(uuid)
    expect((await host.keys()).filter((key) => /^(link|ovs-|address .* gw-)/.test(key))).toEqual([])
    expect(await host.rules()).not.toContain('gw-')
    await cloud.expectInLine()
  })

  test('few processes: one transaction for all of a boot, one for a guest', async () => {
    const { cloud, gateway } = await ovsCloud(pair)
    const { machine, api } = cloud
    await cloud.guest(1, { project: 'red' })
    await cloud.guest(2, { project: 'red' })
    await plug(cloud, 1)
    // Looks at links, the switch and rules; the pair, the guest's end, the host's end, and the port.
    expect(await machine.processesOf(() => plug(cloud, 2))).toBe(7)
    // dhcp_release is not called: no lease was taken. The port, and the pair.
    expect(await machine.processesOf(() => api.deallocateForInstance(uuidOf(2)))).toBe(2)
    await cloud.guest(3, { project: 'blue' })
    await plug(cloud, 3)
    await machine.stop()
    machine.host = new SimulatedHost()
    await machine.start()
    const switched = machine.host.operationsRun.filter(({ kind }) => kind === 'switch')
    expect(switched.map((operation) => operation.kind === 'switch' && operation.argv[0])).toEqual(['ovs-vsctl'])
    expect((await portsOn(machine.host)).map(([name]) => name)).toEqual(
      expect.arrayContaining([gateway(0), gateway(1)]),
    )
    await cloud.expectInLine()
  })

  test('a host of bridges never looks for a switch', async () => {
    const cloud = await makeCloud(pair)
    await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await cloud.guest(1)
    await plug(cloud, 1)
    // Links and rules.
    expect(await cloud.machine.processesOf(() => cloud.api.plan('host1'))).toBe(2)
  })

  test('a switch that fails fails those who asked, and nothing of them is left', async () => {
    const { cloud } = await ovsCloud(pair)
    await cloud.guest(1, { project: 'red' })
    const before = await cloud.machine.picture()
    // The pair, the guest's end, the host's end, and then the port.
    cloud.host.failAt(4, { lasts: true, message: 'ovs-vsctl failed: database connection failed' })
    await expect(plug(cloud, 1)).rejects.toThrow('database connection failed')
    cloud.host.repair()
    await cloud.api.reconcile('host1')
    expect(await cloud.machine.picture()).toEqual(before)
    await plug(cloud, 1)
    await cloud.expectInLine()
  })
})
