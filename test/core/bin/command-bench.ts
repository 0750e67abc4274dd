import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Json, JsonObject, Logger } from 'netloom/contracts'
import { main } from '../../../core/bin/program.ts'
import { LocalRpc } from '../../../drivers/rpc/local/local-rpc.ts'

/** What a fake service answers to a method: a value, or what it throws. */
export type Answers = Readonly<Record<string, Json | Error>>

export interface Call {
  readonly host: string
  readonly method: string
  readonly args: JsonObject
  readonly context: JsonObject
}

export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  readonly calls: readonly Call[]
}

export interface CommandBench {
  /** What the service answers from now on; a method that is not in it answers null. */
  answers: Answers
  /** What a command finds the services by. */
  readonly environment: Readonly<Record<string, string>>
  /** Runs `netloom ...` against the fake services; `line` is cut at blanks when it is a text. */
  run(line: string | readonly string[], environment?: Readonly<Record<string, string>>): Promise<Outcome>
  end(): Promise<void>
}

/** The real command on the real bus, with services of the given hosts that only remember and answer. */
export async function makeCommandBench(...hosts: readonly string[]): Promise<CommandBench> {
  const runPath = await mkdtemp(join(tmpdir(), 'nlcli-'))
  const silent = () => {}
  const logger: Logger = { debug: silent, info: silent, warn: silent, error: silent }
  const calls: Call[] = []
  const drivers: LocalRpc[] = []
  const bench: CommandBench = {
    answers: {},
    environment: { NETLOOM_RUN_PATH: runPath, NETLOOM_HOST: hosts[0] ?? 'nobody' },
    async run(line, environment = {}) {
      calls.length = 0
      let [stdout, stderr] = ['', '']
      const status = await main({
        argv: typeof line === 'string' ? line.split(' ').filter(Boolean) : line,
        environment: { ...bench.environment, ...environment },
        stdout: { write: (text) => (stdout += text) },
        stderr: { write: (text) => (stderr += text) },
      })
      return { status, stdout, stderr, calls: [...calls] }
    },
    async end() {
      await Promise.all(drivers.map((driver) => driver.close()))
      await rm(runPath, { recursive: true, force: true })
    },
  }
  for (const host of hosts) {
    const driver = new LocalRpc({ runPath, host, timeoutMs: 5000, logger })
    drivers.push(driver)
    await driver.serve('network', host, async (method, { context, ...args }) => {
      calls.push({ host, method, args, context: context as JsonObject })
      const answer = bench.answers[method] ?? null
      if (answer instanceof Error) throw answer
      return answer
    })
  }
  return bench
}
