/**
 * `netloom`: everything of `netloom/contracts`, our own managers and drivers by name, the client and the service. It is
 * a facade: nothing inside imports it, or a plugin could meet its base class before that is made.
 * @example
 * import { openClient } from 'netloom'
 * const client = await openClient({ settings: { configFiles: [], environment: process.env, commandLine: [] } })
 * const networks = await client.api.getAllNetworks()
 * await client.close()
 */
export type { SettingsInput } from '../../config/read-settings.ts'
export { IptablesManager, IptablesRule, IptablesTable } from '../../drivers/firewall/iptables-manager.ts'
export { DnsmasqDhcp } from '../../plugins/dhcp/dnsmasq.ts'
export { LinuxBridgeInterfaceDriver } from '../../plugins/interface/bridge.ts'
export { LinuxOVSInterfaceDriver } from '../../plugins/interface/ovs.ts'
export { LinuxNetL3 } from '../../plugins/l3/linux-net.ts'
export { FlatManager } from '../../plugins/manager/flat.ts'
export { FlatDHCPManager } from '../../plugins/manager/flat-dhcp.ts'
export { VlanManager } from '../../plugins/manager/vlan.ts'
export { NetworkApi, type NetworkApiOptions } from '../api/network-api.ts'
export * from '../index.ts'
export type { Surroundings } from './boot.ts'
export { type Client, type ClientOptions, openClient } from './client.ts'
export type { Service } from './serve.ts'

/** Starts a service in this process; the container, the validation and the log are loaded only now. */
export const startService: typeof import('./serve.ts').startService = async (...given) =>
  (await import('./serve.ts')).startService(...given)
