/** What the demo needs of the machine besides netloom's own needs. */
import { existsSync } from 'node:fs'
import { createProcessExecutor, searchPath } from '../../../drivers/system/process-executor.ts'
import { ProgramsMissing } from '../../errors/boot.ts'

/** Programs and their Debian packages. */
export type Requirements = Readonly<Record<string, string>>

export const REQUIRED: Requirements = {
  ip: 'iproute2',
  'iptables-save': 'iptables',
  'iptables-restore': 'iptables',
  dnsmasq: 'dnsmasq-base',
  dhcp_release: 'dnsmasq-utils',
  conntrack: 'conntrack',
  arping: 'iputils-arping',
  ping: 'iputils-ping',
  busybox: 'busybox',
}

const INSTALL_LIMIT_MS = 300_000

function missing(required: Requirements): readonly string[] {
  const folders = [...searchPath(), '/usr/sbin', '/sbin']
  return Object.keys(required).filter((program) => !folders.some((folder) => existsSync(`${folder}/${program}`)))
}

/** As root on Debian what is missing is installed and named. @throws {ProgramsMissing} elsewhere */
export async function provideRequirements(
  say: (line: string) => void,
  required: Requirements = REQUIRED,
): Promise<void> {
  const programs = missing(required)
  if (programs.length === 0) return
  const packages = [...new Set(programs.map((program) => required[program]!))].sort()
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) throw new ProgramsMissing({ programs, packages })
  say(`installing ${packages.join(' ')}`)
  const apt = (...words: readonly string[]) =>
    createProcessExecutor().run(
      { argv: ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...words] },
      { timeoutMs: INSTALL_LIMIT_MS },
    )
  await apt('update')
  await apt('install', '-y', '--no-install-recommends', ...packages)
  const still = missing(required)
  if (still.length > 0) throw new ProgramsMissing({ programs: still, packages })
}
