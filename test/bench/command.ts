/**
 * What the command costs beside an empty Node, by CPU: a person waits for it, and scripts run it in loops. Each is run in
 * turn, so that a machine that gets busy is unfair to all of them alike.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from './run.ts'

const ROUNDS = 15
/** `netloom --help` costs at most so many times an empty Node. */
const LIMIT = 2.5

const netloom = fileURLToPath(new URL('../../core/bin/netloom.js', import.meta.url))

const bench: Bench = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-bench-'))
  const commands: Readonly<Record<string, readonly string[]>> = {
    'node -e 0': ['-e', '0'],
    'netloom --help': [netloom, '--help'],
    'netloom --version': [netloom, '--version'],
    'netloom instance --help': [netloom, 'instance', '--help'],
    'netloom instance list, and no service': [netloom, 'instance', 'list'],
    'netloom --host=a instance list, and no service': [netloom, '--host=a', 'instance', 'list'],
    'netloom config show': [netloom, 'config', 'show'],
  }
  const taken = new Map(Object.keys(commands).map((name) => [name, [] as number[]]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, argv] of Object.entries(commands)) taken.get(name)!.push(cpuMsOf(argv, folder))
  }
  rmSync(folder, { recursive: true })

  const empty = median(taken.get('node -e 0')!)
  for (const [name, times] of taken) {
    const ms = median(times)
    process.stdout.write(`${ms.toFixed(0).padStart(5)} ms  ${(ms / empty).toFixed(2).padStart(5)}  ${name}\n`)
  }
  const ratio = median(taken.get('netloom --help')!) / empty
  if (ratio <= LIMIT) return
  process.stderr.write(`netloom --help costs ${ratio.toFixed(2)} times an empty Node, more than ${LIMIT}\n`)
  process.exitCode = 1
}

export default bench

/** User and system time of one run, in milliseconds. */
function cpuMsOf(argv: readonly string[], runPath: string): number {
  const before = process.resourceUsage()
  spawnSync(process.execPath, argv, { stdio: 'ignore', env: { ...process.env, NETLOOM_RUN_PATH: runPath } })
  const after = process.resourceUsage()
  return (after.userCPUTime - before.userCPUTime + after.systemCPUTime - before.systemCPUTime) / 1000
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
