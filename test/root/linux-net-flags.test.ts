/** Flags of nova's linux_net on real parts: what guests are told, whom they reach, and by what MTU. */
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { PUBLIC_ADDRESS } from '../../core/bin/demo/cloud.ts'
import { plugGuest } from './cloud/guests.ts'
import { isRoot, TestCloud } from './cloud/test-cloud.ts'

it.skipIf(!isRoot)(
  'only the first interface is told a gateway, guests reach what is outside and no other network, by the MTU that is set (defects-linux-net D1)',
  async ({ onTestFinished }) => {
    const cloud = await TestCloud.start({
      guests: ['guest1', 'guest2'],
      flags: [...['--use_single_default_gateway=true', '--forward_bridge_interface=eth0', '--network_device_mtu=1400']],
    })
    onTestFinished(() => cloud.remove())
    const api = await cloud.client()
    await api.createNetworks({ label: 'front', cidr: '10.0.0.0/24' })
    const [back] = await api.createNetworks({ label: 'back', cidr: '10.1.0.0/24', bridge: 'br101' })
    const uuid = randomUUID()
    await api.allocateForInstance({ instance_uuid: uuid, project_id: 'demo', hostname: 'web1' })
    const target = { kind: 'netns', name: cloud.namespaces.fullName('guest1') } as const
    for (const vif of [0, 1]) await api.attach(cloud.host.name, { instance_uuid: uuid, vif, target })

    const script = join(cloud.folder, 'say')
    await writeFile(script, '#!/bin/sh\necho "$1 $ip router=$router"\n', { mode: 0o755 })
    const told: string[] = []
    for (const device of ['eth0', 'eth1']) {
      const client = ['busybox', 'udhcpc', '-i', device, '-n', '-q', '-f', '-t', '10', '-T', '1', '-s', script] as const
      const { stdout } = await cloud.namespaces.inside('guest1', ...client)
      told.push(/bound .*/.exec(stdout)?.[0] ?? stdout)
    }
    expect(told).toEqual(['bound 10.0.0.2 router=10.0.0.1', 'bound 10.1.0.2 router='])

    await cloud.lease('guest1')
    const { address } = await plugGuest(cloud, api, 'guest2', back!.uuid)
    expect(await cloud.lease('guest2')).toBe(address)
    expect(await cloud.ping('guest1', PUBLIC_ADDRESS)).toBe(true)
    expect(await cloud.ping('guest2', '10.1.0.1')).toBe(true)
    expect(await cloud.ping('guest1', address)).toBe(false)
    const { stdout: bridge } = await cloud.namespaces.inside('node1', 'ip', 'link', 'show', 'br100')
    expect(bridge).toContain('mtu 1400')
  },
)
