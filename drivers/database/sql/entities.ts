/**
 * The tables as TypeORM entities: what the program expects to find. The migrations make it; a test compares the two.
 * Booleans and timestamps are kept so that every engine returns them alike (see the README).
 */
import type {
  DnsChangeRow,
  DnsDomainRow,
  FixedIpRow,
  FloatingIpRow,
  HostChangeRow,
  InstanceRow,
  NetworkEvent,
  NetworkRow,
  ServiceRow,
  VirtualInterfaceRow,
} from 'netloom/contracts'
import { EntitySchema, type EntitySchemaColumnOptions } from 'typeorm'

const key: EntitySchemaColumnOptions = { type: 'integer', primary: true, generated: 'increment' }
const integer: EntitySchemaColumnOptions = { type: 'integer' }
const flag: EntitySchemaColumnOptions = { type: 'boolean', default: false }
const text = (length: number): EntitySchemaColumnOptions => ({ type: 'varchar', length })
const orNull = (column: EntitySchemaColumnOptions): EntitySchemaColumnOptions => ({ ...column, nullable: true })

/** 45 characters hold an IPv6 address in its longest form, 49 one with its prefix length. */
const address = text(45)
const cidr = text(49)
const name = text(255)
const mac = text(17)
const uuid = text(36)
const time = text(24)
const timestamps = { created_at: time, updated_at: orNull(time) }

/** What a row of the table has besides: how many addresses there are in its range. */
export interface PoolSize {
  readonly pool_size: number
}

export const networkEntity = new EntitySchema<NetworkRow & PoolSize>({
  name: 'Network',
  tableName: 'networks',
  columns: {
    id: key,
    uuid,
    label: name,
    injected: flag,
    cidr: orNull(cidr),
    cidr_v6: orNull(cidr),
    netmask: orNull(address),
    netmask_v6: orNull(address),
    gateway: orNull(address),
    gateway_v6: orNull(address),
    broadcast: orNull(address),
    bridge: orNull(name),
    bridge_interface: orNull(name),
    multi_host: flag,
    dns1: orNull(address),
    dns2: orNull(address),
    vlan: orNull(integer),
    vpn_public_address: orNull(address),
    vpn_public_port: orNull(integer),
    vpn_private_address: orNull(address),
    dhcp_start: orNull(address),
    rxtx_base: orNull(integer),
    project_id: orNull(name),
    priority: orNull(integer),
    host: orNull(name),
    mtu: orNull(integer),
    dhcp_server: orNull(address),
    enable_dhcp: { ...flag, default: true },
    share_address: flag,
    ...timestamps,
    pool_size: { type: 'bigint', default: 0 },
  },
  indices: [
    { name: 'ux_networks_uuid', columns: ['uuid'], unique: true },
    { name: 'ux_networks_cidr', columns: ['cidr'], unique: true },
    { name: 'ux_networks_vlan', columns: ['vlan'], unique: true },
  ],
})

export const instanceEntity = new EntitySchema<InstanceRow>({
  name: 'Instance',
  tableName: 'instances',
  columns: {
    uuid: { ...uuid, primary: true },
    project_id: name,
    host: name,
    hostname: name,
    rxtx_factor: orNull({ type: 'double' }),
    ...timestamps,
  },
  indices: [
    { name: 'ix_instances_project_id', columns: ['project_id'] },
    { name: 'ix_instances_host', columns: ['host'] },
  ],
})

export const virtualInterfaceEntity = new EntitySchema<VirtualInterfaceRow>({
  name: 'VirtualInterface',
  tableName: 'virtual_interfaces',
  columns: {
    id: key,
    uuid,
    address: mac,
    network_id: integer,
    instance_uuid: uuid,
    target_kind: orNull(text(16)),
    target: orNull(name),
    device: orNull(text(15)),
    guest_device: orNull(text(15)),
    ...timestamps,
    missing_since: orNull(time),
  },
  indices: [
    { name: 'ux_virtual_interfaces_uuid', columns: ['uuid'], unique: true },
    { name: 'ux_virtual_interfaces_address', columns: ['address'], unique: true },
    { name: 'ix_virtual_interfaces_network_id', columns: ['network_id'] },
    { name: 'ix_virtual_interfaces_instance_uuid', columns: ['instance_uuid'] },
    { name: 'ix_virtual_interfaces_target', columns: ['target', 'target_kind'] },
  ],
  foreignKeys: [
    {
      name: 'fk_virtual_interfaces_network_id',
      target: 'Network',
      columnNames: ['network_id'],
      referencedColumnNames: ['id'],
    },
  ],
})

/** What a row of the table has besides: it may stand for several addresses (see `tables/address-runs.ts`). */
export interface AddressRun {
  /** The first of them, as a number. */
  readonly number: number
  /** How many they are; 1 for every address that anybody has held. */
  readonly span: number
}

export const fixedIpEntity = new EntitySchema<FixedIpRow & AddressRun>({
  name: 'FixedIp',
  tableName: 'fixed_ips',
  columns: {
    id: key,
    address,
    network_id: integer,
    virtual_interface_id: orNull(integer),
    instance_uuid: orNull(uuid),
    allocated: flag,
    leased: flag,
    lease_mac: orNull(mac),
    reserved: flag,
    host: orNull(name),
    ...timestamps,
    number: { type: 'bigint', default: 0 },
    span: { type: 'bigint', default: 1 },
    lease_host: orNull(name),
  },
  indices: [
    { name: 'ux_fixed_ips_address', columns: ['address'], unique: true },
    { name: 'ux_fixed_ips_number', columns: ['number'], unique: true },
    { name: 'ux_fixed_ips_network_id_host', columns: ['network_id', 'host'], unique: true },
    {
      name: 'ix_fixed_ips_unused',
      columns: ['network_id', 'instance_uuid', 'allocated', 'reserved', 'leased', 'host', 'updated_at', 'number'],
    },
    {
      name: 'ix_fixed_ips_held',
      columns: ['network_id', 'allocated', 'updated_at'],
      where: 'instance_uuid IS NOT NULL OR leased = 1 OR host IS NOT NULL',
    },
    { name: 'ix_fixed_ips_virtual_interface_id', columns: ['virtual_interface_id'] },
    { name: 'ix_fixed_ips_instance_uuid', columns: ['instance_uuid'] },
    { name: 'ix_fixed_ips_host', columns: ['host'] },
  ],
  foreignKeys: [
    { name: 'fk_fixed_ips_network_id', target: 'Network', columnNames: ['network_id'], referencedColumnNames: ['id'] },
    {
      name: 'fk_fixed_ips_virtual_interface_id',
      target: 'VirtualInterface',
      columnNames: ['virtual_interface_id'],
      referencedColumnNames: ['id'],
      onDelete: 'SET NULL',
    },
  ],
})

export const floatingIpEntity = new EntitySchema<FloatingIpRow>({
  name: 'FloatingIp',
  tableName: 'floating_ips',
  columns: {
    id: key,
    address,
    fixed_ip_id: orNull(integer),
    project_id: orNull(name),
    host: orNull(name),
    auto_assigned: flag,
    pool: name,
    interface: orNull(text(15)),
    ...timestamps,
  },
  indices: [
    { name: 'ux_floating_ips_address', columns: ['address'], unique: true },
    { name: 'ix_floating_ips_pool', columns: ['pool', 'project_id', 'fixed_ip_id'] },
    { name: 'ix_floating_ips_fixed_ip_id', columns: ['fixed_ip_id'] },
    { name: 'ix_floating_ips_project_id', columns: ['project_id'] },
    { name: 'ix_floating_ips_host', columns: ['host'] },
  ],
  foreignKeys: [
    {
      name: 'fk_floating_ips_fixed_ip_id',
      target: 'FixedIp',
      columnNames: ['fixed_ip_id'],
      referencedColumnNames: ['id'],
    },
  ],
})

export const serviceEntity = new EntitySchema<ServiceRow>({
  name: 'Service',
  tableName: 'services',
  columns: {
    host: { ...name, primary: true },
    version: text(64),
    started_at: time,
    reported_at: time,
    nodes: { ...name, default: '' },
    busy_since: orNull(time),
  },
})

export const hostChangeEntity = new EntitySchema<HostChangeRow>({
  name: 'HostChange',
  tableName: 'host_changes',
  columns: { id: key, host: name, owner: name, created_at: time },
  indices: [
    { name: 'ix_host_changes_host', columns: ['host', 'id'] },
    { name: 'ix_host_changes_created_at', columns: ['created_at'] },
  ],
})

/** An event as its row: the payload is JSON text. */
export type EventRow = Omit<NetworkEvent, 'payload'> & { readonly payload: string }

export const eventEntity = new EntitySchema<EventRow>({
  name: 'Event',
  tableName: 'events',
  columns: {
    id: key,
    created_at: time,
    type: text(64),
    project_id: orNull(name),
    instance_uuid: orNull(uuid),
    address: orNull(address),
    network_uuid: orNull(uuid),
    host: orNull(name),
    payload: text(2048),
    request_id: orNull(text(1024)),
    user_id: orNull(text(1024)),
  },
  indices: [
    { name: 'ix_events_created_at', columns: ['created_at'] },
    { name: 'ix_events_address', columns: ['address', 'id'] },
    { name: 'ix_events_instance_uuid', columns: ['instance_uuid', 'id'] },
    { name: 'ix_events_project_id', columns: ['project_id', 'id'] },
  ],
})

/** Rows to wait for: see `Dialect.lockProject`. */
export const projectLockEntity = new EntitySchema<{ readonly project_id: string }>({
  name: 'ProjectLock',
  tableName: 'project_locks',
  columns: { project_id: { ...name, primary: true } },
})

export const dnsDomainEntity = new EntitySchema<DnsDomainRow>({
  name: 'DnsDomain',
  tableName: 'dns_domains',
  columns: {
    domain: { ...name, primary: true },
    scope: text(16),
    availability_zone: orNull(name),
    project_id: orNull(name),
    ...timestamps,
  },
  indices: [{ name: 'ix_dns_domains_project_id', columns: ['project_id'] }],
})

export const dnsChangeEntity = new EntitySchema<DnsChangeRow>({
  name: 'DnsChange',
  tableName: 'dns_changes',
  columns: { id: key, kind: text(16), address, created_at: time },
  indices: [{ name: 'ix_dns_changes_address', columns: ['address', 'kind'] }],
})

/** All of them, each after those that it refers to. */
export const entities = [
  networkEntity,
  instanceEntity,
  virtualInterfaceEntity,
  fixedIpEntity,
  floatingIpEntity,
  serviceEntity,
  hostChangeEntity,
  eventEntity,
  projectLockEntity,
  dnsDomainEntity,
  dnsChangeEntity,
]
