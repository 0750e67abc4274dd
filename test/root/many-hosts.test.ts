/** Several services, each in a namespace of its own: who does what for guests on which host. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { PUBLIC_ADDRESS } from '../../core/bin/demo/cloud.ts'
import { type Backend, backends } from './cloud/backends.ts'
import { isRoot, TestCloud, until } from './cloud/test-cloud.ts'

const FLOATING = '203.0.113.65'

const noStore = '--host_facts=rpc'
const hostFlags = {
  control: ['network_driver', 'l3_lib', 'dhcp_driver', 'firewall_driver', 'host_driver'].map(
    (flag) => `--${flag}=noop`,
  ),
}

const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

describe.skipIf(!isRoot).each(backends)('three services on $name', (pair) => {
  let backend: Backend
  let cloud: TestCloud
  beforeAll(async () => {
    backend = await pair.prepare()
    return () => backend.end()
  })
  afterEach(() => cloud?.remove())

  async function start(own: Readonly<Record<string, readonly string[]>>): Promise<void> {
    cloud = await TestCloud.built({
      hosts: ['control', ...Object.keys(own)],
      hostFlags: { ...hostFlags, ...own },
      flags: ['--flat_interface=eth1', '--report_interval=1', ...(await backend.flags())],
      trunk: true,
    })
    await backend.enter(cloud)
    for (const host of cloud.hosts) await host.start()
  }

  /** An instance on a host, in the namespace of that name, with its lease. @returns its address */
  async function guest(number: number, host: string): Promise<string> {
    const name = `guest${number}`
    const info = await cloud.json(
      'instance',
      'allocate',
      uuidOf(number),
      '--project',
      'demo',
      '--host',
      host,
      '--hostname',
      name,
    )
    const address: string = info[0].network.subnets[0].ips[0].address
    const attach = ['instance', 'attach', uuidOf(number), '--netns', cloud.namespaces.fullName(name)]
    expect(await cloud.commandOn(cloud.named(host), ...attach)).toMatchObject({ status: 0 })
    expect(await cloud.lease(name)).toBe(address)
    return address
  }

  async function planned(): Promise<readonly (readonly [string, number, string])[]> {
    const ends = []
    for (const host of cloud.hosts) {
      const { status, stdout } = await cloud.commandOn(host, 'plan')
      ends.push([host.name, status, stdout] as const)
    }
    return ends
  }

  it('one network host serves the guests of a host without a store, also while services die (lessons C3, B10)', async () => {
    await start({ net1: [], vm1: [noStore, '--l3_lib=noop', '--dhcp_driver=noop'] })
    await cloud.json('network', 'create', 'private', '10.0.0.0/24')
    const one = await guest(1, 'vm1')
    const two = await guest(2, 'net1')
    await until(async () => (await cloud.json('lease', 'list')).length === 2, 'the leases are not known')
    expect(await cloud.ping('guest1', two)).toBe(true)
    expect(await cloud.ping('guest1', PUBLIC_ADDRESS)).toBe(true)
    await cloud.json('floating', 'create', FLOATING)
    await cloud.json('floating', 'allocate', '--project', 'demo')
    await cloud.json('floating', 'associate', FLOATING, one)
    expect(await cloud.ping('public', FLOATING)).toBe(true)
    expect(await cloud.ping('guest2', FLOATING)).toBe(true)
    expect((await cloud.json('host', 'list')).map(({ host, state, nodes }: never) => [host, state, nodes])).toEqual([
      ['control', 'up', ['NetworkController']],
      ['net1', 'up', ['NetworkController', 'RoutingNode', 'AddressingNode', 'BridgingNode']],
      ['vm1', 'up', ['BridgingNode']],
    ])

    const stop = cloud.pinging('public', FLOATING)
    for (const host of cloud.hosts) await host.stop('SIGKILL')
    expect(await cloud.ping('guest1', PUBLIC_ADDRESS)).toBe(true)
    for (const host of cloud.hosts) await host.start()
    expect(await stop()).toBe(0)
    expect(await planned()).toEqual(cloud.hosts.map(({ name }) => [name, 0, '']))

    for (const number of [1, 2]) await cloud.json('instance', 'deallocate', uuidOf(number))
    expect(await cloud.ping('public', FLOATING)).toBe(false)
    await until(async () => (await cloud.json('network', 'list'))[0].addresses.free === 253, 'addresses are still held')
    expect(await planned()).toEqual(cloud.hosts.map(({ name }) => [name, 0, '']))
  })

  it('multi_host: guests have their gateway on their own host, which needs no database (lessons B11)', async () => {
    await start({ vm1: [noStore], vm2: [noStore] })
    await cloud.json('network', 'create', 'private', '10.0.0.0/24', '--multi_host', 'T')
    const [one, two] = [await guest(1, 'vm1'), await guest(2, 'vm2')]
    expect(await cloud.ping('guest1', two)).toBe(true)
    for (const name of ['guest1', 'guest2']) expect(await cloud.ping(name, PUBLIC_ADDRESS)).toBe(true)
    const gatewayOf = async (name: string) => {
      const { stdout } = await cloud.namespaces.inside(name, 'ip', '-j', 'route', 'show', 'default')
      return JSON.parse(stdout)[0].gateway
    }
    expect(await gatewayOf('guest1')).not.toBe(await gatewayOf('guest2'))

    await cloud.json('floating', 'create', FLOATING)
    await cloud.json('floating', 'allocate', '--project', 'demo')
    for (const address of [one, two]) {
      await cloud.json('floating', 'associate', FLOATING, address)
      await until(() => cloud.ping('public', FLOATING), `${address} is not reached by its floating IP`)
    }
    await cloud.named('vm2').stop('SIGKILL')
    const refused = await cloud.command('instance', 'allocate', uuidOf(3), '--project', 'demo', '--host', 'vm2')
    expect(refused).toMatchObject({ status: 5 })
    expect(refused.stderr).toContain('vm2')
    expect(await cloud.ping('public', FLOATING)).toBe(true)
    await cloud.named('vm2').start()
    expect(await planned()).toEqual(cloud.hosts.map(({ name }) => [name, 0, '']))
  })
})
