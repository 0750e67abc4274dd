import { type MigrationInterface, type QueryRunner, Table } from 'typeorm'

// One change each, which may have been made before: an engine whose DDL commits by itself may stop in the middle.

const RESTORE = 'a fact store is not taken back to an older schema: restore a backup'

/** Domains of DNS: private ones of a zone, public ones of a project. */
export class DnsDomains implements MigrationInterface {
  readonly name = 'DnsDomains-0.1.0-1795482300000'

  async up(runner: QueryRunner): Promise<void> {
    if (await runner.hasTable('dns_domains')) return
    await runner.createTable(
      new Table({
        name: 'dns_domains',
        columns: [
          { name: 'domain', type: 'varchar', length: '255', isPrimary: true },
          { name: 'scope', type: 'varchar', length: '16' },
          { name: 'availability_zone', type: 'varchar', length: '255', isNullable: true },
          { name: 'project_id', type: 'varchar', length: '255', isNullable: true },
          { name: 'created_at', type: 'varchar', length: '24' },
          { name: 'updated_at', type: 'varchar', length: '24', isNullable: true },
        ],
        indices: [{ name: 'ix_dns_domains_project_id', columnNames: ['project_id'] }],
      }),
    )
  }

  async down(): Promise<void> {
    throw new Error(RESTORE)
  }
}

/** Addresses whose names in DNS are still to be brought in line with the facts. */
export class DnsChanges implements MigrationInterface {
  readonly name = 'DnsChanges-0.1.0-1795482300001'

  async up(runner: QueryRunner): Promise<void> {
    if (await runner.hasTable('dns_changes')) return
    await runner.createTable(
      new Table({
        name: 'dns_changes',
        columns: [
          { name: 'id', type: 'integer', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
          { name: 'kind', type: 'varchar', length: '16' },
          { name: 'address', type: 'varchar', length: '45' },
          { name: 'created_at', type: 'varchar', length: '24' },
        ],
        indices: [{ name: 'ix_dns_changes_address', columnNames: ['address', 'kind'] }],
      }),
    )
  }

  async down(): Promise<void> {
    throw new Error(RESTORE)
  }
}
