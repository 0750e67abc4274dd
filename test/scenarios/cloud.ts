/**
 * A cloud in the process of the test: real services on one store and one bus, on simulated hosts. Scenarios talk to it
 * as a cloud controller does, and look at rows and at what is on the hosts; they know nothing of the inside.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock, MemoryLeaseSpool, macOf, RecordingLogger, SimulatedHost, uuidOf } from 'netloom/testing'
import { expect, onTestFinished } from 'vitest'
import type { SettingsInput } from '../../config/read-settings.ts'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { type Client, openClient } from '../../core/bin/client.ts'
import { type Service, startService } from '../../core/bin/serve.ts'
import { adminContext } from '../../core/model/request-context.ts'
import type { Backends } from './backends.ts'

/** Where files cost no waiting for a disk, if there is such a place. */
const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A machine that runs a network host: what is on it outlives the service. */
export class Machine {
  readonly name: string
  readonly clock: FakeClock
  readonly spool = new MemoryLeaseSpool()
  readonly log = new RecordingLogger()
  /** Others count from the next start. */
  settings: SettingsInput
  /** What the machine looks like; another one is a machine that was booted anew. */
  host = new SimulatedHost()
  #service: Service | null = null

  constructor(name: string, clock: FakeClock, flags: readonly string[]) {
    this.name = name
    this.clock = clock
    this.settings = { configFiles: [], environment: {}, commandLine: [...flags, `--host=${name}`] }
  }

  async start(): Promise<void> {
    const { clock, spool: leaseSpool, log: logger, host: hostDriver } = this
    this.#service = await startService(this.settings, { clock, leaseSpool, logger, hostDriver })
  }

  get service(): Service {
    if (this.#service === null) throw new Error(`the service of ${this.name} does not run`)
    return this.#service
  }

  async stop(): Promise<void> {
    await this.#service?.stop()
    this.#service = null
  }

  /** It takes up what it missed, as it does with each heartbeat. */
  async catchUp(): Promise<void> {
    await this.#service?.part.catchUp()
  }

  /** It tells that it is alive. */
  async beat(): Promise<void> {
    await this.#service?.beat()
  }

  /** Time passes: the periodic tasks come round, and the next heartbeat. */
  async pass(seconds: number): Promise<void> {
    this.clock.advance(seconds)
    await this.#service?.part.periodicTasks()
    await this.catchUp()
  }

  /** The DHCP server of this machine reports; resolves when the report had its effect. */
  async lease(mac: string, address: string): Promise<void> {
    this.spool.push('add', mac, address)
    await this.spool.emptied()
  }

  async release(mac: string, address: string): Promise<void> {
    this.spool.push('del', mac, address)
    await this.spool.emptied()
  }

  /** What is on the machine, a line each: resources, contents of files, and rules in chains of netloom's. */
  async picture(): Promise<ReadonlySet<string>> {
    const lines: string[] = []
    for (const key of await this.host.keys()) {
      const resource = await this.host.resource(key)
      const name = key.replace(/ \/.*\/netloom-/, ' ')
      lines.push(resource?.kind === 'file' ? `${name}: ${resource.content.trim()}` : name)
    }
    let table = ''
    for (const line of (await this.host.rules()).split('\n')) {
      if (line.startsWith('*')) table = line.slice(1)
      const rule = /^\[\d+:\d+\] -A (netloom-.*)/.exec(line)?.[1]
      if (rule !== undefined) lines.push(`${table} ${rule}`)
    }
    return new Set(lines)
  }

  /** What this work brought to the machine and took from it. */
  async changesOf(
    work: () => Promise<unknown>,
  ): Promise<{ readonly come: readonly string[]; readonly gone: readonly string[] }> {
    const before = await this.picture()
    await work()
    const after = await this.picture()
    return {
      come: [...after].filter((line) => !before.has(line)),
      gone: [...before].filter((line) => !after.has(line)),
    }
  }

  /** Processes that the machine started for this work, announcements apart. */
  async processesOf(work: () => Promise<unknown>): Promise<number> {
    const before = this.host.processes
    await work()
    return this.host.processes - before
  }
}

export class Cloud {
  readonly machines: readonly Machine[]
  readonly #folder: string
  readonly #clients: Client[] = []
  #api: NetworkApi | null = null

  constructor(folder: string, machines: readonly Machine[]) {
    this.#folder = folder
    this.machines = machines
  }

  /** The operator's client. */
  get api(): NetworkApi {
    if (this.#api === null) throw new Error('the cloud is not open')
    return this.#api
  }

  /** The first machine, which is the only one of most scenarios. */
  get machine(): Machine {
    return this.machines[0]!
  }

  named(name: string): Machine {
    const found = this.machines.find((machine) => machine.name === name)
    if (found === undefined) throw new Error(`there is no machine ${name}`)
    return found
  }

  get host(): SimulatedHost {
    return this.machine.host
  }

  async open(): Promise<void> {
    this.#api = await this.client()
  }

  /** A client for the operator, or for a tenant. */
  async client(asProject?: string): Promise<NetworkApi> {
    const client = await openClient({ settings: this.machine.settings, asProject })
    this.#clients.push(client)
    return client.api
  }

  async end(): Promise<void> {
    for (const client of this.#clients) await client.close()
    for (const machine of this.machines) await machine.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** All rows, but for the time of their last change: what an operation that failed must leave as it was. */
  async rows() {
    const networks = (await this.api.getAllNetworks()).map(({ updated_at: _, ...network }) => network)
    const floatingIps = (await this.api.listFloatingIps()).map(({ updated_at: _, ...floating }) => floating)
    const instances = await this.api.listInstances()
    return { networks, floatingIps, instances, leases: await this.api.getDhcpLeases() }
  }

  /** Fails when a machine is not what the rows say. */
  async expectInLine(): Promise<void> {
    for (const { name } of this.machines) {
      const { entries, waiting } = await this.api.plan(name)
      expect({ entries, waiting }, `plan of ${name}`).toEqual({ entries: [], waiting: [] })
    }
  }

  /** An operator's, for what is not called over the bus. */
  readonly context = adminContext('test')

  /** While the work is done the machine has sent no heartbeat for long, so nobody sends it messages; then it has. */
  async whileSilent(name: string, work: () => Promise<unknown>): Promise<void> {
    this.machine.clock.advance(61)
    for (const machine of this.machines) if (machine.name !== name) await machine.beat()
    await work()
    await this.named(name).beat()
  }

  uuid(number: number): string {
    return uuidOf(number)
  }

  /** Makes an instance on the networks given, or on those that its project may use. @returns its first interface */
  async guest(number: number, request: { project?: string; host?: string; networks?: readonly string[] } = {}) {
    const { project = 'demo', host, networks } = request
    const info = await this.api.allocateForInstance({
      instance_uuid: uuidOf(number),
      project_id: project,
      hostname: `guest${number}`,
      macs: [0, 1, 2].map((index) => macOf(number + 1000 * index)),
      ...(networks === undefined ? {} : { requested_networks: networks.map((uuid) => ({ uuid })) }),
      ...(host === undefined ? {} : { host }),
    })
    const [vif] = info
    return { uuid: uuidOf(number), mac: vif!.address, address: vif!.network.subnets[0]!.ips[0]!.address! }
  }
}

export interface CloudOptions {
  /** Names of the machines, with flags of their own; default one, `host1`. */
  readonly machines?: readonly (string | { readonly name: string; readonly flags: readonly string[] })[]
  readonly flags?: readonly string[]
}

/** Starts a cloud that ends with the test. */
export async function makeCloud(backends: Backends, options: CloudOptions = {}): Promise<Cloud> {
  const folder = await mkdtemp(join(FOLDER, 'nlcloud-'))
  const clock = new FakeClock()
  const flags = [
    ...(await backends.flags(folder)),
    `--state_path=${folder}`,
    '--host_driver=noop',
    '--my_ip=192.0.2.1',
    '--public_interface=eth0',
    '--flat_network_bridge=br100',
    ...(options.flags ?? []),
  ]
  const machines = (options.machines ?? ['host1']).map((machine) =>
    typeof machine === 'string'
      ? new Machine(machine, clock, flags)
      : new Machine(machine.name, clock, [...flags, ...machine.flags]),
  )
  const cloud = new Cloud(folder, machines)
  onTestFinished(() => cloud.end())
  for (const machine of machines) await machine.start()
  await cloud.open()
  return cloud
}

/** What a promise was rejected with, as far as callers rely on it; fails when it was not. */
export async function refusalOf(promise: Promise<unknown>): Promise<{ code: string; status: number; message: string }> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: { code: string; exitStatus: number; message: string }) => error,
  )
  if ('value' in outcome) throw new Error(`it was not refused but answered ${JSON.stringify(outcome.value)}`)
  return { code: outcome.code, status: outcome.exitStatus, message: outcome.message }
}
