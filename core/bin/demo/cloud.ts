/** A small cloud in network namespaces of its own: a public side, a network host, two guests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SettingsInput } from '../../../config/read-settings.ts'
import { createProcessExecutor } from '../../../drivers/system/process-executor.ts'

const CLIENT_SCRIPT = `#!/bin/sh
case $1 in
  deconfig) ip -4 address flush dev "$interface" ;;
  bound|renew)
    ip address replace "$ip/$mask" broadcast + dev "$interface"
    ip route replace default via "\${router%% *}" dev "$interface"
    echo "$ip" >&2 ;;
esac
`

const NETLOOM = fileURLToPath(new URL('../netloom.js', import.meta.url))
const READY_LIMIT_MS = 20_000

export class DemoCloud {
  readonly #executor = createProcessExecutor()
  readonly #prefix = `nl${process.pid}`
  #folder = ''
  #service: ChildProcess | null = null

  readonly host = 'demo'
  get folder(): string {
    return this.#folder
  }
  namespace(name: 'public' | 'host' | 'guest1' | 'guest2'): string {
    return `${this.#prefix}-${name}`
  }
  get namespaces(): readonly string[] {
    return (['public', 'host', 'guest1', 'guest2'] as const).map((name) => this.namespace(name))
  }

  /** The flags of the service and of the client that talks to it. */
  get settings(): SettingsInput {
    const commandLine = [`--state_path=${this.#folder}/state`, `--host=${this.host}`]
    return { configFiles: [presetFile()], environment: {}, commandLine }
  }

  async build(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'netloom-demo-'))
    await writeFile(join(this.#folder, 'client'), CLIENT_SCRIPT, { mode: 0o755 })
    const [outside, host] = [this.namespace('public'), this.namespace('host')]
    for (const name of this.namespaces) {
      await this.run('ip', 'netns', 'add', name)
      await this.run('ip', '-n', name, 'link', 'set', 'lo', 'up')
    }
    await this.run(
      'ip',
      'link',
      'add',
      'name',
      'eth0',
      'netns',
      host,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      outside,
    )
    await this.run('ip', '-n', outside, 'address', 'add', '203.0.113.1/24', 'dev', 'eth0')
    await this.run('ip', '-n', host, 'address', 'add', '203.0.113.11/24', 'dev', 'eth0')
    for (const name of [outside, host]) await this.run('ip', '-n', name, 'link', 'set', 'eth0', 'up')
    await this.run('ip', '-n', host, 'route', 'add', 'default', 'via', '203.0.113.1')
  }

  /** Starts `netloom serve` on the network host and waits for its ready line. */
  async startService(): Promise<void> {
    const flags = [...this.settings.commandLine, '--my_ip=203.0.113.11', '--config-file', presetFile()]
    const argv = ['netns', 'exec', this.namespace('host'), process.execPath, NETLOOM, ...flags, 'serve']
    const service = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#service = service
    let log = ''
    service.stderr.on('data', (chunk: Buffer) => {
      log = `${log}${chunk}`.slice(-2000)
    })
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the service was not ready in time: ${log}`)), READY_LIMIT_MS)
      service.once('exit', (code) => reject(new Error(`the service ended with ${code}: ${log}`)))
      service.stdout.on('data', (chunk: Buffer) => {
        if (!String(chunk).includes('netloom ready')) return
        clearTimeout(timer)
        resolve()
      })
    })
    service.removeAllListeners('exit')
  }

  async stopService(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const service = this.#service
    if (service === null || service.exitCode !== null || service.signalCode !== null) return
    const gone = new Promise((resolve) => service.once('exit', resolve))
    service.kill(signal)
    await gone
  }

  /** A real DHCP client in a guest. @returns the address that it got */
  async lease(guest: 'guest1' | 'guest2'): Promise<string> {
    const script = join(this.#folder, 'client')
    const argv = ['busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '10', '-T', '1', '-s', script] as const
    const { stderr } = await this.inside(guest, ...argv)
    return stderr.trim().split('\n').at(-1) ?? ''
  }

  async ping(from: 'public' | 'guest1' | 'guest2', address: string): Promise<boolean> {
    const argv: [string, ...string[]] = [
      'ip',
      'netns',
      'exec',
      this.namespace(from),
      'ping',
      '-c',
      '1',
      '-W',
      '2',
      address,
    ]
    return (await this.#executor.run({ argv, okCodes: [0, 1] })).code === 0
  }

  /** Pings ten times a second until stopped. @returns a function that stops it and tells how many were lost */
  pinging(from: 'guest1' | 'guest2', address: string): () => Promise<number> {
    const argv = ['netns', 'exec', this.namespace(from), 'ping', '-i', '0.1', '-W', '1', address]
    const child = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
    })
    return async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGINT')
      await gone
      const [, sent = '0', received = '0'] = /(\d+) packets transmitted, (\d+) received/.exec(output) ?? []
      if (Number(sent) === 0) throw new Error('no ping was sent')
      return Number(sent) - Number(received)
    }
  }

  inside(where: 'public' | 'host' | 'guest1' | 'guest2', ...argv: readonly [string, ...string[]]) {
    return this.#executor.run({ argv: ['ip', 'netns', 'exec', this.namespace(where), ...argv] })
  }

  run(...argv: readonly [string, ...string[]]) {
    return this.#executor.run({ argv })
  }

  /** Ends every process in the namespaces, then takes the namespaces and the folder away. */
  async remove(): Promise<void> {
    await this.stopService('SIGTERM')
    for (const name of this.namespaces) {
      const { stdout } = await this.#executor.run({ argv: ['ip', 'netns', 'pids', name], okCodes: [0, 1, 255] })
      for (const pid of stdout.trim().split('\n').filter(Boolean)) await stopProcess(Number(pid))
      await this.#executor.run({ argv: ['ip', 'netns', 'delete', name], okCodes: [0, 1] })
    }
    if (this.#folder !== '') await rm(this.#folder, { recursive: true, force: true })
  }
}

async function stopProcess(pid: number): Promise<void> {
  const cmdline = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  if (cmdline !== '') process.kill(pid, 'SIGTERM')
}

function presetFile(): string {
  return fileURLToPath(new URL('../../../../config/presets/flat-dhcp.conf', import.meta.url))
}
