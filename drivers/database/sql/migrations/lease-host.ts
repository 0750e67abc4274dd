import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Whose DHCP server gave a lease: it outlives the instance, and in a multi_host network nothing else says it. In plain
 * SQL, as `AddressRuns`.
 */
export class LeaseHost implements MigrationInterface {
  readonly name = 'LeaseHost-0.1.0-1795700000011'

  async up(runner: QueryRunner): Promise<void> {
    if (await runner.hasColumn('fixed_ips', 'lease_host')) return
    await runner.query('ALTER TABLE fixed_ips ADD COLUMN lease_host VARCHAR(255)')
  }

  async down(): Promise<void> {
    throw new Error('a fact store is not taken back to an older schema: restore a backup')
  }
}
