/** A guest with two interfaces, of which only the first is told a router. */
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isRoot, TestCloud } from './cloud/test-cloud.ts'

it.skipIf(!isRoot)(
  'only the first interface of a guest gets a default gateway (defects-linux-net D1)',
  async ({ onTestFinished }) => {
    const cloud = await TestCloud.start({ guests: ['guest1'], flags: ['--use_single_default_gateway=true'] })
    onTestFinished(() => cloud.remove())
    const api = await cloud.client()
    await api.createNetworks({ label: 'front', cidr: '10.0.0.0/24' })
    await api.createNetworks({ label: 'back', cidr: '10.1.0.0/24', bridge: 'br101' })
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
  },
)
