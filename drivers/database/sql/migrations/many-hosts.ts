import { type MigrationInterface, type QueryRunner, Table, TableColumn } from 'typeorm'

// One change each, which may have been made before: an engine whose DDL commits by itself may stop in the middle.

const RESTORE = 'a fact store is not taken back to an older schema: restore a backup'

/** Which owners want something else of which host, in order: what a host missed is read here. */
export class HostChanges implements MigrationInterface {
  readonly name = 'HostChanges-0.1.0-1795482000000'

  async up(runner: QueryRunner): Promise<void> {
    if (await runner.hasTable('host_changes')) return
    await runner.createTable(
      new Table({
        name: 'host_changes',
        columns: [
          { name: 'id', type: 'integer', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
          { name: 'host', type: 'varchar', length: '255' },
          { name: 'owner', type: 'varchar', length: '255' },
          { name: 'created_at', type: 'varchar', length: '24' },
        ],
        indices: [
          { name: 'ix_host_changes_host', columnNames: ['host', 'id'] },
          { name: 'ix_host_changes_created_at', columnNames: ['created_at'] },
        ],
      }),
    )
  }

  async down(): Promise<void> {
    throw new Error(RESTORE)
  }
}

/** What a service serves, told in its heartbeat. */
export class ServiceNodes implements MigrationInterface {
  readonly name = 'ServiceNodes-0.1.0-1795482000001'

  async up(runner: QueryRunner): Promise<void> {
    if (await runner.hasColumn('services', 'nodes')) return
    await runner.addColumn(
      'services',
      new TableColumn({ name: 'nodes', type: 'varchar', length: '255', default: "''" }),
    )
  }

  async down(): Promise<void> {
    throw new Error(RESTORE)
  }
}

/** Since when a service is too busy to answer. */
export class ServiceBusySince implements MigrationInterface {
  readonly name = 'ServiceBusySince-0.1.0-1795482000002'

  async up(runner: QueryRunner): Promise<void> {
    if (await runner.hasColumn('services', 'busy_since')) return
    await runner.addColumn(
      'services',
      new TableColumn({ name: 'busy_since', type: 'varchar', length: '24', isNullable: true }),
    )
  }

  async down(): Promise<void> {
    throw new Error(RESTORE)
  }
}
