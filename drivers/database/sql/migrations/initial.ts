import { type MigrationInterface, type QueryRunner, Table, type TableColumnOptions } from 'typeorm'
import { isMysql, makeMysqlParts, withMysqlIndexes } from './initial-mysql.ts'

const key = (name: string): TableColumnOptions => ({
  name,
  // 'int' would not be a rowid alias on SQLite, and AUTOINCREMENT needs one.
  type: 'integer',
  isPrimary: true,
  isGenerated: true,
  generationStrategy: 'increment',
})
const integer = (name: string): TableColumnOptions => ({ name, type: 'integer' })
const flag = (name: string, initially = '0'): TableColumnOptions => ({ name, type: 'boolean', default: initially })
const text = (name: string, length: number): TableColumnOptions => ({ name, type: 'varchar', length: String(length) })
const orNull = (column: TableColumnOptions): TableColumnOptions => ({ ...column, isNullable: true })
const timestamps = [text('created_at', 24), orNull(text('updated_at', 24))]

const networks = new Table({
  name: 'networks',
  columns: [
    key('id'),
    text('uuid', 36),
    text('label', 255),
    flag('injected'),
    ...['cidr', 'cidr_v6'].map((name) => orNull(text(name, 49))),
    ...['netmask', 'netmask_v6', 'gateway', 'gateway_v6', 'broadcast'].map((name) => orNull(text(name, 45))),
    ...['bridge', 'bridge_interface'].map((name) => orNull(text(name, 255))),
    flag('multi_host'),
    ...['dns1', 'dns2'].map((name) => orNull(text(name, 45))),
    orNull(integer('vlan')),
    orNull(text('vpn_public_address', 45)),
    orNull(integer('vpn_public_port')),
    orNull(text('vpn_private_address', 45)),
    orNull(text('dhcp_start', 45)),
    orNull(integer('rxtx_base')),
    orNull(text('project_id', 255)),
    orNull(integer('priority')),
    orNull(text('host', 255)),
    orNull(integer('mtu')),
    orNull(text('dhcp_server', 45)),
    flag('enable_dhcp', '1'),
    flag('share_address'),
    ...timestamps,
  ],
  indices: [
    { name: 'ux_networks_uuid', columnNames: ['uuid'], isUnique: true },
    { name: 'ux_networks_cidr', columnNames: ['cidr'], isUnique: true },
    { name: 'ux_networks_vlan', columnNames: ['vlan'], isUnique: true },
  ],
})

const instances = new Table({
  name: 'instances',
  columns: [
    { ...text('uuid', 36), isPrimary: true },
    text('project_id', 255),
    text('host', 255),
    text('hostname', 255),
    orNull({ name: 'rxtx_factor', type: 'double' }),
    ...timestamps,
  ],
  indices: [
    { name: 'ix_instances_project_id', columnNames: ['project_id'] },
    { name: 'ix_instances_host', columnNames: ['host'] },
  ],
})

const virtualInterfaces = new Table({
  name: 'virtual_interfaces',
  columns: [
    key('id'),
    text('uuid', 36),
    text('address', 17),
    integer('network_id'),
    text('instance_uuid', 36),
    orNull(text('target_kind', 16)),
    orNull(text('target', 255)),
    orNull(text('device', 15)),
    orNull(text('guest_device', 15)),
    ...timestamps,
  ],
  indices: [
    { name: 'ux_virtual_interfaces_uuid', columnNames: ['uuid'], isUnique: true },
    { name: 'ux_virtual_interfaces_address', columnNames: ['address'], isUnique: true },
    { name: 'ix_virtual_interfaces_network_id', columnNames: ['network_id'] },
    { name: 'ix_virtual_interfaces_instance_uuid', columnNames: ['instance_uuid'] },
    { name: 'ix_virtual_interfaces_target', columnNames: ['target', 'target_kind'] },
  ],
  foreignKeys: [
    {
      name: 'fk_virtual_interfaces_network_id',
      columnNames: ['network_id'],
      referencedTableName: 'networks',
      referencedColumnNames: ['id'],
    },
  ],
})

const fixedIps = new Table({
  name: 'fixed_ips',
  columns: [
    key('id'),
    text('address', 45),
    integer('network_id'),
    orNull(integer('virtual_interface_id')),
    orNull(text('instance_uuid', 36)),
    flag('allocated'),
    flag('leased'),
    orNull(text('lease_mac', 17)),
    flag('reserved'),
    orNull(text('host', 255)),
    ...timestamps,
  ],
  indices: [
    { name: 'ux_fixed_ips_address', columnNames: ['address'], isUnique: true },
    { name: 'ux_fixed_ips_network_id_host', columnNames: ['network_id', 'host'], isUnique: true },
    // Leads straight to the row that a pool claim takes: all conditions are equalities, the order is the rest of the key.
    {
      name: 'ix_fixed_ips_free',
      columnNames: ['network_id', 'instance_uuid', 'allocated', 'reserved', 'leased', 'host', 'updated_at'],
    },
    {
      name: 'ix_fixed_ips_held',
      columnNames: ['network_id', 'allocated', 'updated_at'],
      where: 'instance_uuid IS NOT NULL OR leased = 1 OR host IS NOT NULL',
    },
    { name: 'ix_fixed_ips_virtual_interface_id', columnNames: ['virtual_interface_id'] },
    { name: 'ix_fixed_ips_instance_uuid', columnNames: ['instance_uuid'] },
    { name: 'ix_fixed_ips_host', columnNames: ['host'] },
  ],
  // None for instance_uuid: a held address outlives its instance (defects-manager A6).
  foreignKeys: [
    {
      name: 'fk_fixed_ips_network_id',
      columnNames: ['network_id'],
      referencedTableName: 'networks',
      referencedColumnNames: ['id'],
    },
    {
      name: 'fk_fixed_ips_virtual_interface_id',
      columnNames: ['virtual_interface_id'],
      referencedTableName: 'virtual_interfaces',
      referencedColumnNames: ['id'],
      onDelete: 'SET NULL',
    },
  ],
})

const floatingIps = new Table({
  name: 'floating_ips',
  columns: [
    key('id'),
    text('address', 45),
    orNull(integer('fixed_ip_id')),
    orNull(text('project_id', 255)),
    orNull(text('host', 255)),
    flag('auto_assigned'),
    text('pool', 255),
    orNull(text('interface', 15)),
    ...timestamps,
  ],
  indices: [
    { name: 'ux_floating_ips_address', columnNames: ['address'], isUnique: true },
    { name: 'ix_floating_ips_pool', columnNames: ['pool', 'project_id', 'fixed_ip_id'] },
    { name: 'ix_floating_ips_fixed_ip_id', columnNames: ['fixed_ip_id'] },
    { name: 'ix_floating_ips_project_id', columnNames: ['project_id'] },
    { name: 'ix_floating_ips_host', columnNames: ['host'] },
  ],
  foreignKeys: [
    {
      name: 'fk_floating_ips_fixed_ip_id',
      columnNames: ['fixed_ip_id'],
      referencedTableName: 'fixed_ips',
      referencedColumnNames: ['id'],
    },
  ],
})

const services = new Table({
  name: 'services',
  columns: [
    { ...text('host', 255), isPrimary: true },
    text('version', 64),
    text('started_at', 24),
    text('reported_at', 24),
  ],
})

/** The first schema. Once released it is never edited: a change is another migration. */
export class InitialSchema implements MigrationInterface {
  // The release that it comes with, for older ones; TypeORM orders migrations by the 13 digits at the end.
  readonly name = 'InitialSchema-0.1.0-1795478400000'

  /** May be run again after it was cut off, as each step asks whether it is done. */
  async up(runner: QueryRunner): Promise<void> {
    for (const table of [networks, instances, virtualInterfaces, fixedIps, floatingIps, services]) {
      await runner.createTable(isMysql(runner) ? withMysqlIndexes(table) : table, true)
    }
    if (isMysql(runner)) await makeMysqlParts(runner)
  }

  async down(): Promise<void> {
    throw new Error('a fact store is not taken back to an older schema: restore a backup')
  }
}
