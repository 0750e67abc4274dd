import type { Operation, OperationFailure, Step } from 'netloom/contracts'
import { SimulatedHost, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud } from './cloud.ts'

/** A network with a plugged guest that has a lease, one that has none, and a floating IP. */
async function busyCloud(pair: Backends): Promise<Cloud> {
  const cloud = await makeCloud(pair)
  const { api, machine } = cloud
  await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
  const one = await cloud.guest(1)
  await cloud.guest(2)
  await api.attach('host1', { instance_uuid: one.uuid, target: { kind: 'netns', name: 'guest1' } })
  await machine.lease(one.mac, one.address)
  await api.createFloatingIps({ range: '203.0.113.0/28' })
  await api.associateFloatingIp(await api.allocateFloatingIp({ project_id: 'demo' }), one.address)
  return cloud
}

/** Whatever is to be done for one owner fails. */
class HostThatFails extends SimulatedHost {
  readonly #owner: string

  constructor(owner: string) {
    super()
    this.#owner = owner
  }

  override async run(operations: readonly Operation[], steps: readonly Step[]): Promise<readonly OperationFailure[]> {
    const isOthers = ({ owner }: { readonly owner: string }) => owner !== this.#owner
    const others = operations.map((each) =>
      each.kind === 'batch' ? { ...each, lines: each.lines.filter(isOthers) } : each,
    )
    const failures = await super.run(others, steps.filter(isOthers))
    return steps.every(isOthers) ? failures : [...failures, { owner: this.#owner, message: 'no such device' }]
  }
}

describe.each(backends)('a service that is started again on $name', (pair) => {
  test('restores an empty host with one look and one process for each kind of change', async () => {
    const cloud = await busyCloud(pair)
    const { machine } = cloud
    const [rows, picture] = [await cloud.rows(), await machine.picture()]
    await machine.stop()
    machine.host = new SimulatedHost()
    await machine.start()
    expect(await machine.picture()).toEqual(picture)
    expect(await cloud.rows()).toEqual(rows)
    expect(machine.host.looks).toBe(1)
    // The look, the rules read, a batch of links and addresses, one in the guest, one of ports, the rules written, dnsmasq.
    expect(machine.host.processes).toBe(7)
    expect(machine.host.announcements).toBe(1)
    await cloud.expectInLine()
  })

  test('has nothing to do on a host that stayed as it was', async () => {
    const cloud = await busyCloud(pair)
    const { machine } = cloud
    await machine.stop()
    const run = machine.host.operationsRun.length
    // The look and the rules read.
    expect(await machine.processesOf(() => machine.start())).toBe(2)
    expect(machine.host.operationsRun).toHaveLength(run)
    await cloud.expectInLine()
  })

  test('makes the host what the rows say when it was killed between the two', async () => {
    const cloud = await busyCloud(pair)
    const { api, machine } = cloud
    const { host } = machine
    await machine.stop()
    // What happens now changes rows and another host.
    machine.host = new SimulatedHost()
    await machine.start()
    await api.deallocateForInstance(uuidOf(2))
    await cloud.guest(3)
    await machine.stop()
    const before = [...(await machine.picture())].sort()

    machine.host = host
    await machine.start()
    expect([...(await machine.picture())].sort()).toEqual(before)
    await cloud.expectInLine()
  })

  test('has all floating IPs but the one that fails, and says which that is (defects-manager B7)', async () => {
    const cloud = await makeCloud(pair)
    const { api, machine } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await api.createFloatingIps({ range: '203.0.113.0/29' })
    for (const number of [1, 2, 3]) {
      const { address } = await cloud.guest(number)
      await api.associateFloatingIp(await api.allocateFloatingIp({ project_id: 'demo' }), address)
    }
    const picture = await machine.picture()
    await machine.stop()
    machine.host = new HostThatFails('floating:203.0.113.2')
    await machine.start()
    const there = await machine.picture()
    const missing = [...picture].filter((line) => !there.has(line))
    expect(missing).toEqual([...picture].filter((line) => line.includes('203.0.113.2')))
    expect(missing.length).toBeGreaterThan(1)
    const errors = JSON.stringify(machine.log.lines.filter(({ level }) => level === 'error'))
    expect(errors).toContain('203.0.113.2')
  })

  test('learns of leases that were taken and given back while it was away (defects-manager H9; lessons B2, B7)', async () => {
    const cloud = await busyCloud(pair)
    const { api, machine } = cloud
    const [one, two] = await api.listInstances()
    const of = (instance: typeof one) => instance!.virtual_interfaces[0]!
    await machine.stop()
    machine.spool.push('add', of(two).mac, of(two).fixed_ips[0]!)
    machine.spool.push('del', of(one).mac, of(one).fixed_ips[0]!)
    await machine.start()
    expect((await api.getDhcpLeases()).map((lease) => lease.mac)).toEqual([of(two).mac])
    await cloud.expectInLine()
  })
})
