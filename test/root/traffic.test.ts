/** Guests' traffic while the service dies, restarts, or mends what others broke. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { PUBLIC_ADDRESS } from '../../core/bin/demo/cloud.ts'
import { allocateGuest } from './cloud/guests.ts'
import { isRoot, TestCloud, until } from './cloud/test-cloud.ts'

const FLOATING = '203.0.113.65'

describe.skipIf(!isRoot)('the traffic of guests', () => {
  let cloud: TestCloud
  let api: NetworkApi
  beforeEach(async () => {
    cloud = await TestCloud.start({ guests: ['guest1'], flags: ['--reconcile_interval=1'] })
    api = await cloud.client()
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    const { address } = await allocateGuest(cloud, api, 'guest1')
    await api.createFloatingIps({ range: FLOATING })
    await api.allocateFloatingIp({ project_id: 'demo' })
    await api.associateFloatingIp(FLOATING, address)
  })
  afterEach(() => cloud?.remove())

  it('loses nothing while the service is killed, stopped and started (lessons C3)', async () => {
    const stopOutward = cloud.pinging('guest1', PUBLIC_ADDRESS)
    const stopInward = cloud.pinging('public', FLOATING)
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      await cloud.host.stop(signal)
      await cloud.host.start()
    }
    expect(await Promise.all([stopOutward(), stopInward()])).toEqual([0, 0])
    expect((await cloud.command('plan')).status).toBe(0)
  })

  it('goes on by itself after a flush of the packet filter, by the next look (lessons C8, defects-linux-net A10)', async () => {
    await cloud.namespaces.inside('node1', 'iptables', '-t', 'nat', '-F')
    await until(() => cloud.ping('public', FLOATING), 'the floating IP is not reached again')
    await until(() => cloud.ping('guest1', PUBLIC_ADDRESS), 'the guest does not reach the public side again')
  })
})

describe.skipIf(!isRoot)('netloom reconcile', () => {
  it('mends a flush of the packet filter and says so (lessons C8, J4)', async ({ onTestFinished }) => {
    const cloud = await TestCloud.start({ guests: ['guest1'] })
    onTestFinished(() => cloud.remove())
    const api = await cloud.client()
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await allocateGuest(cloud, api, 'guest1')
    await cloud.namespaces.inside('node1', 'iptables', '-t', 'nat', '-F')
    expect((await cloud.command('plan')).status).toBe(10)
    const { entries, failures } = await cloud.json('reconcile')
    expect(entries.length).toBeGreaterThan(0)
    expect(failures).toEqual([])
    expect((await cloud.command('plan')).status).toBe(0)
    expect(await cloud.ping('guest1', PUBLIC_ADDRESS)).toBe(true)
  })
})
