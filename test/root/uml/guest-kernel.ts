/**
 * Runs a program on another kernel: a User-Mode Linux guest whose root is that of this machine, read-only. Its kernel
 * has VLANs, which that of a small machine may lack.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { provideRequirements } from '../../../core/bin/demo/requirements.ts'
import type { Ended } from '../cloud/test-cloud.ts'

const INIT = fileURLToPath(new URL('init.sh', import.meta.url))
const MEMORY_MB = 1024
const REQUIRED = {
  'linux.uml': 'user-mode-linux',
  modprobe: 'kmod',
  'iptables-legacy': 'iptables',
  busybox: 'busybox',
}

/** How a program in a guest ended, and what is left of the guest. */
export interface GuestRun extends Ended {
  /** The guest's processes that are still there. */
  readonly processesLeft: number
}

/**
 * Boots a guest, runs the program in it as root, and ends it. All that the program writes to files is lost.
 * @throws {Error} with the last words of its kernel when the guest does not come as far as the program, or not to its end in time
 */
export async function runInGuest(argv: readonly string[], timeoutMs: number): Promise<GuestRun> {
  await provideRequirements((line) => process.stderr.write(`${line}\n`), REQUIRED)
  const folder = await mkdtemp(join(await memoryFolder(), 'netloom-uml-'))
  try {
    await writeFile(join(folder, 'command'), `exec ${argv.map(quoted).join(' ')}\n`)
    const { said, processesLeft } = await boot(folder, timeoutMs)
    const [stdout, stderr, status] = await Promise.all(
      ['stdout', 'stderr', 'status'].map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
    )
    if (!status) throw new Error(`the guest did not come to an end: ${said.slice(-2000)}${stderr?.slice(-2000)}`)
    return { status: Number(status), stdout: stdout ?? '', stderr: stderr ?? '', processesLeft }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Where the guest's memory lies: in that of this machine, where there is enough. */
async function memoryFolder(): Promise<string> {
  const { bavail, bsize } = await statfs('/dev/shm').catch(() => ({ bavail: 0, bsize: 0 }))
  return bavail * bsize > MEMORY_MB * 2 ** 20 ? '/dev/shm' : tmpdir()
}

/** @returns what the kernel and the first process said */
async function boot(folder: string, timeoutMs: number): Promise<{ said: string; processesLeft: number }> {
  const kernel = [`mem=${MEMORY_MB}M`, 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro', 'quiet']
  const own = ['init=/bin/sh', `JOB=${folder}`, `uml_dir=${folder}`, 'umid=guest']
  const consoles = ['con=null', 'con0=null,fd:1', 'ssl=null']
  const guest = spawn('linux.uml', [...kernel, ...own, ...consoles, '--', INIT], {
    // A group of its own: a guest is several processes.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder },
  })
  let said = ''
  for (const stream of [guest.stdout, guest.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk
    })
  }
  const timer = setTimeout(() => signalGroup(guest.pid, 'SIGKILL'), timeoutMs)
  try {
    await new Promise((resolve, reject) => guest.once('exit', resolve).once('error', reject))
  } finally {
    clearTimeout(timer)
  }
  // Those that were killed with it are gone as soon as the kernel has noticed.
  for (let i = 0; i < 100 && signalGroup(guest.pid, 0); i += 1) await delay(20)
  return { said, processesLeft: signalGroup(guest.pid, 0) ? 1 : 0 }
}

/** @returns whether anybody was there */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}

/** A word of a shell's line. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
