/** One network host: `netloom serve` as a process of its own, in a namespace. */
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { SettingsInput } from '../../../config/read-settings.ts'
import type { Namespaces } from './namespaces.ts'

const READY_LIMIT_MS = 20_000

export interface NetworkHostOptions {
  readonly namespaces: Namespaces
  /** The flag `host`, and the name of its namespace. */
  readonly name: string
  /** Path of the command `netloom`. */
  readonly program: string
  readonly settings: SettingsInput
  /** Path of the file that the service logs to; each start begins it anew. */
  readonly logFile: string
}

export class NetworkHost {
  readonly name: string
  readonly settings: SettingsInput
  readonly #options: NetworkHostOptions
  #process: ChildProcess | null = null

  constructor(options: NetworkHostOptions) {
    this.#options = options
    this.name = options.name
    this.settings = options.settings
  }

  /** What the service logged since its last start. */
  get log(): string {
    return readFileSync(this.#options.logFile, 'utf8')
  }

  /** The service's process; null when it is not running. */
  get pid(): number | null {
    const child = this.#process
    return child === null || child.exitCode !== null || child.signalCode !== null ? null : (child.pid ?? null)
  }

  /**
   * Starts the service and waits for its ready line. It does not need the process that started it any further.
   * @throws {Error} with its log when it ends before
   */
  async start(): Promise<void> {
    const { namespaces, program, settings, logFile } = this.#options
    const files = settings.configFiles.flatMap((file) => ['--config-file', file])
    const variables = Object.entries(settings.environment).map(([name, value]) => `${name}=${value}`)
    const command = [process.execPath, program, ...settings.commandLine, ...files, 'serve']
    const log = openSync(logFile, 'w')
    const service = namespaces.start(this.name, ['env', ...variables, ...command], { stdio: ['ignore', 'pipe', log] })
    closeSync(log)
    this.#process = service
    try {
      await this.#ready(service)
    } finally {
      service.stdout?.destroy()
      service.unref()
    }
  }

  #ready(service: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (what: string) => reject(new Error(`the service ${what}: ${this.log.slice(-2000)}`))
      const timer = setTimeout(() => fail('was not ready in time'), READY_LIMIT_MS)
      service.once('exit', (code, signal) => {
        clearTimeout(timer)
        fail(`ended with ${code ?? signal}`)
      })
      service.stdout?.on('data', (chunk: Buffer) => {
        if (!String(chunk).includes('netloom ready')) return
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Ends the service and waits until it is gone. */
  async stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const service = this.#process
    if (service === null || this.pid === null) return
    const gone = new Promise((resolve) => service.once('exit', resolve))
    service.ref()
    service.kill(signal)
    await gone
  }
}
