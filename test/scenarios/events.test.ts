import { uuidOf } from 'netloom/testing'
import { describe, expect, test, vi } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { main } from '../../core/bin/program.ts'
import type { NetworkEvent } from '../../core/model/events.ts'
import type { NetworkRow } from '../../core/model/rows.ts'
import { backends } from './backends.ts'
import { type Cloud, makeCloud, refusalOf } from './cloud.ts'

const FLOATING = '203.0.113.1'
const TAP = { instance_uuid: uuidOf(1), target: { kind: 'tap', name: 'vnet1' } } as const

async function allEvents(api: NetworkApi): Promise<readonly NetworkEvent[]> {
  return (await api.listEvents({ position: 0 })).rows
}

/** What this work wrote: kind without its beginning, the address or the network, and what is told of it. */
async function eventsOf(cloud: Cloud, work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = (await allEvents(cloud.api)).at(-1)?.id ?? 0
  await work()
  return (await allEvents(cloud.api))
    .filter(({ id }) => id > before)
    .map(({ type, address, payload }) =>
      [type.slice('network.'.length), address, ...Object.values(payload)].filter((word) => word !== null).join(' '),
    )
}

/** Steps of the daily work, one after another, each with exactly what it writes. */
const steps: readonly (readonly [what: string, work: (cloud: Cloud) => Promise<unknown>, events: readonly string[]])[] =
  [
    [
      'make networks',
      async ({ api }) => {
        await api.createNetworks({ label: 'p0', cidr: '10.0.0.0/24', project_id: 'demo' })
        await api.createNetworks({ label: 'p1', cidr: '10.0.1.0/24', bridge: 'br101' })
      },
      ['network.create p0 10.0.0.0/24', 'network.create p1 10.0.1.0/24'],
    ],
    [
      'delete one',
      async ({ api }) => api.deleteNetwork((await api.getAllNetworks())[1]!.uuid),
      ['network.delete p1 10.0.1.0/24'],
    ],
    ['make floating IPs', ({ api }) => api.createFloatingIps({ range: '203.0.113.0/28' }), []],
    [
      'allocate the first',
      (cloud) => cloud.guest(1),
      ['network.modify p0', 'fixed_ip.allocate 10.0.0.2 fa:16:3e:00:00:01'],
    ],
    ['allocate it again', (cloud) => cloud.guest(1), []],
    ['allocate another', (cloud) => cloud.guest(2), ['fixed_ip.allocate 10.0.0.3 fa:16:3e:00:00:02']],
    [
      'lease',
      ({ machine }) => machine.lease('fa:16:3e:00:00:01', '10.0.0.2'),
      ['fixed_ip.lease 10.0.0.2 fa:16:3e:00:00:01'],
    ],
    ['lease again', ({ machine }) => machine.lease('fa:16:3e:00:00:01', '10.0.0.2'), []],
    ['lease by a stranger', ({ machine }) => machine.lease('fa:16:3e:00:00:99', '10.0.0.3'), []],
    ['release by a stranger', ({ machine }) => machine.release('fa:16:3e:00:00:99', '10.0.0.2'), []],
    ['attach', ({ api }) => api.attach('host1', TAP), ['instance.attach fa:16:3e:00:00:01 vnet1']],
    ['attach again', ({ api }) => api.attach('host1', TAP), []],
    [
      'allocate a floating IP',
      ({ api }) => api.allocateFloatingIp({ project_id: 'demo' }),
      [`floating_ip.allocate ${FLOATING} nova false`],
    ],
    [
      'associate',
      ({ api }) => api.associateFloatingIp(FLOATING, '10.0.0.2'),
      [`floating_ip.associate ${FLOATING} 10.0.0.2 fa:16:3e:00:00:01`],
    ],
    ['associate again', ({ api }) => api.associateFloatingIp(FLOATING, '10.0.0.2'), []],
    [
      'move',
      ({ api }) => api.associateFloatingIp(FLOATING, '10.0.0.3'),
      [`floating_ip.disassociate ${FLOATING} 10.0.0.2`, `floating_ip.associate ${FLOATING} 10.0.0.3 fa:16:3e:00:00:02`],
    ],
    [
      'disassociate',
      ({ api }) => api.disassociateFloatingIp(FLOATING),
      [`floating_ip.disassociate ${FLOATING} 10.0.0.3`],
    ],
    ['disassociate again', ({ api }) => refusalOf(api.disassociateFloatingIp(FLOATING)), []],
    ['detach', ({ api }) => api.detach('host1', uuidOf(1)), ['instance.detach fa:16:3e:00:00:01 vnet1']],
    ['detach again', ({ api }) => api.detach('host1', uuidOf(1)), []],
    ['attach for the next', ({ api }) => api.attach('host1', TAP), ['instance.attach fa:16:3e:00:00:01 vnet1']],
    [
      'associate for the next',
      ({ api }) => api.associateFloatingIp(FLOATING, '10.0.0.2'),
      [`floating_ip.associate ${FLOATING} 10.0.0.2 fa:16:3e:00:00:01`],
    ],
    [
      'deallocate with lease, port and floating IP',
      ({ api }) => api.deallocateForInstance(uuidOf(1)),
      [
        'fixed_ip.deallocate 10.0.0.2 fa:16:3e:00:00:01 true',
        `floating_ip.disassociate ${FLOATING} 10.0.0.2`,
        'instance.detach fa:16:3e:00:00:01 vnet1',
      ],
    ],
    ['deallocate again', ({ api }) => api.deallocateForInstance(uuidOf(1)), []],
    [
      'give the lease back',
      ({ machine }) => machine.release('fa:16:3e:00:00:01', '10.0.0.2'),
      ['fixed_ip.release 10.0.0.2 fa:16:3e:00:00:01 true'],
    ],
    ['give it back again', ({ machine }) => machine.release('fa:16:3e:00:00:01', '10.0.0.2'), []],
    [
      'release the floating IP',
      ({ api }) => api.deallocateFloatingIp(FLOATING),
      [`floating_ip.deallocate ${FLOATING} nova false`],
    ],
    ['release it again', ({ api }) => refusalOf(api.deallocateFloatingIp(FLOATING)), []],
    [
      'deallocate on a lease',
      async ({ api, machine }) => {
        await machine.lease('fa:16:3e:00:00:02', '10.0.0.3')
        await api.deallocateForInstance(uuidOf(2))
      },
      ['fixed_ip.lease 10.0.0.3 fa:16:3e:00:00:02', 'fixed_ip.deallocate 10.0.0.3 fa:16:3e:00:00:02 true'],
    ],
    ['let the lease time out', ({ machine }) => machine.pass(700), ['fixed_ip.timeout 10.0.0.3 fa:16:3e:00:00:02']],
    ['let more time pass', ({ machine }) => machine.pass(700), []],
    [
      'take the network from its host',
      async ({ api }) => api.modifyNetwork((await api.getAllNetworks())[0]!.uuid, { host: null }),
      ['network.modify p0 host1'],
    ],
    ['ask for too much', ({ api }) => refusalOf(api.createNetworks({ label: 'p', cidr: '10.0.0.0/24' })), []],
  ]

describe.each(backends)('what happens, on $name', (pair) => {
  test('is written with each operation, exactly once, and not for one that changed nothing (defects-manager C8)', async () => {
    const cloud = await makeCloud(pair)
    for (const [what, work, events] of steps) {
      expect.soft(await eventsOf(cloud, () => work(cloud)), what).toEqual(events)
    }
    const told = cloud.machine.log.messages('info').filter((message) => message.startsWith('network.'))
    const all = await allEvents(cloud.api)
    expect(told).toEqual(all.map(({ type }) => type))
    const ended = all.filter(({ type }) => type === 'network.floating_ip.disassociate')
    expect(
      ended.map(({ instance_uuid }) => instance_uuid),
      'whom it led to',
    ).not.toContain(null)
  })

  test('names project, instance, network, host, request and time', async () => {
    const cloud = await makeCloud(pair)
    const [network] = await cloud.api.createNetworks({ label: 'p', cidr: '10.0.0.0/24' })
    await cloud.guest(1, { project: 'acme' })
    const events = await allEvents(cloud.api)
    expect(events.at(-1)).toEqual({
      id: expect.any(Number),
      created_at: new Date(cloud.machine.clock.nowMs()).toISOString(),
      type: 'network.fixed_ip.allocate',
      project_id: 'acme',
      instance_uuid: uuidOf(1),
      address: '10.0.0.2',
      network_uuid: network!.uuid,
      host: 'host1',
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      user_id: null,
      payload: { mac: 'fa:16:3e:00:00:01' },
    })
    // Of one request, whatever it did.
    expect(new Set(events.slice(-2).map(({ request_id }) => request_id)).size).toBe(1)
    const mine = await cloud.client('acme')
    await mine.allocateForInstance({ instance_uuid: uuidOf(2), project_id: 'acme' })
    expect((await allEvents(cloud.api)).at(-1)).toMatchObject({ user_id: 'acme', instance_uuid: uuidOf(2) })
  })

  test('of an address that its host could not be configured for: that it was taken, and let go', async () => {
    const cloud = await makeCloud(pair)
    await cloud.api.createNetworks({ label: 'p', cidr: '10.0.0.0/24' })
    await cloud.guest(1)
    cloud.host.failAt(1, { lasts: true, message: 'no' })
    expect(await eventsOf(cloud, () => refusalOf(cloud.guest(2)))).toEqual([
      'fixed_ip.allocate 10.0.0.3 fa:16:3e:00:00:02',
      'fixed_ip.deallocate 10.0.0.3 fa:16:3e:00:00:02 false',
    ])
    cloud.host.repair()
  })

  test('is told on the bus to whoever listens', async () => {
    const cloud = await makeCloud(pair)
    const rpc = await openBus(cloud)
    const heard: string[] = []
    await rpc.serve('notifications', 'billing', async (method, { events }) => {
      heard.push(...(events as unknown as NetworkEvent[]).map(({ type, address }) => `${method} ${type} ${address}`))
      return null
    })
    await cloud.api.createNetworks({ label: 'p', cidr: '10.0.0.0/24' })
    await cloud.guest(1)
    await cloud.api.deallocateForInstance(uuidOf(1))
    await vi.waitFor(() => expect(heard).toHaveLength(4), { timeout: 10_000 })
    expect(heard.sort()).toEqual([
      'events network.fixed_ip.allocate 10.0.0.2',
      'events network.fixed_ip.deallocate 10.0.0.2',
      'events network.network.create null',
      'events network.network.modify null',
    ])
  })

  test('is seen by a tenant as far as it is of its project; who had an address too', async () => {
    const cloud = await makeCloud(pair)
    const { api, machine } = cloud
    const [{ uuid }] = (await api.createNetworks({ label: 'p', cidr: '10.0.0.0/29' })) as [NetworkRow]
    const take = (number: number, project_id: string) =>
      api.allocateForInstance({
        instance_uuid: uuidOf(number),
        project_id,
        requested_networks: [{ uuid, address: '10.0.0.2' }],
        macs: [`fa:16:3e:00:00:0${number}`],
      })
    const at = () => new Date(machine.clock.nowMs()).toISOString()
    const first = at()
    await take(1, 'mine')
    machine.clock.advance(5)
    const second = at()
    await api.deallocateForInstance(uuidOf(1))
    machine.clock.advance(5)
    const third = at()
    await take(2, 'theirs')
    const one = {
      address: '10.0.0.2',
      project_id: 'mine',
      instance_uuid: uuidOf(1),
      mac: 'fa:16:3e:00:00:01',
      fixed_address: null,
      from: first,
      until: second,
    }
    const two = {
      ...one,
      project_id: 'theirs',
      instance_uuid: uuidOf(2),
      mac: 'fa:16:3e:00:00:02',
      from: third,
      until: null,
    }
    expect(await api.getAddressHistory('fixed', '10.0.0.2')).toEqual([one, two])
    expect(await api.getAddressHistory('floating', '10.0.0.2')).toEqual([])
    const mine = await cloud.client('mine')
    expect(await mine.getAddressHistory('fixed', '10.0.0.2')).toEqual([one])
    expect((await allEvents(mine)).map(({ project_id }) => project_id)).toEqual(['mine', 'mine'])
    expect(await refusalOf(mine.listEvents({ position: 0, project_id: 'theirs' }))).toMatchObject({ code: 'Forbidden' })
    expect((await api.listEvents({ position: 0, project_id: 'theirs' })).rows).toHaveLength(1)
    expect((await api.listEvents({ position: 0, since: second, type: 'network.fixed_ip' })).rows).toHaveLength(2)
  })

  test.each([
    [{ type: 'network.x' }, 'InvalidInput'],
    [{ since: 'yesterday' }, 'InvalidInput'],
    [{ address: '10.0.0' }, 'InvalidIpAddressError'],
    [{ instance_uuid: 'x' }, 'InvalidUUID'],
    [{ project_id: 'a b' }, 'InvalidInput'],
    [{ position: -1 }, 'InvalidInput'],
  ])('is not told for a malformed question: %j', async (filter, code) => {
    const { api } = await makeCloud(pair)
    expect(await refusalOf(api.listEvents({ position: 0, ...filter }))).toMatchObject({ code, status: 2 })
  })

  test('is forgotten after event_retention_time, and what is younger stays', async () => {
    const cloud = await makeCloud(pair, { flags: ['--event_retention_time=3600'] })
    const { api, machine } = cloud
    await api.createNetworks({ label: 'p', cidr: '10.0.0.0/24' })
    await machine.pass(3000)
    await cloud.guest(1)
    await machine.pass(1000)
    expect((await allEvents(api)).map(({ type }) => type)).toEqual([
      'network.network.modify',
      'network.fixed_ip.allocate',
    ])
  })

  test('is followed by the command until it is interrupted: none is missed, none is printed twice', async () => {
    const cloud = await makeCloud(pair)
    await cloud.api.createNetworks({ label: 'p', cidr: '10.0.0.0/24' })
    const stop = new AbortController()
    let [stdout, stderr] = ['', '']
    const run = (...words: readonly string[]) =>
      main({
        argv: [...cloud.machine.settings.commandLine, ...words],
        environment: {},
        stdout: { write: (text) => (stdout += text) },
        stderr: { write: (text) => (stderr += text) },
        interrupted: () => stop.signal,
      })
    const following = run('events', '--follow', '--since=2025-12-31', '--json', '--type', 'network.fixed_ip')
    const lines = () => stdout.split('\n').filter(Boolean)
    for (const number of [1, 2, 3]) {
      await cloud.guest(number)
      await vi.waitFor(() => expect(lines()).toHaveLength(number), { timeout: 10_000 })
    }
    stop.abort()
    expect(await following).toBe(0)
    expect(lines().map((line) => JSON.parse(line).address)).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4'])

    stdout = ''
    expect(await run('events', '--address', '10.0.0.3')).toBe(0)
    expect(stdout).toMatch(
      /^\S+Z network\.fixed_ip\.allocate address=10\.0\.0\.3 instance=\S+ project=demo network=\S+ host=host1 mac=\S+ request=\S+\n$/,
    )
    expect(stderr).toBe('')
  })
})

/** A bus as a listener has it that is no service of ours. */
async function openBus(cloud: Cloud) {
  const { boot } = await import('../../core/bin/boot.ts')
  const { rpcBackendSlot } = await import('../../core/plugin-system/slots.ts')
  const { onTestFinished } = await import('vitest')
  const { settings, host: hostDriver, log: logger } = cloud.machine
  const { container } = await boot(settings, { hostDriver, logger })
  const rpc = await container.get(rpcBackendSlot)
  onTestFinished(() => rpc.close())
  return rpc
}
