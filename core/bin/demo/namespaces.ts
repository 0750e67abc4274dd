/** Network namespaces under one prefix: made, worked in, and taken away with all that runs in them. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createProcessExecutor } from '../../../drivers/system/process-executor.ts'
import type { CommandResult } from '../../contracts/ports.ts'

type Words = readonly [string, ...string[]]

export class Namespaces {
  readonly #executor = createProcessExecutor()
  readonly #prefix: string
  readonly #added: string[] = []

  /** @param prefix tells the namespaces of one run from those of another */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** The name that `ip netns` knows it by. */
  fullName(name: string): string {
    return `${this.#prefix}-${name}`
  }

  /** Full names, in the order in which they were added. */
  get all(): readonly string[] {
    return this.#added.map((name) => this.fullName(name))
  }

  async add(name: string): Promise<void> {
    this.#added.push(name)
    await this.run('ip', 'netns', 'add', this.fullName(name))
    await this.run('ip', '-n', this.fullName(name), 'link', 'set', 'lo', 'up')
  }

  /** On the machine itself. @throws {CommandFailed} */
  run(...argv: Words): Promise<CommandResult> {
    return this.#executor.run({ argv })
  }

  /** Inside one. @throws {CommandFailed} */
  inside(name: string, ...argv: Words): Promise<CommandResult> {
    return this.run(...this.#entering(name, argv))
  }

  /** Inside one. @returns whether it ended with 0 */
  async succeeds(name: string, ...argv: Words): Promise<boolean> {
    return (await this.#executor.run({ argv: this.#entering(name, argv), okCodes: [0, 1, 2] })).code === 0
  }

  /** `ip` goes in by itself, which costs half of what it costs to be put in. */
  #entering(name: string, [program, ...words]: Words): Words {
    const namespace = this.fullName(name)
    return program === 'ip' ? ['ip', '-n', namespace, ...words] : ['ip', 'netns', 'exec', namespace, program, ...words]
  }

  /** Inside one, and left running. The process is the program itself: `ip` becomes it. */
  start(name: string, argv: Words, options: SpawnOptions): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.fullName(name), ...argv], options)
  }

  /** Ends every process in them first: one that lives on would keep the devices. */
  async remove(): Promise<void> {
    for (const name of this.#added.splice(0)) {
      const fullName = this.fullName(name)
      const { stdout } = await this.#executor.run({ argv: ['ip', 'netns', 'pids', fullName], okCodes: [0, 1, 255] })
      for (const pid of stdout.trim().split('\n').filter(Boolean)) await endProcess(Number(pid))
      await this.#executor.run({ argv: ['ip', 'netns', 'delete', fullName], okCodes: [0, 1] })
    }
  }
}

/** One that has ended already, or is a zombie, is no error. */
async function endProcess(pid: number): Promise<void> {
  const cmdline = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  if (cmdline !== '') process.kill(pid, 'SIGTERM')
}
