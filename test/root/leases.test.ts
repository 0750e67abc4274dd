/** DHCP leases on real parts: a real client in the guest, a real server, the helper between it and the service. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { readPid } from '../../drivers/host/linux/daemons.ts'
import { DhcpClient } from './cloud/dhcp-client.ts'
import { allocateGuest, leaseOf, plugGuest } from './cloud/guests.ts'
import { isRoot, TestCloud, until } from './cloud/test-cloud.ts'

/** @param cidr of the one network */
async function start(flags: readonly string[] = [], cidr = '10.0.0.0/24') {
  const cloud = await TestCloud.start({ flags })
  onTestFinished(() => cloud.remove())
  const api = await cloud.client()
  const [network] = await api.createNetworks({ label: 'private', cidr })
  const folder = join(cloud.folder, 'state/networks', cloud.host.name)
  return {
    cloud,
    api,
    network,
    spool: () => readdir(join(folder, 'spool')),
    serverPid: () => readPid(join(folder, 'netloom-br100.pid')),
  }
}

const leases = async (api: NetworkApi) => (await api.getDhcpLeases()).length

describe.skipIf(!isRoot)('leases', () => {
  it('are renewed without any program being started by the helper, and without an event (lessons B7)', async () => {
    const helper = fileURLToPath(new URL('../../dist/core/bin/netloom-dhcpbridge', import.meta.url))
    const folder = await mkdtemp(join(tmpdir(), 'netloom-helper-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    // A renewal must do without a search path.
    const script = `#!/bin/sh
[ "$1" != old ] || PATH=/nowhere
'${helper}' "$@"
echo "$1 $?" >>'${folder}/calls'
`
    await writeFile(join(folder, 'helper'), script, { mode: 0o755 })
    const { cloud, api, spool } = await start([`--dhcpbridge=${folder}/helper`])
    const { address } = await plugGuest(cloud, api, 'guest1')
    const client = new DhcpClient(cloud, 'guest1')
    await client.waitForLease()
    await until(async () => (await leases(api)) === 1, 'the lease is not known')
    const calls = async () => (await readFile(join(folder, 'calls'), 'utf8')).split('\n')
    // In the second in which the lease was given a renewal changes nothing, and the server does not tell of it.
    const renewed = async () => {
      await client.renew()
      return (await calls()).some((call) => call.startsWith('old'))
    }
    await until(renewed, 'the helper was not called')
    expect((await calls()).filter((call) => call.startsWith('old'))).toContain('old 0')
    expect(await spool()).toEqual([])
    expect(await leaseOf(api, address)).toMatchObject({ hostname: 'guest1', allocated: true })
  })

  it('that are taken and given back while the service is away have their effect when it starts (lessons B2)', async () => {
    const { cloud, api, spool } = await start()
    const { address, mac } = await plugGuest(cloud, api, 'guest1')
    await cloud.host.stop('SIGTERM')
    const client = new DhcpClient(cloud, 'guest1')
    await client.waitForLease()
    await until(async () => (await spool()).length === 1, 'no event waits')
    await cloud.host.start()
    expect(await leaseOf(api, address)).toMatchObject({ mac })
    expect(await spool()).toEqual([])
    await cloud.host.stop('SIGKILL')
    await client.release()
    await until(async () => (await spool()).length === 1, 'no event waits')
    await cloud.host.start()
    expect(await api.getDhcpLeases()).toEqual([])
    expect(await spool()).toEqual([])
  })

  it('are not given to a card that nobody knows', async () => {
    const { cloud, api } = await start()
    await plugGuest(cloud, api, 'guest1')
    await cloud.namespaces.inside('guest1', 'ip', 'link', 'set', 'eth0', 'address', 'fa:16:3e:99:99:99')
    const client = [
      'busybox',
      'udhcpc',
      '-i',
      'eth0',
      '-n',
      '-q',
      '-f',
      '-t',
      '2',
      '-T',
      '1',
      '-s',
      join(cloud.folder, 'client'),
    ] as const
    expect(await cloud.namespaces.succeeds('guest1', ...client)).toBe(false)
    expect(await leases(api)).toBe(0)
  })

  it('hold their address after it was let go, until they end (lessons A1, defects-manager A3)', async () => {
    const { cloud, api } = await start(['--force_dhcp_release=false'], '10.0.0.0/30')
    const { uuid, mac, address } = await allocateGuest(cloud, api, 'guest1')
    await cloud.json('instance', 'deallocate', uuid)
    expect((await api.getAllNetworks())[0]?.addresses).toMatchObject({ used: 0, held: 1, free: 0 })
    const late = await cloud.command('instance', 'allocate', uuid, '--project', 'demo')
    expect(late).toMatchObject({ status: 4, stderr: expect.stringContaining('1 waiting for their lease to end') })
    await cloud.namespaces.inside('node1', 'dhcp_release', 'br100', address, mac)
    await until(async () => (await leases(api)) === 0, 'the end of the lease is not known')
    expect((await allocateGuest(cloud, api, 'guest2')).address).toBe(address)
  })

  it('are renewed and ended by the server of their own network, of several on one host', async () => {
    const { cloud, api, network } = await start()
    const [other] = await api.createNetworks({ label: 'other', cidr: '10.1.0.0/24', bridge: 'br200' })
    const guests = [
      await plugGuest(cloud, api, 'guest1', network?.uuid),
      await plugGuest(cloud, api, 'guest2', other?.uuid),
    ]
    for (const name of ['guest1', 'guest2']) {
      const client = new DhcpClient(cloud, name)
      await client.waitForLease()
      await client.renew()
    }
    await until(async () => (await leases(api)) === 2, 'the leases are not known')
    for (const { uuid } of guests) await api.deallocateForInstance(uuid)
    await until(async () => (await leases(api)) === 0, 'the leases do not end')
  })

  it('are known to a server that died and was started again, and its guests go on (lessons B2)', async () => {
    const { cloud, api, serverPid } = await start(['--reconcile_interval=1'])
    await plugGuest(cloud, api, 'guest1')
    const client = new DhcpClient(cloud, 'guest1')
    await client.waitForLease()
    await until(async () => (await leases(api)) === 1, 'the lease is not known')
    const before = serverPid()
    process.kill(before ?? 0, 'SIGKILL')
    await until(() => serverPid() !== before, 'there is no new server')
    await client.renew()
    expect(await leases(api)).toBe(1)
    expect((await cloud.command('plan')).status).toBe(0)
  })
})
