/**
 * What the command costs beside an empty Node, by CPU: a person waits for it, and scripts run it in loops. Each is run in
 * turn, so that a machine that gets busy is unfair to all of them alike.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from './run.ts'

const ROUNDS = 20
/** The unit in which the kernel tells the time of children. */
const MS_PER_TICK = 10
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
  const taken = new Map(Object.keys(commands).map((name) => [name, 0]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, argv] of Object.entries(commands)) taken.set(name, taken.get(name)! + cpuMsOf(argv, folder))
  }
  rmSync(folder, { recursive: true })

  const empty = taken.get('node -e 0')!
  for (const [name, ms] of taken) {
    const each = (ms / ROUNDS).toFixed(0).padStart(5)
    process.stdout.write(`${each} ms  ${(ms / empty).toFixed(2).padStart(5)}  ${name}\n`)
  }
  const ratio = taken.get('netloom --help')! / empty
  if (ratio <= LIMIT) return
  process.stderr.write(`netloom --help costs ${ratio.toFixed(2)} times an empty Node, more than ${LIMIT}\n`)
  process.exitCode = 1
}

export default bench

/** User and system time of one run, to a tick: only sums of many mean something. */
function cpuMsOf(argv: readonly string[], runPath: string): number {
  const before = childTicks()
  spawnSync(process.execPath, argv, { stdio: 'ignore', env: { ...process.env, NETLOOM_RUN_PATH: runPath } })
  return (childTicks() - before) * MS_PER_TICK
}

/** Source: proc(5), fields 16 and 17 of stat; the name in field 2 may hold blanks, and ends with the last `)`. */
function childTicks(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[13]) + Number(fields[14])
}
