import { SimulatedHost, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { backends } from './backends.ts'
import { type Cloud, makeCloud } from './cloud.ts'

const ANY_NUMBER = { flags: ['--quota_floating_ips=-1'] }

/** Guests 1 to `count`, each with a floating IP. */
async function withFloatingIps(cloud: Cloud, count: number): Promise<void> {
  await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/22', network_size: 1024 })
  await cloud.api.createFloatingIps({ range: '203.0.112.0/22' })
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  await Promise.all(
    numbers.map(async (number) => {
      const { address } = await cloud.guest(number)
      await cloud.api.associateFloatingIp(await cloud.api.allocateFloatingIp({ project_id: 'demo' }), address)
    }),
  )
}

describe.each(backends)('processes that are started on $name', (pair) => {
  test.each([1, 300])('one floating IP more costs two, with %i there', async (count) => {
    const cloud = await makeCloud(pair, ANY_NUMBER)
    const { api, machine } = cloud
    await withFloatingIps(cloud, count)
    const { address } = await cloud.guest(count + 1)
    const floating = await api.allocateFloatingIp({ project_id: 'demo' })
    const announced = machine.host.announcements
    // The rules and the address.
    expect(await machine.processesOf(() => api.associateFloatingIp(floating, address))).toBe(2)
    expect(machine.host.announcements - announced).toBe(1)
    // The rules, the address, and two to forget connections.
    expect(await machine.processesOf(() => api.disassociateFloatingIp(floating))).toBe(4)
    await cloud.expectInLine()
  })

  test('a boot with 100 floating IPs starts at most 8 before it is ready', async () => {
    const cloud = await makeCloud(pair, ANY_NUMBER)
    const { machine } = cloud
    await withFloatingIps(cloud, 100)
    await machine.stop()
    machine.host = new SimulatedHost()
    // The look, the rules read, a batch, the rules written, dnsmasq.
    expect(await machine.processesOf(() => machine.start())).toBe(5)
    expect(machine.host.announcements).toBe(100)
    await cloud.expectInLine()
  })

  test('a guest more starts none, plugging it in a few, a guest less ends its lease and its port', async () => {
    const cloud = await makeCloud(pair, ANY_NUMBER)
    const { api, machine } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await cloud.guest(1)
    let guest = { uuid: '', mac: '', address: '' }
    const allocate = async () => {
      guest = await cloud.guest(2)
    }
    const plug = () => api.attach('host1', { instance_uuid: guest.uuid, target: { kind: 'netns', name: 'guest2' } })
    expect(await machine.processesOf(allocate)).toBe(0)
    expect(await machine.processesOf(() => api.deallocateForInstance(guest.uuid))).toBe(0)
    await allocate()
    // A look for the guest's namespace and the rules; the pair, the guest's end, and the host's end as a port.
    expect(await machine.processesOf(plug)).toBe(5)
    expect(await machine.processesOf(plug), 'twice is once').toBe(0)
    expect(await machine.processesOf(() => machine.lease(guest.mac, guest.address))).toBe(0)
    // dhcp_release, and the port.
    expect(await machine.processesOf(() => api.deallocateForInstance(guest.uuid))).toBe(2)
    await cloud.expectInLine()
  })

  test('a burst of 50 allocations shares applies (defects-manager G7)', async () => {
    const cloud = await makeCloud(pair, ANY_NUMBER)
    const { api, machine } = cloud
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await cloud.guest(0)
    const before = machine.host.runs
    const numbers = Array.from({ length: 50 }, (_, index) => index + 1)
    const addresses = await Promise.all(numbers.map(async (number) => (await cloud.guest(number)).address))
    expect(new Set(addresses).size).toBe(50)
    expect(machine.host.runs - before).toBeLessThanOrEqual(10)
    await Promise.all(numbers.map((number) => api.deallocateForInstance(uuidOf(number))))
    expect(machine.host.runs - before).toBeLessThanOrEqual(25)
    await cloud.expectInLine()
  })
})
