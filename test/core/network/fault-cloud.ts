/**
 * A manager with a store, a host and a DNS driver in memory, each of which fails when it is told to: at its n-th
 * statement, commit, operation or call from then on.
 */
import {
  adminContext,
  clockRef,
  type DatabaseDriver,
  type DnsDriver,
  dbBackendSlot,
  dhcpbridgeRef,
  floatingIpDnsManagerSlot,
  hostDriverSlot,
  instanceDnsManagerSlot,
  leaseSpoolRef,
  loggerRef,
  networkManagerSlot,
  nodesRef,
  type RpcDriver,
  randomRef,
  rpcBackendSlot,
  StoreUnavailable,
} from 'netloom/contracts'
import { FakeClock, MemoryLeaseSpool, RecordingLogger, SeededRandom, SimulatedHost } from 'netloom/testing'
import type { QueryRunner } from 'typeorm'
import { onTestFinished } from 'vitest'
import { gather } from '../../../config/registry.ts'
import { parseCommandLine } from '../../../config/sources.ts'
import { validate } from '../../../config/validate.ts'
import { PluginContainer } from '../../../core/plugin-system/container.ts'
import { coreOptions } from '../../../core/plugin-system/core-options.ts'
import { SqlDatabase } from '../../../drivers/database/sql/database.ts'
import type { Engine, SqlRow } from '../../../drivers/database/sql/dialect.ts'
import iptables from '../../../drivers/firewall/iptables.ts'
import dnsmasq from '../../../plugins/dhcp/dnsmasq.ts'
import bridge from '../../../plugins/interface/bridge.ts'
import linuxNet from '../../../plugins/l3/linux-net.ts'
import flatDhcp, { type FlatDHCPManager } from '../../../plugins/manager/flat-dhcp.ts'
import radvd from '../../../plugins/router-advert/radvd.ts'
import { engineFor } from '../../drivers/database/engine.ts'

/**
 * Where something fails: at a statement of the store, at the end of a transaction that is then undone, at one that is done
 * all the same, as when its answer is lost; at an operation of the host once, or from then on; at a call of the DNS driver.
 */
export const PLACES = ['statement', 'commit', 'answer of a commit', 'host', 'host for good', 'DNS'] as const
export type Place = (typeof PLACES)[number]

const TABLES = ['networks', 'fixed_ips', 'floating_ips', 'virtual_interfaces', 'instances', 'dns_domains']

/** Times say when, not what; a network stays with the host that took it. */
const PASSED_OVER: Readonly<Record<string, readonly string[]>> = {
  networks: ['host'],
  // One address is one fact, whether it is part of a run of free ones or a row: see `eachAddress`.
  fixed_ips: ['id', 'address', 'span'],
  '': ['created_at', 'updated_at'],
}

/** A row for each address of a run, in order of their numbers. */
function eachAddress(rows: readonly SqlRow[]): readonly SqlRow[] {
  const all = rows.flatMap((row) =>
    Array.from({ length: Number(row.span) }, (_, index) => ({ ...row, number: Number(row.number) + index })),
  )
  return all.toSorted((a, b) => a.number - b.number)
}

export class FaultCloud {
  readonly context = adminContext('test')
  readonly log = new RecordingLogger()
  readonly host = new SimulatedHost()
  readonly dns = new Map<string, string>()
  readonly #engine: Engine
  readonly #database: SqlDatabase
  #manager: FlatDHCPManager | null = null
  #fault: { readonly place: Place; left: number; readonly message: string } | null = null

  constructor(engine: Engine) {
    this.#engine = engine
    const commit = engine.commit.bind(engine)
    engine.commit = async (runner: QueryRunner, changed: boolean) => {
      if (changed) this.#reach('commit')
      await commit(runner, changed)
      if (changed) this.#reach('answer of a commit')
    }
    this.#database = new SqlDatabase(engine, { nowMs: () => Date.UTC(2026, 0, 1) })
    this.#database.onStatement = () => this.#reach('statement')
  }

  get manager(): FlatDHCPManager {
    if (this.#manager === null) throw new Error('the cloud is not open')
    return this.#manager
  }

  async open(flags: readonly string[]): Promise<void> {
    await this.#database.open()
    const plugins = [flatDhcp, bridge, linuxNet, dnsmasq, radvd, iptables]
    const declarers = [{ name: 'core', options: coreOptions }, ...plugins]
    const facts = { hostname: 'host1', primary_address: '192.0.2.1', default_state_path: '/s', default_run_path: '/r' }
    const { values } = validate({ registry: gather(declarers), settings: [parseCommandLine(flags)], facts })
    const container = new PluginContainer(this.log)
    container.bindValue(clockRef, new FakeClock())
    container.bindValue(randomRef, new SeededRandom())
    container.bindValue(leaseSpoolRef, new MemoryLeaseSpool())
    container.bindValue(loggerRef, this.log)
    container.bindValue(dhcpbridgeRef, '/usr/lib/netloom/netloom-dhcpbridge')
    container.bindValue(nodesRef, ['NetworkController', 'RoutingNode', 'AddressingNode', 'BridgingNode'])
    container.bindValue(dbBackendSlot, this.#database as DatabaseDriver)
    container.bindValue(rpcBackendSlot, noBus)
    container.bindValue(hostDriverSlot, this.host)
    for (const slot of [instanceDnsManagerSlot, floatingIpDnsManagerSlot]) container.bindValue(slot, this.#dnsDriver())
    for (const plugin of plugins) container.bindPlugin(plugin, values)
    this.#manager = (await container.get(networkManagerSlot)) as FlatDHCPManager
    await this.#manager.initHost()
  }

  async close(): Promise<void> {
    await this.#manager?.close()
    await this.#database.close()
  }

  /** Makes the n-th of these fail from now on, with this message. */
  failAt(place: Place, n: number, message: string): void {
    this.#fault = { place, left: n, message }
    if (place.startsWith('host')) this.host.failAt(n, { message, lasts: place === 'host for good' })
  }

  /** @returns whether anything failed */
  repair(): boolean {
    const onHost = this.host.repair()
    const { place, left = 1 } = this.#fault ?? {}
    this.#fault = null
    return place?.startsWith('host') ? onHost : left <= 0
  }

  /** All rows of all tables and all names, but for what tells only when. */
  async facts(): Promise<unknown> {
    const tables: Record<string, unknown> = { names: Object.fromEntries([...this.dns].sort()) }
    await this.#engine.withRunner(async (runner) => {
      for (const table of TABLES) {
        const stored: SqlRow[] = await runner.query(`SELECT * FROM ${table} ORDER BY 1`)
        const rows = table === 'fixed_ips' ? eachAddress(stored) : stored
        const without = [...PASSED_OVER['']!, ...(PASSED_OVER[table] ?? [])]
        tables[table] = rows.map((row) =>
          Object.fromEntries(Object.entries(row).filter(([name]) => !without.includes(name))),
        )
      }
    })
    return tables
  }

  /** What is still to be done on the host, and is noted of DNS. */
  async leftToDo(): Promise<unknown> {
    const { entries, waiting } = await this.manager.planHost()
    return { entries, waiting, notes: await this.#database.read((store) => store.dnsChanges.list({})) }
  }

  #reach(place: Place): void {
    const fault = this.#fault
    if (fault?.place !== place) return
    fault.left -= 1
    if (fault.left !== 0) return
    if (place === 'answer of a commit') throw new StoreUnavailable({ store: 'test', reason: fault.message })
    throw new Error(fault.message)
  }

  #dnsDriver(): DnsDriver {
    const { dns } = this
    const key = (name: string, domain: string) => `${name}.${domain}`
    const calls: DnsDriver = {
      getDomains: async () => ['example.org'],
      createEntry: async (name, address, _type, domain) => void dns.set(key(name, domain), address),
      deleteEntry: async (name, domain) => void dns.delete(key(name, domain)),
      modifyAddress: async (name, address, domain) => void dns.set(key(name, domain), address),
      getEntriesByName: async (name, domain) => [dns.get(key(name, domain)) ?? []].flat(),
      getEntriesByAddress: async (address, domain) =>
        [...dns]
          .filter(([name, to]) => to === address && name.endsWith(`.${domain}`))
          .map(([name]) => name.slice(0, -domain.length - 1)),
      createDomain: async () => {},
      deleteDomain: async () => {},
    }
    return new Proxy(calls, {
      get: (target, name) => {
        const call: unknown = Reflect.get(target, name)
        if (typeof call !== 'function') return call
        return async (...args: unknown[]) => {
          this.#reach('DNS')
          return call(...args)
        }
      },
    })
  }
}

/** All is on this host. */
const noBus: RpcDriver = {
  call: async (_target, method) => {
    throw new Error(`${method} was sent over the bus`)
  },
  cast: async () => {},
  fanout: async () => {},
  serve: async () => ({ close: async () => {} }),
  close: async () => {},
}

/** A cloud that ends with the test. */
export async function makeFaultCloud(flags: readonly string[] = []): Promise<FaultCloud> {
  const cloud = new FaultCloud(await engineFor('sqlite://'))
  onTestFinished(() => cloud.close())
  await cloud.open(['--flat_network_bridge=br100', '--public_interface=eth0', '--my_ip=192.0.2.1', ...flags])
  return cloud
}
