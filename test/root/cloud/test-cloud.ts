/** The demo's cloud for one test file, driven as a deployer drives it: by the built command. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { NetworkApi } from '../../../core/api/network-api.ts'
import { openClient } from '../../../core/bin/client.ts'
import { Cloud, type CloudOptions } from '../../../core/bin/demo/cloud.ts'
import type { NetworkHost } from '../../../core/bin/demo/network-host.ts'
import { main } from '../../../core/bin/program.ts'

const packageFolder = fileURLToPath(new URL('../../../', import.meta.url))
let built = 0

export const isRoot = process.getuid?.() === 0

/** How a command ended. */
export interface Ended {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export class TestCloud extends Cloud {
  /** Variables for services that are started from now on. */
  readonly environment: Record<string, string>
  readonly #closers: (() => Promise<void>)[] = []

  private constructor(options: Partial<CloudOptions>) {
    built += 1
    const prefix = `nlc${process.pid}-${built}`
    const environment = { ...options.environment }
    super({ packageFolder, prefix, hosts: ['node1'], guests: ['guest1', 'guest2'], ...options, environment })
    this.environment = environment
    if (!existsSync(this.program)) throw new Error('run `npm run build` first')
  }

  /** Builds one and starts the service of each host. */
  static async start(options: Partial<CloudOptions> = {}): Promise<TestCloud> {
    const cloud = await TestCloud.built(options)
    try {
      for (const host of cloud.hosts) await host.start()
    } catch (error) {
      await cloud.remove()
      throw error
    }
    return cloud
  }

  /** Builds one whose services are still to be started. */
  static async built(options: Partial<CloudOptions> = {}): Promise<TestCloud> {
    const cloud = new TestCloud(options)
    await cloud.build()
    return cloud
  }

  /** Runs the command as an operator of the first host. */
  command(...words: readonly string[]): Promise<Ended> {
    return this.commandOn(this.host, ...words)
  }

  /** On the host itself: what its bus is may be reached from there only. */
  commandOn({ name, settings }: NetworkHost, ...words: readonly string[]): Promise<Ended> {
    const files = settings.configFiles.flatMap((file) => ['--config-file', file])
    return this.runIn(name, [process.execPath, this.program, ...settings.commandLine, ...files, ...words])
  }

  /** Runs a program in a namespace of the cloud. */
  runIn(name: string, argv: readonly string[], timeoutMs?: number): Promise<Ended> {
    return runTo('ip', ['netns', 'exec', this.namespaces.fullName(name), ...argv], process.env, timeoutMs)
  }

  /** The host of that name. */
  named(name: string): NetworkHost {
    const found = this.hosts.find((host) => host.name === name)
    if (found === undefined) throw new Error(`there is no host ${name}`)
    return found
  }

  /** The same by the sources, in this process: ten times as fast, for what leads up to what is tested. */
  async ask(...words: readonly string[]): Promise<Ended> {
    const { configFiles, commandLine } = this.host.settings
    const files = configFiles.flatMap((file) => ['--config-file', file])
    let [stdout, stderr] = ['', '']
    const status = await main({
      argv: [...commandLine, ...files, ...words],
      environment: {},
      stdout: {
        write: (text) => {
          stdout += text
        },
      },
      stderr: {
        write: (text) => {
          stderr += text
        },
      },
    })
    return { status, stdout, stderr }
  }

  /** What a command that must end with 0 prints with `--json`. */
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what tests look at
  async json(...words: readonly string[]): Promise<any> {
    const { status, stdout, stderr } = await this.command('--json', ...words)
    if (status !== 0) throw new Error(`netloom ${words.join(' ')} ended with ${status}: ${stderr}`)
    return JSON.parse(stdout)
  }

  /** What `host list` shows of a host; `undefined` when nobody answers, as a controller that is cut off. */
  async stateOf(name: string): Promise<string | undefined> {
    const { status, stdout } = await this.command('--json', '--timeout=3', 'host', 'list')
    if (status !== 0) return undefined
    return JSON.parse(stdout).find(({ host }: { host: string }) => host === name)?.state
  }

  /** A client of the bus, closed with the cloud. */
  async client(host: NetworkHost = this.host): Promise<NetworkApi> {
    const { api, close } = await openClient({ settings: host.settings })
    this.#closers.push(close)
    return api
  }

  override async remove(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close()
    await super.remove()
  }
}

/** Runs Node with these words; a status that is not 0 is a result like any. */
export function runProgram(words: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  return runTo(process.execPath, words, env)
}

function runTo(
  program: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  timeout = 60_000,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(program, words, { timeout, env }, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

/** Waits until it holds. @throws {Error} with `otherwise` when it does not in time */
export async function until(
  holds: () => Promise<boolean> | boolean,
  otherwise: string,
  limitMs = 10_000,
): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(otherwise)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
