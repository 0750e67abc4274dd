/**
 * Daemons by their pid file. A process is ours only when its command line is exactly the vector that we started
 * (defects-linux-net D14, D15): a pid file alone may be garbage, of another boot, or of a number that was used again.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command, DaemonResource, Executor } from 'netloom/contracts'
import { removeFile } from './files.ts'

const POLL_MS = 10
const START_MS = 5_000
const TERM_MS = 5_000
const KILL_MS = 5_000

export interface RunningDaemon {
  readonly pid: number
  /** As it was started, environment included. */
  readonly daemon: DaemonResource
}

/**
 * Which of the daemons that may be behind one pid file is running, if any.
 * @param candidates the likeliest first; their environment is compared only by who calls
 */
export function findRunning(candidates: readonly DaemonResource[]): RunningDaemon | null {
  const [first] = candidates
  const pid = first ? readPid(first.pidFile) : null
  if (pid === null) return null
  const argv = readWords(`/proc/${pid}/cmdline`)
  const daemon = candidates.find((candidate) => sameWords(candidate.argv, argv))
  return daemon ? { pid, daemon: { ...daemon, environment: environmentOf(pid, candidates) } } : null
}

/** @returns null for anything but the number of a process: no file, garbage, 0, negative, beyond any kernel's limit */
export function readPid(path: string): number | null {
  try {
    const text = readFileSync(path, 'utf8').trim()
    const pid = /^\d{1,7}$/.test(text) ? Number(text) : 0
    return pid > 1 && pid <= 4_194_304 ? pid : null
  } catch {
    return null
  }
}

/** The words of a /proc file; none for a process that is gone, or is a zombie. */
function readWords(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\0').slice(0, -1)
  } catch {
    return []
  }
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i])
}

/** Of the variables that any candidate names, those that the process was started with. */
function environmentOf(pid: number, candidates: readonly DaemonResource[]): Readonly<Record<string, string>> {
  const words = readWords(`/proc/${pid}/environ`)
  if (words.length === 0) return candidates[0]?.environment ?? {}
  const all = new Map(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]))
  const names = new Set(candidates.flatMap((candidate) => Object.keys(candidate.environment)))
  return Object.fromEntries([...names].flatMap((name) => (all.has(name) ? [[name, all.get(name) ?? '']] : [])))
}

/** How a daemon is started: its variables in front, for it alone. */
export function startCommand(daemon: DaemonResource): Command {
  const variables = Object.entries(daemon.environment).map(([name, value]) => `${name}=${value}`)
  return { argv: variables.length === 0 ? daemon.argv : ['env', ...variables, ...daemon.argv] }
}

/**
 * Starts it and waits until it is there, so that "started" is never said of one that died (lessons B5).
 * @param former what may be running in its place; it is stopped first
 */
export async function startDaemon(
  executor: Executor,
  daemon: DaemonResource,
  former: readonly DaemonResource[],
): Promise<void> {
  await endProcess(former)
  await executor.run(startCommand(daemon))
  if (!(await within(START_MS, () => findRunning([daemon]) !== null))) {
    throw new Error(`${daemon.name} ended again after it was started: see its messages in the system log`)
  }
}

/** Ends it and removes its pid file (defects-linux-net D16). */
export async function stopDaemon(candidates: readonly DaemonResource[]): Promise<void> {
  await endProcess(candidates)
  const [first] = candidates
  if (first) await removeFile(first.pidFile)
}

/** Makes it read its files again; nothing when it is not running: it reads them at its start. */
export function reloadDaemon(candidates: readonly DaemonResource[]): void {
  const running = findRunning(candidates)
  if (running) signal(running.pid, 'SIGHUP')
}

async function endProcess(candidates: readonly DaemonResource[]): Promise<void> {
  const running = findRunning(candidates)
  if (!running) return
  const gone = () => !sameWords(running.daemon.argv, readWords(`/proc/${running.pid}/cmdline`))
  for (const [name, patience] of [
    ['SIGTERM', TERM_MS],
    ['SIGKILL', KILL_MS],
  ] as const) {
    if (gone()) return
    signal(running.pid, name)
    if (await within(patience, gone)) return
  }
  throw new Error(`${running.daemon.name} (process ${running.pid}) does not end`)
}

/** A process that ended between the look and the signal is no error. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function within(limitMs: number, condition: () => boolean): Promise<boolean> {
  const end = Date.now() + limitMs
  while (!condition()) {
    if (Date.now() >= end) return false
    await delay(POLL_MS)
  }
  return true
}
