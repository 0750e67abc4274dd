/** Flat networks on real parts: the bridge is the operator's, and guests get their addresses without DHCP. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { plugGuest } from './cloud/guests.ts'
import { isRoot, TestCloud } from './cloud/test-cloud.ts'

describe.skipIf(!isRoot)('guests of a Flat network without DHCP', () => {
  it('reach each other over the operator’s bridge, also after a restart; nothing else is made on the host', async () => {
    const cloud = await TestCloud.built({ flags: ['--network_manager=flat', '--flat_injected=true'] })
    onTestFinished(() => cloud.remove())
    await cloud.host.start()
    const { name } = cloud.host
    const on = async (where: string, ...argv: readonly string[]) => {
      const { status, stdout, stderr } = await cloud.runIn(where, argv)
      expect(status, `${argv.join(' ')}: ${stderr}`).toBe(0)
      return stdout
    }
    const api = await cloud.client()
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await expect(plugGuest(cloud, api, 'guest1')).rejects.toThrow('br100')
    for (const { uuid } of await api.listInstances()) await api.deallocateForInstance(uuid)

    await on(name, 'ip', 'link', 'add', 'br100', 'type', 'bridge')
    await on(name, 'ip', 'link', 'set', 'br100', 'up')
    const first = await plugGuest(cloud, api, 'guest1')
    const second = await plugGuest(cloud, api, 'guest2')
    expect(await on('guest1', 'ip', '-4', '-o', 'address', 'show', 'eth0')).toContain(`${first.address}/24`)
    expect(await on('guest1', 'ip', 'route')).toContain('default via 10.0.0.1')
    await on('guest1', 'ping', '-c', '1', '-W', '5', second.address)
    expect(await on(name, 'iptables', '-S')).not.toContain('netloom')
    expect(await on(name, 'ip', '-4', '-o', 'address', 'show', 'br100')).toBe('')

    await cloud.host.stop('SIGKILL')
    await cloud.host.start()
    expect((await api.plan(name)).entries).toEqual([])
    await on('guest2', 'ping', '-c', '1', '-W', '5', first.address)
    await api.deallocateForInstance(first.uuid)
    expect((await api.plan(name)).entries).toEqual([])
    expect(await on(name, 'ip', '-o', 'link', 'show', 'master', 'br100')).toContain('tap')
  })
})
