/** Runs `two-hosts.ts` on a kernel that has VLANs: that of this machine, or another one as a guest on it. */
import { fileURLToPath } from 'node:url'
import { Namespaces } from '../../../core/bin/demo/namespaces.ts'
import { runProgram } from '../cloud/test-cloud.ts'
import { type GuestRun, runInGuest } from '../uml/guest-kernel.ts'
import type { Seen } from './two-hosts.ts'

const packageFolder = fileURLToPath(new URL('../../../', import.meta.url))
/** A guest on a busy machine is slow. */
export const LIMIT_MS = 540_000

/** What is seen with each of the network drivers. @throws {Error} with what the program said when it fails */
export async function seeTwoHosts(drivers: readonly string[]) {
  const words = [`${packageFolder}dist/test/root/vlan/two-hosts.js`, packageFolder, ...drivers]
  const run: GuestRun = (await hasVlans())
    ? { ...(await runProgram(words)), processesLeft: 0 }
    : await runInGuest([process.execPath, ...words], LIMIT_MS)
  if (run.status !== 0) throw new Error(`two hosts on one trunk, status ${run.status}: ${run.stderr}`)
  return { seen: JSON.parse(run.stdout) as Readonly<Record<string, Seen>>, processesLeft: run.processesLeft }
}

/** The only way to know is to make one. */
async function hasVlans(): Promise<boolean> {
  const namespaces = new Namespaces(`nlv${process.pid}`)
  try {
    await namespaces.add('try')
    await namespaces.inside('try', 'ip', 'link', 'add', 'name', 'trunk', 'type', 'bridge')
    const vlan = ['link', 'add', 'link', 'trunk', 'name', 'vlan2', 'type', 'vlan', 'id', '2'] as const
    return await namespaces.succeeds('try', 'ip', ...vlan)
  } finally {
    await namespaces.remove()
  }
}
