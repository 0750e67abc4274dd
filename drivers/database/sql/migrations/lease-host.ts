import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm'

/** Whose DHCP server gave a lease: it outlives the instance, and in a multi_host network nothing else says it. */
export class LeaseHost implements MigrationInterface {
  readonly name = 'LeaseHost-0.1.0-1795700000011'

  async up(runner: QueryRunner): Promise<void> {
    if (await runner.hasColumn('fixed_ips', 'lease_host')) return
    await runner.addColumn(
      'fixed_ips',
      new TableColumn({ name: 'lease_host', type: 'varchar', length: '255', isNullable: true }),
    )
  }

  async down(): Promise<void> {
    throw new Error('a fact store is not taken back to an older schema: restore a backup')
  }
}
