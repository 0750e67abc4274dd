import { uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { backends } from './backends.ts'
import { makeCloud, refusalOf } from './cloud.ts'

const SHARED = uuidOf(1000)
const THEIRS = uuidOf(1001)
/** Guest 1 and 203.0.113.1 are of project mine, guest 2 and 203.0.113.2 of project theirs. */
const [MY_GUEST, THEIR_GUEST] = [uuidOf(1), uuidOf(2)]
const [MY_FLOATING, THEIR_FLOATING] = ['203.0.113.1', '203.0.113.2']

const forbidden: readonly (readonly [code: string, what: string, call: (api: NetworkApi) => Promise<unknown>])[] = [
  [
    'Forbidden',
    'make an instance',
    (api) => api.allocateForInstance({ instance_uuid: uuidOf(3), project_id: 'theirs' }),
  ],
  [
    'Forbidden',
    'take over an instance',
    (api) => api.allocateForInstance({ instance_uuid: THEIR_GUEST, project_id: 'theirs' }),
  ],
  [
    'InstanceExists',
    'claim an instance',
    (api) => api.allocateForInstance({ instance_uuid: THEIR_GUEST, project_id: 'mine' }),
  ],
  ['Forbidden', 'take an instance away', (api) => api.deallocateForInstance(THEIR_GUEST)],
  ['Forbidden', 'see an instance', (api) => api.getInstance(THEIR_GUEST)],
  ['Forbidden', 'see its addresses', (api) => api.getInstanceNwInfo(THEIR_GUEST)],
  ['Forbidden', 'see whose its address is', (api) => api.getFixedIpByAddress('10.0.0.3')],
  ['Forbidden', 'see its interfaces', (api) => api.getVifsByInstance(THEIR_GUEST)],
  ['NetworkNotFoundForProject', 'see a network', (api) => api.getNetwork(THEIRS)],
  [
    'NetworkNotFoundForProject',
    'use a network (defects-manager E2)',
    (api) =>
      api.allocateForInstance({ instance_uuid: uuidOf(3), project_id: 'mine', requested_networks: [{ uuid: THEIRS }] }),
  ],
  ['Forbidden', 'allocate a floating IP', (api) => api.allocateFloatingIp({ project_id: 'theirs' })],
  ['Forbidden', 'release a floating IP', (api) => api.deallocateFloatingIp(THEIR_FLOATING)],
  ['Forbidden', 'steal a floating IP', (api) => api.associateFloatingIp(THEIR_FLOATING, '10.0.0.2')],
  ['Forbidden', 'reach a guest by an own floating IP', (api) => api.associateFloatingIp(MY_FLOATING, '10.0.0.3')],
  ['Forbidden', 'disassociate a floating IP', (api) => api.disassociateFloatingIp(THEIR_FLOATING)],
]

const forOperators: readonly (readonly [what: string, call: (api: NetworkApi) => Promise<unknown>])[] = [
  ['make a network', (api) => api.createNetworks({ label: 'new', cidr: '10.9.0.0/24' })],
  ['delete a network', (api) => api.deleteNetwork(SHARED)],
  ['modify a network', (api) => api.modifyNetwork(THEIRS, { project_id: 'mine' })],
  ['disassociate a network', (api) => api.disassociateNetwork(THEIRS)],
  ['give a network to a project', (api) => api.addNetworkToProject('mine', SHARED)],
  ['scrub a project', (api) => api.scrubProject('theirs')],
  ['change a VPN', (api) => api.changeVpn({ project_id: 'mine', address: null, port: 1000 })],
  ['attach', (api) => api.attach('host1', { instance_uuid: MY_GUEST, target: { kind: 'tap', name: 'vnet1' } })],
  ['detach', (api) => api.detach('host1', MY_GUEST)],
  ['make floating IPs', (api) => api.createFloatingIps({ range: '203.0.114.0/29' })],
  ['delete floating IPs', (api) => api.deleteFloatingIps('203.0.113.3')],
  ['see all fixed IPs', (api) => api.listFixedIps()],
  ['see free fixed IPs', (api) => api.listFreeFixedIps()],
  ['reserve', (api) => api.reserveFixedIps('10.0.0.99')],
  ['unreserve', (api) => api.unreserveFixedIps('10.0.0.99')],
  ['see leases', (api) => api.getDhcpLeases()],
  ['see hosts', (api) => api.listHosts()],
  ['see the plan', (api) => api.plan('host1')],
  ['reconcile', (api) => api.reconcile('host1')],
]

async function twoTenants(pair: (typeof backends)[number]) {
  const cloud = await makeCloud(pair)
  const { api } = cloud
  await api.createNetworks({ label: 'shared', cidr: '10.0.0.0/24', uuid: SHARED })
  await api.createNetworks({
    label: 'theirs',
    cidr: '10.1.0.0/24',
    uuid: THEIRS,
    bridge: 'br101',
    project_id: 'theirs',
  })
  await api.createFloatingIps({ range: '203.0.113.0/29' })
  for (const [number, project] of [
    [1, 'mine'],
    [2, 'theirs'],
  ] as const) {
    const { address } = await cloud.guest(number, { project })
    await api.associateFloatingIp(await api.allocateFloatingIp({ project_id: project }), address)
  }
  return { cloud, mine: await cloud.client('mine') }
}

describe.each(backends)('a tenant on $name', (pair) => {
  test('does the main job with what is its own, without an operator (defects-manager E4)', async () => {
    const { cloud, mine } = await twoTenants(pair)
    const info = await mine.allocateForInstance({ instance_uuid: uuidOf(3), project_id: 'mine' })
    expect(info.map((vif) => vif.network.label)).toEqual(['shared'])
    const address = info[0]!.network.subnets[0]!.ips[0]!.address!
    const floating = await mine.allocateFloatingIp({ project_id: 'mine' })
    await mine.associateFloatingIp(floating, address)
    expect(await mine.associateFloatingIp(MY_FLOATING, address)).toBe(MY_GUEST)
    await mine.disassociateFloatingIp(floating)
    await mine.deallocateFloatingIp(floating)
    await mine.deallocateForInstance(uuidOf(3))
    expect((await mine.listFloatingIps()).map((row) => [row.address, row.fixed_address])).toEqual([[MY_FLOATING, null]])
    await cloud.expectInLine()
  })

  test('sees what is its own and what is shared', async () => {
    const { mine } = await twoTenants(pair)
    expect((await mine.listInstances()).map(({ uuid }) => uuid)).toEqual([MY_GUEST])
    expect((await mine.listFloatingIps()).map(({ address }) => address)).toEqual([MY_FLOATING])
    expect((await mine.getAllNetworks()).map(({ label }) => label)).toEqual(['shared'])
    expect((await mine.getNetwork(SHARED)).label).toBe('shared')
    expect((await mine.getFixedIpByAddress('10.0.0.2')).instance_uuid).toBe(MY_GUEST)
    expect(await mine.getFloatingIpPools()).toEqual([{ name: 'nova' }])
  })

  test('may not touch what is not its own, nor do an operator’s work; nothing changes', async () => {
    const { cloud, mine } = await twoTenants(pair)
    const [rows, look] = [await cloud.rows(), await cloud.host.look()]
    for (const [code, what, call] of forbidden) expect.soft(await refusalOf(call(mine)), what).toMatchObject({ code })
    for (const [what, call] of forOperators) {
      expect.soft(await refusalOf(call(mine)), what).toMatchObject({ code: 'AdminRequired', status: 4 })
    }
    expect(await cloud.rows()).toEqual(rows)
    expect(await cloud.host.look()).toEqual(look)
  })
})
