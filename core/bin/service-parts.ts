/** The two kinds of service: one with a store, which is a controller too, and a host that asks a controller. */
import type { DatabaseDriver } from '../contracts/database.ts'
import type { Clock } from '../contracts/ports.ts'
import type { Dispatch } from '../contracts/rpc.ts'
import type { NetloomError } from '../errors/base.ts'
import { ClockSkew } from '../errors/service.ts'
import type { ServiceReport } from '../model/rows.ts'
import { HostAgent } from '../network/host-agent.ts'
import { managerRequires } from '../network/manager-services.ts'
import { dispatcher, hostMethods, rpcMethods } from '../network/methods/index.ts'
import { RemoteFacts } from '../network/remote-facts.ts'
import { clockRef, dbBackendSlot, networkManagerSlot, rpcBackendSlot } from '../plugin-system/slots.ts'
import type { Booted } from './boot.ts'
import { PolicySource } from './policy-source.ts'

/** What a service does, whichever kind it is. */
export interface ServicePart {
  readonly dispatch: Dispatch
  /** Answers only messages that name this host. */
  readonly direct: boolean
  initHost(): Promise<unknown>
  /** Takes up what was missed. */
  catchUp(): Promise<unknown>
  /** Looks at the whole host. */
  mendHost(): Promise<unknown>
  periodicTasks(): Promise<unknown>
  report(row: ServiceReport): Promise<void>
  close(): Promise<void>
}

/**
 * @param onLost another service took this host while the store was away: this one must not go on
 * @throws {ServiceAlreadyRunning} {ClockSkew} and what the store throws
 */
export function openPart(booted: Booted, onLost: (error: NetloomError) => void): Promise<ServicePart> {
  return booted.flags.host_facts === 'rpc' ? openHost(booted) : openController(booted, onLost)
}

/** Where heartbeats go, on a connection of its own. */
export interface Reporter {
  report(row: ServiceReport): Promise<void>
  close(): Promise<void>
}

/** @throws what the store or the bus throws */
export async function openReporter({ container, flags }: Booted): Promise<Reporter> {
  if (flags.host_facts === 'rpc') {
    const rpc = await container.get(rpcBackendSlot)
    const facts = new RemoteFacts(flags.host, rpc)
    return { report: (row) => facts.report(row), close: () => rpc.close() }
  }
  const database = await container.get(dbBackendSlot)
  await database.open()
  return { report: reporting(database, await container.get(clockRef)), close: () => database.close() }
}

function reporting(database: DatabaseDriver, clock: Clock): Reporter['report'] {
  return (row) => {
    const reported_at = new Date(clock.nowMs()).toISOString()
    return database.transaction((store) => store.services.report({ ...row, reported_at }))
  }
}

/** How far this machine's clock may be from the store's, in milliseconds. */
const MAX_SKEW_MS = 10_000

/** Times of several machines are compared: leases, heartbeats, who has been free longest. @throws {ClockSkew} */
async function checkClock(database: DatabaseDriver, clock: Clock): Promise<void> {
  const skewMs = clock.nowMs() - (await database.nowMs())
  if (Math.abs(skewMs) > MAX_SKEW_MS) throw new ClockSkew({ seconds: Math.round(skewMs / 1000) })
}

async function openController(
  { container, flags, logger, isRealTime }: Booted,
  onLost: (error: NetloomError) => void,
): Promise<ServicePart> {
  const policy = await PolicySource.open(flags.policy_file, logger)
  const database = await container.get(dbBackendSlot)
  const clock = await container.get(clockRef)
  await database.open()
  if (isRealTime) await checkClock(database, clock)
  await database.claimHost(flags.host, onLost)
  const manager = await container.get(networkManagerSlot)
  return {
    dispatch: dispatcher(rpcMethods, manager, () => policy.current),
    direct: false,
    initHost: () => manager.initHost(),
    async catchUp() {
      await policy.refresh()
      await manager.catchUp()
    },
    mendHost: () => manager.mendHost(),
    periodicTasks: () => manager.periodicTasks(),
    report: reporting(database, clock),
    async close() {
      await manager.close()
      await database.close()
    },
  }
}

async function openHost({ container, flags, logger }: Booted): Promise<ServicePart> {
  const policy = await PolicySource.open(flags.policy_file, logger)
  const { host, force_dhcp_release } = flags
  const facts = new RemoteFacts(host, await container.get(rpcBackendSlot))
  const services = {
    host,
    endsLeases: force_dhcp_release,
    logger,
    interfaceDriver: await container.get(managerRequires.interfaceDriver),
    l3: await container.get(managerRequires.l3),
    dhcp: await container.get(managerRequires.dhcp),
    routerAdvert: await container.get(managerRequires.routerAdvert),
    firewall: await container.get(managerRequires.firewall),
    hostDriver: await container.get(managerRequires.hostDriver),
    leaseSpool: await container.get(managerRequires.leaseSpool),
  }
  const agent = new HostAgent(services, facts)
  return {
    dispatch: dispatcher(hostMethods, agent, () => policy.current),
    direct: true,
    initHost: () => agent.initHost(),
    async catchUp() {
      await policy.refresh()
      await agent.catchUp()
    },
    mendHost: () => agent.mendHost(),
    periodicTasks: async () => {},
    report: (row) => facts.report(row),
    close: async () => agent.close(),
  }
}
