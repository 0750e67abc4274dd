/** An Open vSwitch of a namespace's own, whose process switches the frames: the kernel needs no module for it. */
import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Namespaces } from '../../../core/bin/demo/namespaces.ts'
import { until } from './test-cloud.ts'

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'

type Program = 'ovsdb-server' | 'ovs-vswitchd'

export class PrivateOvs {
  readonly #folder: string
  readonly #host: string

  /** @param folder a path of its own */
  constructor(folder: string, host: string) {
    this.#folder = folder
    this.#host = host
    mkdirSync(folder, { recursive: true })
  }

  /** With these every program of Open vSwitch finds this one. */
  get environment(): Readonly<Record<string, string>> {
    const names = ['OVS_RUNDIR', 'OVS_DBDIR', 'OVS_LOGDIR', 'OVS_SYSCONFDIR']
    return Object.fromEntries(names.map((name) => [name, this.#folder]))
  }

  /** Starts both processes, on a new database. */
  async start(namespaces: Namespaces): Promise<void> {
    await this.#run(namespaces, 'ovsdb-tool', 'create', join(this.#folder, 'conf.db'), SCHEMA)
    const socket = join(this.#folder, 'db.sock')
    await this.#daemon(namespaces, 'ovsdb-server', join(this.#folder, 'conf.db'), `--remote=punix:${socket}`)
    await this.vsctl(namespaces, '--no-wait', 'init')
    await this.startSwitch(namespaces)
  }

  startSwitch(namespaces: Namespaces): Promise<void> {
    return this.#daemon(namespaces, 'ovs-vswitchd', `unix:${join(this.#folder, 'db.sock')}`, '--disable-system')
  }

  /** As a machine does that loses its power. */
  async kill(program: Program): Promise<void> {
    const pid = Number(await readFile(join(this.#folder, `${program}.pid`), 'utf8'))
    process.kill(pid, 'SIGKILL')
    await until(
      () =>
        readFile(`/proc/${pid}/cmdline`, 'utf8').then(
          (text) => text === '',
          () => true,
        ),
      `${program} does not end`,
    )
  }

  async vsctl(namespaces: Namespaces, ...words: readonly string[]): Promise<string> {
    return (await this.#run(namespaces, 'ovs-vsctl', '--timeout=10', ...words)).trim()
  }

  async ofctl(namespaces: Namespaces, ...words: readonly string[]): Promise<string> {
    return this.#run(namespaces, 'ovs-ofctl', '--timeout=10', ...words)
  }

  async #daemon(namespaces: Namespaces, program: Program, ...words: readonly string[]): Promise<void> {
    const own = (option: string, suffix: string) => `--${option}=${join(this.#folder, program)}.${suffix}`
    const common = [
      '--detach',
      '--no-chdir',
      '-vconsole:off',
      own('pidfile', 'pid'),
      own('log-file', 'log'),
      own('unixctl', 'ctl'),
    ]
    await this.#run(namespaces, program, ...words, ...common)
  }

  async #run(namespaces: Namespaces, ...argv: readonly string[]): Promise<string> {
    const variables = Object.entries(this.environment).map(([name, value]) => `${name}=${value}`)
    return (await namespaces.inside(this.#host, 'env', ...variables, ...argv)).stdout
  }
}
