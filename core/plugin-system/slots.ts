/** Every slot, and every port that boot provides: the one table of what can be replaced and what can be required. */
import type {
  Clock,
  DatabaseDriver,
  DhcpDriver,
  DnsDriver,
  Executor,
  FirewallDriver,
  HostDriver,
  L3Driver,
  LeaseSpool,
  LinuxNetInterfaceDriver,
  Logger,
  NetworkOperations,
  RandomSource,
  RpcDriver,
} from '../contracts/index.ts'
import { serviceRef } from './service-ref.ts'
import { type AnySlot, slot } from './slot.ts'

export const networkManagerSlot = slot<NetworkOperations>({
  flag: 'network_manager',
  contract: '1.0',
  default: 'flat-dhcp',
  help: 'How networks are laid out: the subclass of NetworkManager that the service runs',
  methods: ['initHost', 'allocateForInstance', 'deallocateForInstance', 'getInstanceNwInfo', 'createNetworks'],
  aliases: {
    'nova.network.manager.FlatManager': 'flat',
    'nova.network.manager.FlatDHCPManager': 'flat-dhcp',
    'nova.network.manager.VlanManager': 'vlan',
  },
})

export const networkDriverSlot = slot<LinuxNetInterfaceDriver>({
  flag: 'network_driver',
  contract: '1.0',
  default: 'bridge',
  oldFlag: 'linuxnet_interface_driver',
  help: 'How a network reaches the wire on a host',
  methods: ['getDev', 'plug', 'unplug', 'attach'],
  aliases: {
    'nova.network.linux_net': 'bridge',
    'nova.network.linux_net.LinuxBridgeInterfaceDriver': 'bridge',
    'nova.network.linux_net.QuantumLinuxBridgeInterfaceDriver': 'bridge',
    'nova.network.linux_net.NeutronLinuxBridgeInterfaceDriver': 'bridge',
    'nova.network.linux_net.LinuxOVSInterfaceDriver': 'ovs',
  },
})

export const l3LibSlot = slot<L3Driver>({
  flag: 'l3_lib',
  contract: '1.0',
  default: 'linux-net',
  help: 'Forwarding, NAT, metadata and floating IPs',
  methods: ['initialize', 'initializeGateway', 'addFloatingIp', 'forgetConnections'],
  aliases: { 'nova.network.l3.LinuxNetL3': 'linux-net', 'nova.network.l3.NullL3': 'noop' },
})

export const dhcpDriverSlot = slot<DhcpDriver>({
  flag: 'dhcp_driver',
  contract: '1.0',
  default: 'dnsmasq',
  help: 'What answers the DHCP requests of guests',
  methods: ['serve', 'host', 'leaseFile', 'release'],
})

export const firewallDriverSlot = slot<FirewallDriver>({
  flag: 'firewall_driver',
  contract: '1.0',
  default: 'iptables',
  help: 'What renders packet filter and NAT rules',
  methods: ['change', 'describe'],
  aliases: {
    'nova.virt.firewall.IptablesFirewallDriver': 'iptables',
    'nova.virt.libvirt.firewall.IptablesFirewallDriver': 'iptables',
    'nova.virt.firewall.NoopFirewallDriver': 'noop',
  },
})

export const hostDriverSlot = slot<HostDriver>({
  flag: 'host_driver',
  contract: '1.0',
  default: 'linux',
  help: 'Looks at the host and changes it; noop starts no process and only remembers',
  methods: ['missingPrograms', 'observe', 'read', 'operations', 'run'],
  // nova's flag; these are the ways to write true.
  impliedBy: { flag: 'fake_network', prefixes: { t: 'noop', y: 'noop', on: 'noop', 1: 'noop' } },
})

export const dbBackendSlot = slot<DatabaseDriver>({
  flag: 'db_backend',
  contract: '1.0',
  default: 'sqlite',
  help: 'The fact store; when it is not set, sql_connection chooses it',
  methods: ['open', 'close', 'transaction', 'read', 'claimHost', 'nowMs', 'schemaStatus', 'upgradeSchema'],
  impliedBy: {
    flag: 'sql_connection',
    prefixes: { 'sqlite:': 'sqlite', 'mysql:': 'mysql', 'mysql+pymysql:': 'mysql' },
  },
})

export const rpcBackendSlot = slot<RpcDriver>({
  flag: 'rpc_backend',
  contract: '1.0',
  default: 'local',
  help: 'The message bus between commands, controllers and network hosts',
  methods: ['call', 'cast', 'fanout', 'serve', 'close'],
})

function dnsSlot(flag: string, help: string) {
  return slot<DnsDriver>({
    flag,
    contract: '1.0',
    default: 'noop',
    help,
    methods: [
      'getDomains',
      'createEntry',
      'deleteEntry',
      'modifyAddress',
      'getEntriesByAddress',
      'getEntriesByName',
      'createDomain',
      'deleteDomain',
    ],
    aliases: {
      'nova.network.dns_driver.DNSDriver': 'noop',
      'nova.network.noop_dns_driver.NoopDNSDriver': 'noop',
      'nova.network.minidns.MiniDNS': 'minidns',
    },
  })
}

export const instanceDnsManagerSlot = dnsSlot('instance_dns_manager', 'Where the names of instances are kept')

export const floatingIpDnsManagerSlot = dnsSlot('floating_ip_dns_manager', 'Where the names of floating IPs are kept')

/** In the order in which the boot report lists them. */
export const slots: readonly AnySlot[] = [
  networkManagerSlot,
  networkDriverSlot,
  l3LibSlot,
  firewallDriverSlot,
  dhcpDriverSlot,
  hostDriverSlot,
  instanceDnsManagerSlot,
  floatingIpDnsManagerSlot,
  dbBackendSlot,
  rpcBackendSlot,
]

export const clockRef = serviceRef<Clock>('clock')
export const randomRef = serviceRef<RandomSource>('random')
export const executorRef = serviceRef<Executor>('executor')
export const leaseSpoolRef = serviceRef<LeaseSpool>('lease_spool')
/** What this process serves, in the seed's terms: see `network/service-nodes.ts`. */
export const nodesRef = serviceRef<readonly string[]>('nodes')
export const loggerRef = serviceRef<Logger>('logger')
/** Path of the helper that a DHCP server runs for each lease event. */
export const dhcpbridgeRef = serviceRef<string>('dhcpbridge')
