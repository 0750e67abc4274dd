import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { type Guest, plugGuest } from './cloud/guests.ts'
import { Shims } from './cloud/shims.ts'
import { isRoot, TestCloud } from './cloud/test-cloud.ts'
import { wipeHost } from './cloud/wipe-host.ts'

/** Addresses of a range that begins at 198.51.100.1. */
const floating = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => `198.51.100.${first + index}`)

describe.skipIf(!isRoot)('processes that the service starts, announcements apart (defects-linux-net B1, F9)', () => {
  let cloud: TestCloud
  let api: NetworkApi
  let shims: Shims
  let guest: Guest
  beforeAll(async () => {
    cloud = await TestCloud.built({
      guests: ['guest1'],
      flags: ['--reconcile_interval=600', '--quota_floating_ips=-1'],
    })
    shims = await Shims.make(join(cloud.folder, 'shims'))
    cloud.environment.PATH = shims.path
    await cloud.host.start()
    api = await cloud.client()
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    guest = await plugGuest(cloud, api, 'guest1')
    await api.createFloatingIps({ range: '198.51.100.0/24' })
    for (const _ of floating(1, 204)) await api.allocateFloatingIp({ project_id: 'demo' })
  })
  afterAll(() => cloud?.remove())

  const associate = (address: string) => api.associateFloatingIp(address, guest.address)
  const started = async () => (await shims.calls()).filter((call) => !call.startsWith('arping'))

  it('are two for a floating IP more, whether it is the second or the 201st, and fewer for each that come together', async () => {
    await associate('198.51.100.1')
    await shims.clear()
    await associate('198.51.100.2')
    expect(await started()).toEqual(['iptables-restore --noflush --wait 10', 'ip -force -batch -'])
    await shims.clear()
    await Promise.all(floating(3, 198).map(associate))
    expect((await started()).length, 'of 198 that came at once').toBeLessThanOrEqual(20)
    await shims.clear()
    await associate('198.51.100.202')
    expect(await started()).toEqual(['iptables-restore --noflush --wait 10', 'ip -force -batch -'])
  })

  it('are at most 8 from start to ready with 201 floating IPs, and 2 on a host that is as it should be', async () => {
    await cloud.host.stop('SIGTERM')
    await shims.clear()
    await cloud.host.start()
    expect(await started()).toEqual(['ip -j -d address show', 'iptables-save -c'])
    await cloud.host.stop('SIGTERM')
    await wipeHost(cloud, [...floating(1, 200), '198.51.100.202'])
    await shims.clear()
    await cloud.host.start()
    expect((await started()).length).toBeLessThanOrEqual(8)
    expect((await cloud.command('plan')).status).toBe(0)
  })
})
