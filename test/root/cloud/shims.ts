/** Programs in front of the real ones that tell each call and, when asked, kill the service that called, or hang. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** All that a FlatDHCP host runs. */
const PROGRAMS = [
  'ip',
  'iptables-save',
  'iptables-restore',
  'ip6tables-save',
  'ip6tables-restore',
  'dnsmasq',
  'dhcp_release',
  'conntrack',
  'arping',
] as const

/** What befalls the n-th change of the host: the service dies before or after it, or it waits until it is released. */
export type Fault = 'kill-before' | 'kill-after' | 'hang'

export class Shims {
  readonly #folder: string
  #n = 0

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** @param folder a path of its own */
  static async make(folder: string): Promise<Shims> {
    await mkdir(join(folder, 'bin'), { recursive: true })
    const shims = new Shims(folder)
    await shims.clear()
    for (const program of PROGRAMS)
      await writeFile(join(folder, 'bin', program), shimText(folder, realPath(program)), { mode: 0o755 })
    return shims
  }

  /** For the service's environment. */
  get path(): string {
    return `${join(this.#folder, 'bin')}:${process.env.PATH}`
  }

  /** Calls since the last `clear`, each with its arguments. */
  async calls(): Promise<readonly string[]> {
    return (await readFile(join(this.#folder, 'calls'), 'utf8')).split('\n').slice(0, -1)
  }

  /** Forgets the calls, and no fault is to come. */
  async clear(): Promise<void> {
    await writeFile(join(this.#folder, 'calls'), '')
    await this.#set('none', 0)
    for (const name of ['hangs', 'released']) {
      await rm(join(this.#folder, name), { recursive: true, force: true })
      await mkdir(join(this.#folder, name))
    }
  }

  /** @param n which change from now on, from 1; calls that only look, and announcements, are not counted */
  async arm(fault: Fault, n: number): Promise<void> {
    await this.clear()
    await this.#set(fault, n)
  }

  /** True once the call that is to hang does. */
  get hung(): boolean {
    return existsSync(join(this.#folder, 'hangs', String(this.#n)))
  }

  /** Lets the call that hangs go on. */
  async release(): Promise<void> {
    await writeFile(join(this.#folder, 'released', String(this.#n)), '')
  }

  /** Lets the call that hangs go on, and has the next one hang. */
  async step(): Promise<void> {
    const hanging = this.#n
    await this.#set('hang', hanging + 1)
    await writeFile(join(this.#folder, 'released', String(hanging)), '')
  }

  async #set(fault: Fault | 'none', n: number): Promise<void> {
    this.#n = n
    await writeFile(join(this.#folder, 'fault'), `${fault} ${n}\n`)
  }
}

/** Keeps the name that it was called by: netloom knows its daemons by their command line. */
function shimText(folder: string, real: string): string {
  return `#!/bin/bash
program=\${0##*/}
exec 9>>'${folder}/calls'
flock 9
printf '%s\\n' "$program $*" >&9
changes=$(grep -cvE '^(ip -j|ip6?tables-save|arping)' '${folder}/calls')
read -r fault n <'${folder}/fault'
exec 9>&-
case "$program $*" in 'ip -j'* | ip*tables-save* | arping*) n=none ;; esac
[ "$changes" = "$n" ] || exec -a "$program" '${real}' "$@"
case $fault in
  kill-before) kill -9 $PPID; exit 1 ;;
  kill-after) (exec -a "$program" '${real}' "$@"); kill -9 $PPID ;;
  hang) : >'${folder}/hangs/'$n; while [ ! -e '${folder}/released/'$n ]; do sleep 0.02; done; exec -a "$program" '${real}' "$@" ;;
esac
`
}

function realPath(program: string): string {
  const found = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'].map((folder) => join(folder, program)).find(existsSync)
  if (found === undefined) throw new Error(`${program} is not on this machine`)
  return found
}
