import { join } from 'node:path'
import { readPid } from '../../../drivers/host/linux/daemons.ts'
import type { TestCloud } from './test-cloud.ts'

/** What a reboot, or an operator's hand, takes away: the DHCP server, the bridge, the public addresses, all rules. */
export async function wipeHost({ namespaces, host, folder }: TestCloud, floating: readonly string[]): Promise<void> {
  const inside = (...argv: readonly [string, ...string[]]) => namespaces.inside(host.name, ...argv)
  const server = readPid(join(folder, 'state/networks', host.name, 'netloom-br100.pid'))
  if (server === null) throw new Error('no DHCP server is running')
  process.kill(server, 'SIGKILL')
  await inside('ip', 'link', 'delete', 'br100')
  for (const address of floating) await inside('ip', 'address', 'delete', `${address}/32`, 'dev', 'eth0')
  for (const table of ['filter', 'nat', 'mangle']) {
    await inside('iptables', '-t', table, '-F')
    await inside('iptables', '-t', table, '-X')
  }
}
