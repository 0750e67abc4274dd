/** The demo's steps on the simulated host, showing the commands that would have run. Needs no root. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeOperation } from '../../../drivers/host/describe-operation.ts'
import type { NoopHost } from '../../../drivers/host/noop.ts'
import { openClient } from '../client.ts'
import { startService } from '../serve.ts'
import { type DemoReport, expect } from './report.ts'

const PRESET = fileURLToPath(new URL('../../../../config/presets/flat-dhcp.conf', import.meta.url))

export async function runSimulatedDemo({
  report,
  say,
}: {
  report: DemoReport
  say: (line: string) => void
}): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'netloom-demo-'))
  const flags = [`--state_path=${folder}/state`, '--host=demo', '--host_driver=noop', '--log_level=warn']
  const settings = { configFiles: [PRESET], environment: {}, commandLine: flags }
  const service = await startService(settings)
  const host = service.hostDriver as NoopHost
  const { api, close } = await openClient({ settings })
  let shown = 0
  const step = async (name: string, work: () => Promise<string>) => {
    await report.step(name, work)
    for (const operation of host.operationsRun.slice(shown))
      for (const line of describeOperation(operation)) say(`          would run  ${line}`)
    shown = host.operationsRun.length
  }
  try {
    const uuid = randomUUID()
    let fixed = ''
    let floating = ''
    await step(
      'network created',
      async () => (await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' }))[0]?.cidr ?? '',
    )
    await step('instance allocated and attached', async () => {
      const info = await api.allocateForInstance({ instance_uuid: uuid, project_id: 'demo', hostname: 'guest1' })
      fixed = info[0]?.network.subnets[0]?.ips[0]?.address ?? ''
      await api.attach('demo', { instance_uuid: uuid, target: { kind: 'netns', name: 'guest1' } })
      return fixed
    })
    await step('floating IP associated', async () => {
      await api.createFloatingIps({ range: '203.0.113.64/28' })
      floating = await api.allocateFloatingIp({ project_id: 'demo' })
      await api.associateFloatingIp(floating, fixed)
      return `${floating} leads to ${fixed}`
    })
    await step('floating IP disassociated', async () => {
      await api.disassociateFloatingIp(floating)
      return floating
    })
    await step('instance deallocated', async () => {
      const { addresses } = await api.deallocateForInstance(uuid)
      const plan = await api.plan('demo')
      expect(plan.entries.length === 0, 'the plan is not empty')
      return `${addresses.join(', ')} is free, nothing to do in the plan`
    })
  } finally {
    await close()
    await service.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
