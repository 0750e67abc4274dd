import { uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud, refusalOf } from './cloud.ts'

/** Guest 1 (10.0.0.2) and guest 2 (10.0.0.3) of project demo, and addresses .1 and .2 of a pool, which demo has. */
async function floatingCloud(pair: Backends): Promise<Cloud> {
  const cloud = await makeCloud(pair)
  const { api } = cloud
  await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
  await cloud.guest(1)
  await cloud.guest(2)
  await api.createFloatingIps({ range: '203.0.113.0/29' })
  for (let count = 0; count < 2; count += 1) await api.allocateFloatingIp({ project_id: 'demo' })
  return cloud
}

const FLOATING = '203.0.113.1'

async function rowOf({ api }: Cloud, address = FLOATING) {
  return (await api.listFloatingIps()).find((row) => row.address === address)!
}

/** What each operation is refused for: facts are those of `floatingCloud`, with .2 leading to guest 2. */
const refusals: readonly (readonly [what: string, code: string, call: (cloud: Cloud) => Promise<unknown>])[] = [
  [
    'an address of no pool',
    'FloatingIpNotFoundForAddress',
    ({ api }) => api.associateFloatingIp('203.0.113.99', '10.0.0.2'),
  ],
  ['what is no address', 'InvalidIpAddressError', ({ api }) => api.associateFloatingIp('web1', '10.0.0.2')],
  [
    'an address that no project has',
    'FloatingIpNotAllocated',
    ({ api }) => api.associateFloatingIp('203.0.113.3', '10.0.0.2'),
  ],
  [
    'a fixed IP of no network',
    'FixedIpNotFoundForAddress',
    ({ api }) => api.associateFloatingIp('203.0.113.2', '192.0.2.9'),
  ],
  [
    'a fixed IP that nobody uses',
    'FixedIpNotAllocated',
    ({ api }) => api.associateFloatingIp('203.0.113.2', '10.0.0.77'),
  ],
  ['to release what is associated', 'FloatingIpAssociated', ({ api }) => api.deallocateFloatingIp('203.0.113.2')],
  ['to release what nobody has', 'FloatingIpNotAllocated', ({ api }) => api.deallocateFloatingIp('203.0.113.3')],
  ['to disassociate what leads nowhere', 'FloatingIpNotAssociated', ({ api }) => api.disassociateFloatingIp(FLOATING)],
  [
    'to release what another project has',
    'Forbidden',
    ({ api }) => api.deallocateFloatingIp(FLOATING, { projectId: 'other' }),
  ],
  [
    'to disassociate what another project has',
    'Forbidden',
    ({ api }) => api.disassociateFloatingIp('203.0.113.2', { projectId: 'other' }),
  ],
  ['to delete what is in use', 'FloatingIpInUse', ({ api }) => api.deleteFloatingIps('203.0.113.0/29')],
]

describe.each(backends)('floating IPs on $name', (pair) => {
  test('what is refused changes nothing (defects-manager C2, C7, C10)', async () => {
    const cloud = await floatingCloud(pair)
    await cloud.api.associateFloatingIp('203.0.113.2', '10.0.0.3')
    const [rows, look] = [await cloud.rows(), await cloud.host.look()]
    for (const [what, code, call] of refusals) expect.soft(await refusalOf(call(cloud)), what).toMatchObject({ code })
    expect(await cloud.rows()).toEqual(rows)
    expect(await cloud.host.look()).toEqual(look)
  })

  test('a release that comes late takes the address from nobody who has it by then', async () => {
    const cloud = await floatingCloud(pair)
    const { api } = cloud
    const demo = await cloud.client('demo')
    await demo.deallocateFloatingIp(FLOATING)
    expect(await api.allocateFloatingIp({ project_id: 'next' })).toBe(FLOATING)
    expect(await refusalOf(demo.deallocateFloatingIp(FLOATING))).toMatchObject({ code: 'Forbidden' })
    const late = api.deallocateFloatingIp(FLOATING, { projectId: 'demo' })
    expect(await refusalOf(late)).toMatchObject({ code: 'Forbidden' })
    expect(await rowOf(cloud)).toMatchObject({ project_id: 'next' })
  })

  test('16 calls at once on one address end as one after another would (defects-manager C1, C7)', async () => {
    const cloud = await floatingCloud(pair)
    const { api } = cloud
    const calls = Array.from({ length: 16 }, (_, i) => {
      if (i % 4 === 0) return api.associateFloatingIp(FLOATING, '10.0.0.2')
      if (i % 4 === 1) return api.associateFloatingIp(FLOATING, '10.0.0.3')
      return i % 4 === 2 ? api.disassociateFloatingIp(FLOATING) : api.deallocateFloatingIp(FLOATING)
    })
    const outcomes = await Promise.allSettled(calls)
    const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
    const named = [
      'FloatingIpNotAssociated',
      'FloatingIpAssociated',
      'FloatingIpNotAllocated',
      'FloatingIpAssociateFailed',
    ]
    expect(codes.filter((code) => !named.includes(code))).toEqual([])
    const { project_id, fixed_address } = await rowOf(cloud)
    if (project_id === null) expect(fixed_address).toBeNull()
    await cloud.expectInLine()
  })

  test('an address moves at once, and says whom it leads to', async () => {
    const cloud = await floatingCloud(pair)
    const { api } = cloud
    expect(await api.associateFloatingIp(FLOATING, '10.0.0.2')).toBeNull()
    expect(await api.associateFloatingIp(FLOATING, '10.0.0.2')).toBeNull()
    expect(await api.associateFloatingIp(FLOATING, '10.0.0.3')).toBe(uuidOf(1))
    await api.associateFloatingIp('203.0.113.2', '10.0.0.3')
    const row = await api.getFloatingIpByAddress(FLOATING)
    expect(row).toMatchObject({ address: FLOATING, fixed_address: '10.0.0.3', instance_uuid: uuidOf(2), host: 'host1' })
    expect(await api.getFloatingIp(row!.id)).toEqual(row)
    expect(await api.getFloatingIpsByFixedAddress('10.0.0.3')).toEqual([FLOATING, '203.0.113.2'])
    expect(await api.getFloatingIpsByFixedAddress('10.0.0.2')).toEqual([])
    expect(await api.getInstanceIdByFloatingAddress(FLOATING)).toBe(uuidOf(2))
    expect(await api.getInstanceIdByFloatingAddress('203.0.113.3')).toBeNull()
    expect((await api.getFloatingIpsByProject('demo')).map(({ address }) => address)).toEqual([FLOATING, '203.0.113.2'])
    expect(await refusalOf(api.getFloatingIp(9999))).toMatchObject({ code: 'FloatingIpNotFound', status: 3 })
    const other = await cloud.client('other')
    expect(await refusalOf(other.getFloatingIp(row!.id))).toMatchObject({ code: 'FloatingIpNotFound' })
    for (const call of [
      () => other.getFloatingIpByAddress(FLOATING),
      () => other.getFloatingIpsByFixedAddress('10.0.0.3'),
      () => other.getInstanceIdByFloatingAddress(FLOATING),
      () => other.getFloatingIpsByProject('demo'),
    ])
      expect(await refusalOf(call())).toMatchObject({ code: 'Forbidden' })
  })

  test('an operator leads what a project has to what it has, and needs a host that serves it (defects-manager C11, C12)', async () => {
    const cloud = await floatingCloud(pair)
    const { api } = cloud
    const operator = await cloud.client('operators')
    expect(await refusalOf(operator.associateFloatingIp(FLOATING, '10.0.0.2'))).toMatchObject({ code: 'Forbidden' })
    await api.associateFloatingIp(FLOATING, '10.0.0.2')
    expect(await rowOf(cloud)).toMatchObject({ project_id: 'demo', fixed_address: '10.0.0.2', host: 'host1' })
    await api.disassociateFloatingIp(FLOATING)
    const [network] = await api.getAllNetworks()
    await api.disassociateNetwork(network!.uuid)
    const [rows, look] = [await cloud.rows(), await cloud.host.look()]
    expect(await refusalOf(api.associateFloatingIp(FLOATING, '10.0.0.2'))).toMatchObject({ code: 'NetworkHostNotSet' })
    expect(await cloud.rows()).toEqual(rows)
    expect(await cloud.host.look()).toEqual(look)
  })

  test('floating_range is made when no range is named', async () => {
    const cloud = await makeCloud(pair, {
      flags: ['--floating_range=198.51.100.0/30', '--default_floating_pool=public'],
    })
    expect(await cloud.api.createFloatingIps({})).toEqual({ pool: 'public', addresses: 2 })
    expect((await cloud.api.listFloatingIps()).map(({ address }) => address)).toEqual(['198.51.100.1', '198.51.100.2'])
    const without = await makeCloud(pair)
    expect(await refusalOf(without.api.createFloatingIps({}))).toMatchObject({ code: 'InvalidInput', status: 2 })
  })

  test('one that is given with its instance goes with it, and moves only when that is meant (defects-manager C3)', async () => {
    const cloud = await makeCloud(pair, { flags: ['--auto_assign_floating_ip=true'] })
    const { api } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await api.createFloatingIps({ range: '203.0.113.0/29' })
    await cloud.guest(1)
    await cloud.guest(2)
    const [vif] = await api.getInstanceNwInfo(uuidOf(2))
    const fixed = vif!.network.subnets[0]!.ips[0]!
    const address = fixed.floating_ips[0]!.address!
    expect(await rowOf(cloud, address)).toMatchObject({ auto_assigned: true, fixed_address: fixed.address })
    expect((await api.getFloatingIpsByProject('demo')).map((row) => row.address)).not.toContain(address)
    for (const call of [
      () => api.disassociateFloatingIp(address),
      () => api.deallocateFloatingIp(address),
      () => api.associateFloatingIp(address, '10.0.0.2'),
    ])
      expect(await refusalOf(call())).toMatchObject({ code: 'CannotDisassociateAutoAssignedFloatingIP', status: 4 })
    await api.associateFloatingIp(address, '10.0.0.2', { affectAutoAssigned: true })
    expect(await rowOf(cloud, address)).toMatchObject({ auto_assigned: true, fixed_address: '10.0.0.2' })
    await api.deallocateForInstance(uuidOf(1), ['10.0.0.2'])
    expect(await rowOf(cloud, address)).toMatchObject({ project_id: null, auto_assigned: false, fixed_address: null })
    await cloud.expectInLine()
  })

  test('when none is left to be given, an instance that is new leaves nothing and one that was there stays (defects-manager B2)', async () => {
    const cloud = await makeCloud(pair, { flags: ['--auto_assign_floating_ip=true'] })
    const { api } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await api.createFloatingIps({ range: '203.0.113.5' })
    await cloud.guest(1)
    await api.disassociateFloatingIp('203.0.113.5', { affectAutoAssigned: true })
    const rows = await cloud.rows()
    expect(await refusalOf(cloud.guest(2))).toMatchObject({ code: 'NoMoreFloatingIps' })
    expect(await refusalOf(cloud.guest(1))).toMatchObject({ code: 'NoMoreFloatingIps' })
    expect(await cloud.rows()).toEqual(rows)
    await cloud.expectInLine()
  })
})
