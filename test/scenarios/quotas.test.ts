import { uuidOf } from 'netloom/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { SqlDatabase } from '../../drivers/database/sql/database.ts'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud, refusalOf } from './cloud.ts'

const { open } = SqlDatabase.prototype

/** Two machines on one store, as two processes are, with a network and floating IPs. */
async function twoMachines(pair: Backends, flags: readonly string[]): Promise<Cloud> {
  const cloud = await makeCloud(pair, { machines: ['host1', 'host2'], flags })
  await cloud.api.createNetworks({ label: 'p', cidr: '10.0.0.0/24' })
  await cloud.api.createFloatingIps({ range: '203.0.113.0/27' })
  return cloud
}

/** The outcomes of calls that are made at the same moment, one half by each machine; errors by their code. */
async function atOnce(count: number, call: (number: number, host: string) => Promise<unknown>) {
  const outcomes = await Promise.allSettled(
    Array.from({ length: count }, (_, number) => call(number, number % 2 === 0 ? 'host1' : 'host2')),
  )
  const codes = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'done' : outcome.reason.code))
  return {
    done: codes.filter((code) => code === 'done').length,
    others: new Set(codes.filter((code) => code !== 'done')),
  }
}

const allocate = (cloud: Cloud, number: number, project: string, host = 'host1') =>
  cloud.guest(number, { project, host })

describe.each(backends)('a quota on $name', (pair) => {
  test('of fixed IPs: of 16 at once at the limit less one exactly one is done (defects-manager E1)', async () => {
    const cloud = await twoMachines(pair, ['--quota_fixed_ips=3'])
    for (const number of [1, 2]) await allocate(cloud, number, 'mine')
    const { done, others } = await atOnce(16, (number, host) => allocate(cloud, 10 + number, 'mine', host))
    expect([done, ...others]).toEqual([1, 'FixedIpLimitExceeded'])
    // What was refused left nothing: no instance, no interface, no event.
    expect(await cloud.api.listInstances()).toHaveLength(3)
    const { rows } = await cloud.api.listEvents({ position: 0, type: 'network.fixed_ip' })
    expect(rows.map(({ type }) => type)).toEqual(Array(3).fill('network.fixed_ip.allocate'))
    await cloud.expectInLine()
  })

  test('of floating IPs: of 16 at once at the limit less one exactly one is done (defects-manager E1)', async () => {
    const cloud = await twoMachines(pair, ['--quota_floating_ips=3'])
    const one = () => cloud.api.allocateFloatingIp({ project_id: 'mine' })
    await one()
    await one()
    const { done, others } = await atOnce(16, one)
    expect([done, ...others]).toEqual([1, 'FloatingIpLimitExceeded'])
    expect((await cloud.api.listFloatingIps()).filter(({ project_id }) => project_id !== null)).toHaveLength(3)
  })

  test('says what is used and what to do, counts what is there, and is of each project', async () => {
    const cloud = await makeCloud(pair, { flags: ['--quota_fixed_ips=1', '--quota_floating_ips=1'] })
    const { api } = cloud
    await api.createNetworks({ label: 'p', cidr: '10.0.0.0/24' })
    await api.createFloatingIps({ range: '203.0.113.0/28' })
    const mine = await cloud.client('mine')
    const guest = await cloud.guest(1, { project: 'mine' })
    // The same again is no more.
    await cloud.guest(1, { project: 'mine' })
    expect(await refusalOf(mine.allocateForInstance({ instance_uuid: uuidOf(2), project_id: 'mine' }))).toEqual({
      code: 'FixedIpLimitExceeded',
      status: 4,
      message:
        'project mine has 1 of at most 1 fixed IPs: deallocate an instance (`netloom instance list`), or raise the flag quota_fixed_ips',
    })
    // An operator who acts for a project is bound by its quota too; another project is not.
    expect(await refusalOf(cloud.guest(2, { project: 'mine' }))).toMatchObject({ code: 'FixedIpLimitExceeded' })
    await cloud.guest(3, { project: 'theirs' })

    const floating = await mine.allocateFloatingIp({ project_id: 'mine' })
    const refused = await refusalOf(mine.allocateFloatingIp({ project_id: 'mine' }))
    expect(refused).toMatchObject({ code: 'FloatingIpLimitExceeded', status: 4 })
    expect(refused.message).toContain('project mine has 1 of at most 1 floating IPs: release one')
    await api.allocateFloatingIp({ project_id: 'theirs' })

    await mine.deallocateFloatingIp(floating)
    await mine.allocateFloatingIp({ project_id: 'mine' })
    // One that is held for its lease is not the project's any more.
    await cloud.machine.lease(guest.mac, guest.address)
    await mine.deallocateForInstance(guest.uuid)
    await mine.allocateForInstance({ instance_uuid: uuidOf(2), project_id: 'mine' })
    await cloud.expectInLine()
  })

  test('does not count floating IPs that were assigned by themselves', async () => {
    const cloud = await makeCloud(pair, { flags: ['--quota_floating_ips=1', '--auto_assign_floating_ip=true'] })
    const { api } = cloud
    await api.createNetworks({ label: 'p', cidr: '10.0.0.0/24' })
    await api.createFloatingIps({ range: '203.0.113.0/28' })
    for (const number of [1, 2, 3]) await cloud.guest(number)
    await api.allocateFloatingIp({ project_id: 'demo' })
    expect(await refusalOf(api.allocateFloatingIp({ project_id: 'demo' }))).toMatchObject({
      code: 'FloatingIpLimitExceeded',
    })
    await cloud.guest(4)
  })

  test('is refused for an instance of more interfaces than are left, which then has none', async () => {
    const cloud = await makeCloud(pair, { flags: ['--quota_fixed_ips=1'] })
    for (const [label, cidr, bridge] of [
      ['a', '10.0.0.0/24', 'br1'],
      ['b', '10.1.0.0/24', 'br2'],
    ] as const) {
      await cloud.api.createNetworks({ label, cidr, bridge })
    }
    expect(await refusalOf(cloud.guest(1))).toMatchObject({ code: 'FixedIpLimitExceeded' })
    expect(await cloud.api.listInstances()).toEqual([])
    await cloud.expectInLine()
  })
})

test.each([
  [[], 0],
  [['--quota_fixed_ips=100'], 1],
])(
  'an allocation with one interface writes in 12 statements at most, with its event and its quota: %j',
  async (flags, quota) => {
    const [pair] = backends as [Backends]
    const stores: SqlDatabase[] = []
    const opening = vi.spyOn(SqlDatabase.prototype, 'open').mockImplementation(function (this: SqlDatabase) {
      stores.push(this)
      return open.call(this)
    })
    onTestFinished(() => opening.mockRestore())
    const cloud = await makeCloud(pair, { flags })
    await cloud.api.createNetworks({ label: 'p', cidr: '10.0.0.0/24' })
    await cloud.guest(1)
    const statements: string[] = []
    for (const store of stores) store.onStatement = (sql) => statements.push(sql)
    await cloud.guest(2)
    // What comes after it is read: by the host, to come in line, and for the answer.
    const written = statements.findLastIndex((sql) => sql.startsWith('INSERT')) + 1
    // A server with several writers is asked for the row that an UPDATE has changed, and for a lock.
    const wanted = pair.name === 'sqlite+local' ? 8 + quota : 9 + 2 * quota
    expect(written, statements.join('\n')).toBe(wanted)
    expect(wanted).toBeLessThanOrEqual(12)
  },
)
