/** The demo on the simulated host, with what would have been run on a real one. Needs no root. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeOperation } from '../../../drivers/host/describe-operation.ts'
import type { NoopHost } from '../../../drivers/host/noop.ts'
import { openClient } from '../client.ts'
import { packageFolder } from '../package-folder.ts'
import { type Service, startService } from '../serve.ts'
import { runMainJob } from './main-job.ts'
import type { DemoReport } from './report.ts'

export async function runSimulatedDemo(report: DemoReport): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'netloom-demo-'))
  const flags = [`--state_path=${folder}/state`, '--host=demo', '--my_ip=203.0.113.11', '--host_driver=noop']
  const settings = {
    configFiles: [`${packageFolder()}config/presets/flat-dhcp.conf`],
    environment: {},
    commandLine: [...flags, '--log_level=warn'],
  }
  let service: Service | null = null
  try {
    await report.step('service started in this process', async () => {
      service = await startService(settings)
      report.showCommands(commandsOf(service.hostDriver as NoopHost))
      return 'nothing of the host is touched'
    })
    if (service !== null) await runOn(service, settings, report)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function runOn(first: Service, settings: Parameters<typeof startService>[0], report: DemoReport): Promise<void> {
  const { host, hostDriver } = first
  let service = first
  const { api, close } = await openClient({ settings })
  try {
    const stage = {
      api,
      host,
      traffic: null,
      namespaceOf: (guest: string) => guest,
      ending: 'stopped',
      stopService: () => service.stop(),
      // The host outlives the service, as a real one does.
      startService: async () => {
        service = await startService(settings, { hostDriver })
      },
    }
    await runMainJob(report, stage, false)
  } finally {
    await close()
    await service.stop()
  }
}

/** Gives what would have been run since it was last asked. */
function commandsOf(host: NoopHost): () => readonly string[] {
  let shown = 0
  return () => {
    const operations = host.operationsRun.slice(shown)
    shown += operations.length
    return operations.flatMap(describeOperation)
  }
}
