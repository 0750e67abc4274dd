/** What a manager is built on, and how a plugin gathers it. */
import type { Values } from '../../config/option.ts'
import type { DatabaseDriver } from '../contracts/database.ts'
import type { DnsDriver } from '../contracts/dns.ts'
import type { Clock, RandomSource } from '../contracts/ports.ts'
import type { RpcDriver } from '../contracts/rpc.ts'
import type { coreOptions } from '../plugin-system/core-options.ts'
import type { PluginEnvironment } from '../plugin-system/define-plugin.ts'
import {
  clockRef,
  dbBackendSlot,
  dhcpDriverSlot,
  firewallDriverSlot,
  floatingIpDnsManagerSlot,
  hostDriverSlot,
  instanceDnsManagerSlot,
  l3LibSlot,
  leaseSpoolRef,
  networkDriverSlot,
  nodesRef,
  raDriverSlot,
  randomRef,
  rpcBackendSlot,
} from '../plugin-system/slots.ts'
import type { HostAgentServices } from './host-agent.ts'

export interface ManagerServices extends HostAgentServices {
  readonly flags: Values<typeof coreOptions>
  readonly database: DatabaseDriver
  readonly rpc: RpcDriver
  readonly clock: Clock
  readonly random: RandomSource
  readonly instanceDns: DnsDriver
  readonly floatingDns: DnsDriver
  /** What this process serves. */
  readonly nodes: readonly string[]
}

/** What the plugin of a manager has to require. */
export const managerRequires = {
  database: dbBackendSlot,
  rpc: rpcBackendSlot,
  interfaceDriver: networkDriverSlot,
  l3: l3LibSlot,
  dhcp: dhcpDriverSlot,
  routerAdvert: raDriverSlot,
  firewall: firewallDriverSlot,
  hostDriver: hostDriverSlot,
  clock: clockRef,
  random: randomRef,
  instanceDns: instanceDnsManagerSlot,
  floatingDns: floatingIpDnsManagerSlot,
  leaseSpool: leaseSpoolRef,
  nodes: nodesRef,
}

/** The services of a manager from what its plugin's `create` was given. */
export function managerServices(
  environment: PluginEnvironment<typeof coreOptions, typeof managerRequires>,
): ManagerServices {
  const { flags, services, logger } = environment
  return { ...services, flags, logger, host: flags.host, endsLeases: flags.force_dhcp_release }
}
