/** Flags that the core itself reads; several plugins read the same ones and declare them from here. */
import { option } from '../../config/option.ts'
import { parseHost, parsePool, parseZone } from '../model/names.ts'

export const coreOptions = {
  host: option.name('host', parseHost, {
    default: '$hostname',
    help: 'The name of this host, as instances and other services know it',
  }),
  my_ip: option.address({ default: '$primary_address', help: 'The address of this host that other hosts reach' }),
  state_path: option.path({ default: '$default_state_path', help: 'Where the service keeps its state' }),
  run_path: option.path({
    default: '$default_run_path',
    help: 'Sockets; mode 0700: who may open one is an administrator',
  }),
  networks_path: option.path({
    default: '$state_path/networks/$host',
    help: 'DHCP files, lease events and the record of what netloom made on this host',
  }),
  use_ipv6: option.boolean({ default: false, help: 'Serve IPv6 too' }),
  ipv6_backend: option.oneOf(['rfc2462', 'account_identifier'], {
    default: 'rfc2462',
    help: 'How guests make their IPv6 addresses: from the MAC address, or from the project',
  }),
  multi_host: option.boolean({
    default: false,
    help: 'Default of --multi_host at network creation: every compute host is its own gateway',
  }),
  num_networks: option.integer({
    default: 1,
    min: 1,
    help: 'Number of networks to make when the command does not say',
  }),
  network_size: option.integer({
    default: 256,
    min: 4,
    help: 'Addresses in each network when the command does not say',
  }),
  fixed_range: option.optionalCidr({
    family: 4,
    help: 'Range that networks are carved from when the command names none',
  }),
  flat_network_dns: option.optionalAddress({
    default: '8.8.4.4',
    family: 4,
    help: 'Default of dns1 at network creation',
  }),
  dhcp_domain: option.domain({ default: 'novalocal', help: 'Domain of guests; empty for none' }),
  instance_dns_domain: option.domain({
    default: '',
    help: 'Domain in which instances get DNS entries, by their name and by their UUID; empty: they get none',
  }),
  default_availability_zone: option.name('zone', parseZone, {
    default: 'nova',
    help: 'The availability zone of instances: in a private DNS domain of another zone they get no entries',
  }),
  fixed_ip_disassociate_timeout: option.seconds({
    default: 600,
    help: 'Seconds after which a deallocated address whose lease was never given back is free again',
  }),
  force_dhcp_release: option.boolean({
    default: true,
    help: 'End the DHCP lease of an address when it is deallocated',
  }),
  create_unique_mac_address_attempts: option.integer({
    default: 5,
    min: 1,
    help: 'Number of times to attempt creating a unique MAC address',
  }),
  default_floating_pool: option.name('pool', parsePool, {
    default: 'nova',
    help: 'Pool of floating IPs when none is named',
  }),
  floating_range: option.optionalCidr({
    family: 4,
    help: 'Floating IP address block, made by `floating create` without a range',
  }),
  auto_assign_floating_ip: option.boolean({
    default: false,
    help: 'Allocate and associate a floating IP with each new instance',
  }),
  quota_fixed_ips: option.integer({
    default: -1,
    min: -1,
    help: 'Fixed IPs that each project may have; -1: any number; the same on every controller',
  }),
  quota_floating_ips: option.integer({
    default: 10,
    min: -1,
    help: 'Floating IPs that each project may have, besides those that are assigned by themselves; -1: any number',
  }),
  public_interface: option.optionalDevice({
    help: 'Interface for floating IPs and outgoing traffic; empty: the interface stored with each floating IP, and any for outgoing traffic',
  }),
  rpc_response_timeout: option.seconds({
    default: 60,
    min: 1,
    help: 'Seconds to wait for an answer on the message bus',
  }),
  event_retention_time: option.seconds({
    default: 2_592_000,
    help: 'Seconds for which events are kept (`netloom events`, `fixed history`); 0: for ever',
  }),
  report_interval: option.seconds({ default: 10, min: 1, help: 'Seconds between two heartbeats' }),
  service_down_time: option.seconds({
    default: 60,
    min: 1,
    help: 'Seconds without a heartbeat after which a service counts as down',
  }),
  network_takeover_time: option.seconds({
    default: 0,
    help: 'Seconds that a network host is down until another takes its networks over; 0: an operator moves them (`network modify --host`)',
  }),
  host_facts: option.oneOf(['store', 'rpc'], {
    default: 'store',
    help: 'Where this host learns its facts: from the store, as a controller does, or over the message bus from a controller, without any database credentials',
  }),
  periodic_interval: option.seconds({ default: 60, min: 1, help: 'Seconds between two runs of the periodic tasks' }),
  reconcile_interval: option.seconds({
    default: 60,
    min: 1,
    help: 'Seconds between two looks at the whole host, which mend what others changed',
  }),
  policy_file: option.optionalPath({
    help: 'JSON file of rules that say who may ask for what; empty: tenants for what is their own, operators for all. Read again when it changed, within report_interval',
  }),
  log_level: option.oneOf(['debug', 'info', 'warn', 'error'], { default: 'info', help: 'What is logged' }),
}
