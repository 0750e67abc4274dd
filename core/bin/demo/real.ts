/** The demo on real parts: namespaces, dnsmasq, iptables, a DHCP client, the service as a process of its own. */
import { openClient } from '../client.ts'
import type { Output } from '../output.ts'
import { packageFolder } from '../package-folder.ts'
import { Cloud } from './cloud.ts'
import { guestNames, runMainJob } from './main-job.ts'
import type { DemoReport } from './report.ts'
import { provideRequirements } from './requirements.ts'

/** @returns the cloud that is kept; null when it is gone. @throws {ProgramsMissing} */
export async function runRealDemo(report: DemoReport, output: Output, keep: boolean): Promise<Cloud | null> {
  await provideRequirements((line) => output.words(line))
  const prefix = `nl${process.pid}`
  const cloud = new Cloud({ packageFolder: packageFolder(), prefix, hosts: ['demo'], guests: guestNames })
  const interrupted = (signal: NodeJS.Signals) =>
    void cloud.remove().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143))
  process.once('SIGINT', interrupted)
  process.once('SIGTERM', interrupted)
  let kept = false
  try {
    const started = await report.step('service started on a host of its own', async () => {
      await cloud.build()
      await cloud.host.start()
      return `netloom serve in the namespace ${cloud.namespaces.fullName(cloud.host.name)}`
    })
    if (!started) return null
    await runOn(cloud, report, keep)
    kept = keep
    return keep ? cloud : null
  } finally {
    process.off('SIGINT', interrupted)
    process.off('SIGTERM', interrupted)
    if (!kept) await cloud.remove()
  }
}

async function runOn(cloud: Cloud, report: DemoReport, keep: boolean): Promise<void> {
  const { host } = cloud
  const { api, close } = await openClient({ settings: host.settings })
  try {
    const stage = {
      api,
      host: host.name,
      traffic: cloud,
      namespaceOf: (guest: string) => cloud.namespaces.fullName(guest),
      ending: 'killed with -9',
      stopService: () => host.stop('SIGKILL'),
      startService: () => host.start(),
    }
    await runMainJob(report, stage, keep)
  } finally {
    await close()
  }
}
