import { uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { backends } from './backends.ts'
import { makeCloud } from './cloud.ts'

const NET = uuidOf(1000)

describe.each(backends)('the addresses of a network on $name', (pair) => {
  test('a /8 is one network: reserved by halves, listed as ranges, allocated from (lessons A9)', async () => {
    const cloud = await makeCloud(pair)
    const { api } = cloud
    await api.createNetworks({ label: 'large', cidr: '10.0.0.0/8', num_networks: 1, network_size: 2 ** 24, uuid: NET })
    expect(await api.reserveFixedIps('10.128.0.0/9')).toEqual({ addresses: 2 ** 23 })
    const { address } = await cloud.guest(1)
    expect(address).toBe('10.0.0.2')
    const large = { network: 'large', network_uuid: NET }
    expect(await api.listFreeFixedIps()).toEqual([
      { ...large, first: '10.0.0.3', last: '10.127.255.255', addresses: 2 ** 23 - 3 },
    ])
    expect((await api.getNetwork(NET)).addresses).toEqual({
      used: 1,
      held: 0,
      reserved: 2 ** 23 + 2,
      free: 2 ** 23 - 3,
    })
    // Twice is once, and the network keeps what is its own.
    await api.reserveFixedIps('10.128.0.0/9')
    expect(await api.unreserveFixedIps('10.128.0.0/9')).toEqual({ addresses: 2 ** 23 - 1 })
    expect((await api.listFreeFixedIps(NET)).map(({ last }) => last)).toEqual(['10.255.255.254'])
    await cloud.expectInLine()
  })

  test('any list of addresses can be a pool: guests get these, in order, and no others', async () => {
    const cloud = await makeCloud(pair)
    const { api } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', uuid: NET })
    await api.reserveFixedIps('10.0.0.0/24')
    for (const range of ['10.0.0.40-10.0.0.41', '10.0.0.7']) await api.unreserveFixedIps(range)
    const got = []
    for (const number of [1, 2, 3]) got.push((await cloud.guest(number)).address)
    expect(got).toEqual(['10.0.0.7', '10.0.0.40', '10.0.0.41'])
    await expect(cloud.guest(4)).rejects.toMatchObject({
      code: 'NoMoreFixedIps',
      details: { used: 3, reserved: 253, held: 0 },
    })
    await expect(api.reserveFixedIps('10.0.0.0/24')).rejects.toMatchObject({
      code: 'FixedIpInUse',
      details: { addresses: got, count: 3 },
    })
    await cloud.expectInLine()
  })

  test('each is told to be exactly one thing, and whose (lessons A9)', async () => {
    const cloud = await makeCloud(pair)
    const { api } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/28', uuid: NET })
    const [one, two] = [await cloud.guest(1), await cloud.guest(2)]
    await cloud.machine.lease(one.mac, one.address)
    await cloud.machine.lease(two.mac, two.address)
    await api.deallocateForInstance(two.uuid)
    await api.reserveFixedIps('10.0.0.9')
    const states = new Map<string, number>()
    for (let last = 0; last < 16; last++) {
      const { state } = await api.getFixedIpByAddress(`10.0.0.${last}`)
      states.set(state, (states.get(state) ?? 0) + 1)
    }
    expect(Object.fromEntries(states)).toEqual({
      network: 1,
      gateway: 1,
      used: 1,
      held: 1,
      reserved: 1,
      free: 10,
      broadcast: 1,
    })
    expect(await api.getFixedIpByAddress(one.address)).toMatchObject({
      state: 'used',
      network: 'private',
      network_uuid: NET,
      instance_uuid: one.uuid,
      hostname: 'guest1',
      project_id: 'demo',
      instance_host: 'host1',
      mac: one.mac,
      leased: true,
      lease_mac: one.mac,
    })
    const listed = await api.listFixedIps({ network_uuid: NET })
    expect(listed.map(({ address, state }) => [address, state])).toEqual([
      [one.address, 'used'],
      [two.address, 'held'],
    ])
    expect((await api.listFixedIps({ host: 'host1' })).map(({ address }) => address)).toEqual([one.address])
    expect(await api.listFixedIps({ host: 'host9' })).toEqual([])
  })
})
