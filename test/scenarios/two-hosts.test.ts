import { uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { type Backends, backends } from './backends.ts'
import { type Cloud, type Machine, makeCloud, refusalOf } from './cloud.ts'

/** A network of project `one` on host1 and one of project `two` on host2, each with a guest (1 and 2). */
async function twoHosts(pair: Backends): Promise<Cloud & { readonly one: Machine; readonly two: Machine }> {
  const cloud = await makeCloud(pair, { machines: ['host1', 'host2'] })
  const [one, two] = cloud.machines as [Machine, Machine]
  await cloud.api.createNetworks({ label: 'one', cidr: '10.1.0.0/24', bridge: 'br101', project_id: 'one' })
  await cloud.api.createNetworks({ label: 'two', cidr: '10.2.0.0/24', bridge: 'br102', project_id: 'two' })
  await cloud.api.createFloatingIps({ range: '203.0.113.0/28' })
  await two.stop()
  await cloud.guest(1, { project: 'one' })
  await two.start()
  await one.stop()
  await cloud.guest(2, { project: 'two' })
  await one.start()
  return Object.assign(cloud, { one, two })
}

const linesWith = async (machine: Machine, text: string) =>
  [...(await machine.picture())].filter((line) => line.includes(text)).length

describe.each(backends)('two hosts on $name', (pair) => {
  test('a network is taken by the host that answers, and stays with it', async () => {
    const { api, one, two } = await twoHosts(pair)
    expect((await api.getAllNetworks()).map(({ label, host }) => [label, host])).toEqual([
      ['one', 'host1'],
      ['two', 'host2'],
    ])
    expect((await api.listHosts()).map(({ host, state }) => [host, state])).toEqual([
      ['host1', 'up'],
      ['host2', 'up'],
    ])
    expect([await linesWith(one, 'br101'), await linesWith(two, 'br102')].every((count) => count > 5)).toBe(true)
    expect([await linesWith(one, 'br102'), await linesWith(two, 'br101')]).toEqual([0, 0])
  })

  test('whoever is asked, the host of the network does the work', async () => {
    const cloud = await twoHosts(pair)
    const { api, one, two } = cloud
    for (let number = 3; number <= 8; number += 1) await cloud.guest(number, { project: number % 2 ? 'one' : 'two' })
    expect([await linesWith(one, 'guest'), await linesWith(two, 'guest')]).toEqual([4, 4])
    await cloud.expectInLine()
    for (let number = 3; number <= 8; number += 1) await api.deallocateForInstance(uuidOf(number))
    expect([await linesWith(one, 'guest'), await linesWith(two, 'guest')]).toEqual([1, 1])
    await cloud.expectInLine()
  })

  test('a floating IP that moves to a guest of the other host leaves the one before it comes to the other', async () => {
    const cloud = await twoHosts(pair)
    const { api, one, two } = cloud
    const floating = await api.allocateFloatingIp({ project_id: 'one' })
    const onBoth = async () => [await linesWith(one, floating), await linesWith(two, floating)]
    await api.associateFloatingIp(floating, '10.1.0.2')
    expect(await onBoth()).toEqual([6, 0])
    expect(await api.associateFloatingIp(floating, '10.2.0.2')).toBe(uuidOf(1))
    expect(await onBoth()).toEqual([0, 6])
    expect(await api.listFloatingIps()).toContainEqual(
      expect.objectContaining({ address: floating, host: 'host2', fixed_address: '10.2.0.2' }),
    )
    await api.disassociateFloatingIp(floating)
    expect(await onBoth()).toEqual([0, 0])
    await cloud.expectInLine()
  })

  test('a host that is down is named, and nothing is half done', async () => {
    const cloud = await twoHosts(pair)
    const { api, two } = cloud
    const floating = await api.allocateFloatingIp({ project_id: 'two' })
    await two.stop()
    const rows = await cloud.rows()
    for (const call of [
      () => cloud.guest(4, { project: 'two' }),
      () => api.associateFloatingIp(floating, '10.2.0.2'),
      () => api.attach('host2', { instance_uuid: uuidOf(2), target: { kind: 'tap', name: 'vnet2' } }),
      () => api.plan('host2'),
    ]) {
      const refusal = await refusalOf(call())
      expect.soft(refusal).toMatchObject({ code: 'ServiceUnavailable', status: 5 })
      expect.soft(refusal.message).toContain('host2')
      expect.soft(await cloud.rows()).toEqual(rows)
    }
    await cloud.guest(3, { project: 'one' })
    await two.start()
    await cloud.expectInLine()
  })

  test('what is deallocated while its host is down is free, and gone from the host when it is back (defects-manager B4)', async () => {
    const cloud = await twoHosts(pair)
    const { api, two } = cloud
    await two.stop()
    expect(await api.deallocateForInstance(uuidOf(2))).toEqual({ addresses: ['10.2.0.2'] })
    const networks = await api.getAllNetworks()
    expect(networks.find(({ label }) => label === 'two')?.addresses).toMatchObject({ used: 0, held: 0 })
    await two.start()
    expect(await linesWith(two, 'guest2')).toBe(0)
    await cloud.expectInLine()
  })
})
