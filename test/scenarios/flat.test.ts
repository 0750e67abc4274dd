import { uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud, refusalOf } from './cloud.ts'

const FLAT = '--network_manager=flat'

async function flatCloud(pair: Backends, ...flags: readonly string[]): Promise<Cloud> {
  const cloud = await makeCloud(pair, { flags: [FLAT, ...flags] })
  await cloud.api.createNetworks({ label: 'flat', cidr: '10.0.0.0/24', dns1: '192.0.2.53' })
  await cloud.guest(1)
  return cloud
}

const attach = ({ api }: Cloud, name = 'guest1') =>
  api.attach('host1', { instance_uuid: uuidOf(1), target: { kind: 'netns', name } })

/** The guest's end of its port. */
async function endOf(cloud: Cloud) {
  const key = (await cloud.host.keys()).find((candidate) => candidate.startsWith('link tap'))
  const resource = key === undefined ? null : await cloud.host.resource(key)
  return resource?.kind === 'link' ? resource.peer : null
}

describe.each(backends)('a Flat network on $name', (pair) => {
  test('leaves the host alone: no device, address, rule or process but the port of a guest', async () => {
    const cloud = await flatCloud(pair)
    expect([...(await cloud.machine.picture())]).toEqual([])
    const { come } = await cloud.machine.changesOf(() => attach(cloud))
    expect(come).toHaveLength(1)
    expect(come[0]).toMatch(/^link tap/)
    expect(await endOf(cloud)).not.toHaveProperty('addresses')
    await cloud.expectInLine()
    expect(await cloud.api.getFloatingIpPools()).toEqual([])
    expect(await cloud.api.getFloatingIpsByProject('demo')).toEqual([])
    expect(await cloud.api.getInstanceIdByFloatingAddress('203.0.113.5')).toBeNull()
    expect(await cloud.api.getFloatingIpByAddress('203.0.113.5')).toBeNull()
    const refusal = await refusalOf(cloud.api.allocateFloatingIp({ project_id: 'demo' }))
    expect(refusal).toMatchObject({ code: 'NotSupported', status: 4 })
  })

  test('the bridge is the operator’s: one that is missing is named, waited for, and never made', async () => {
    const cloud = await flatCloud(pair)
    const { api, host, machine } = cloud
    host.missingDevices.add('br100')
    const refusal = await refusalOf(attach(cloud))
    expect(refusal).toMatchObject({ code: 'BridgeNotFound', status: 3 })
    expect(refusal.message).toContain('there is no bridge br100 on host host1')
    expect((await api.getInstance(uuidOf(1))).virtual_interfaces[0]!.attached_to).toBeNull()
    host.missingDevices.clear()
    await attach(cloud)
    await machine.stop()
    host.missingDevices.add('br100')
    await machine.start()
    host.missingDevices.clear()
    await cloud.expectInLine()
    expect(await host.keys()).not.toContain('link br100')
  })

  test('with flat_injected gives a guest in a namespace its addresses, route and name servers', async () => {
    const cloud = await flatCloud(pair, '--flat_injected=true')
    const { api, host } = cloud
    const [network] = await api.getAllNetworks()
    expect(network).toMatchObject({ injected: true })
    expect((await api.getInstanceNwInfo(uuidOf(1)))[0]!.network.meta).toMatchObject({ injected: true })
    await attach(cloud)
    expect(await endOf(cloud)).toMatchObject({ addresses: ['10.0.0.2/24'], gateway: '10.0.0.1' })
    const names = 'file /etc/netns/guest1/resolv.conf'
    expect(await host.resource(names)).toMatchObject({ content: 'nameserver 192.0.2.53\n' })
    await cloud.expectInLine()

    await api.addFixedIpToInstance(uuidOf(1), network!.uuid)
    expect(await endOf(cloud)).toMatchObject({ addresses: ['10.0.0.2/24', '10.0.0.3/24'] })
    await api.removeFixedIpFromInstance(uuidOf(1), '10.0.0.2')
    expect(await endOf(cloud)).toMatchObject({ addresses: ['10.0.0.3/24'], gateway: '10.0.0.1' })
    await cloud.expectInLine()
    await api.detach('host1', uuidOf(1))
    expect([...(await cloud.machine.picture())]).toEqual([])
    await cloud.expectInLine()
  })
})

test('FlatDHCP injects nothing', async () => {
  const cloud = await makeCloud(backends[0]!)
  const [network] = await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
  expect(network).toMatchObject({ injected: false })
})
