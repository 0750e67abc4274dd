import { expect, test } from 'vitest'
import { backends } from './backends.ts'
import { type Cloud, makeCloud } from './cloud.ts'

const carried = {
  addresses: [{ cidr: '192.0.2.7/24', words: '192.0.2.7/24 broadcast 192.0.2.255' }],
  routes: [{ destination: 'default', words: '0.0.0.0/0 via 192.0.2.1 proto static' }],
}
const network = { label: 'private', cidr: '10.0.0.0/24', bridge_interface: 'eth1' }

async function busyCloud(): Promise<Cloud> {
  const cloud = await makeCloud(backends[0]!, { flags: ['--bridge_peer=192.0.2.1'] })
  cloud.host.carry('eth1', carried)
  return cloud
}

const moves = ({ host }: Cloud) => host.operationsRun.filter(({ kind }) => kind === 'transaction').length

test("the plan shows that a device's own addresses are moved; they are, once, and come back with the network's end", async () => {
  const cloud = await busyCloud()
  const { api, host } = cloud
  await api.createNetworks(network)
  await cloud.guest(1)
  expect(host.carriedBy('br100')).toEqual(carried)
  expect(host.carriedBy('eth1')).toBeNull()
  expect(moves(cloud)).toBe(1)
  await cloud.expectInLine()

  // A DHCP client of the operator's puts one on the port again.
  host.carry('eth1', carried)
  expect((await api.plan('host1')).entries).toMatchObject([
    { verb: 'change', kind: 'handover', text: 'addresses 192.0.2.7/24 and routes default of eth1 on br100' },
  ])
  await api.reconcile('host1')
  expect(host.carriedBy('eth1')).toBeNull()
  await cloud.expectInLine()

  await api.deallocateForInstance(cloud.uuid(1))
  const [row] = await api.getAllNetworks()
  await api.deleteNetwork(row!.uuid)
  expect(await host.keys()).not.toContain('link br100')
  expect(host.carriedBy('eth1')).toEqual(carried)
  expect(host.carriedBy('br100')).toBeNull()
  await cloud.expectInLine()
})

test('twenty calls at once leave what one does, and move once (defects-linux-net C1)', async () => {
  const once = await busyCloud()
  await once.api.createNetworks(network)
  await once.guest(1)
  const cloud = await busyCloud()
  await cloud.api.createNetworks(network)
  await Promise.all([cloud.guest(1), ...Array.from({ length: 19 }, () => cloud.api.reconcile('host1'))])
  expect(moves(cloud)).toBe(1)
  expect(await cloud.machine.picture()).toEqual(await once.machine.picture())
  await cloud.expectInLine()
})

test('a move that fails leaves the device as it was, and the network is tried again', async () => {
  const cloud = await busyCloud()
  const { api, host } = cloud
  await api.createNetworks(network)
  await expect(
    (async () => {
      host.failAt(2, { lasts: true, message: 'RTNETLINK answers: Invalid argument' })
      return cloud.guest(1)
    })(),
  ).rejects.toThrow('Invalid argument')
  expect(host.carriedBy('eth1')).toEqual(carried)
  host.repair()
  await cloud.guest(2)
  expect(host.carriedBy('br100')).toEqual(carried)
  await cloud.expectInLine()
})

test('only who names a peer to ask needs the program that asks it', async () => {
  for (const [flags, packages] of [
    [[], null],
    [['--bridge_peer=192.0.2.1'], ['iputils-ping']],
  ] as const) {
    const { host, machine } = await makeCloud(backends[0]!, { flags: [...flags] })
    host.missing.add('ping')
    await machine.stop()
    const refusal = await machine.start().then(
      () => null,
      (error) => error.details.packages,
    )
    expect(refusal).toEqual(packages)
  }
})
