import { type MigrationInterface, type QueryRunner, Table } from 'typeorm'

const orNull = (name: string, length: number) => ({ name, type: 'varchar', length: String(length), isNullable: true })

/** What happened, in order: written with each change, never changed, forgotten after a time. */
export class NetworkEvents implements MigrationInterface {
  readonly name = 'NetworkEvents-0.1.0-1795600000000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'events',
        columns: [
          { name: 'id', type: 'integer', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
          { name: 'created_at', type: 'varchar', length: '24' },
          { name: 'type', type: 'varchar', length: '64' },
          orNull('project_id', 255),
          orNull('instance_uuid', 36),
          orNull('address', 45),
          orNull('network_uuid', 36),
          orNull('host', 255),
          { name: 'payload', type: 'varchar', length: '2048' },
          orNull('request_id', 1024),
          orNull('user_id', 1024),
        ],
        indices: [
          { name: 'ix_events_created_at', columnNames: ['created_at'] },
          { name: 'ix_events_address', columnNames: ['address', 'id'] },
          { name: 'ix_events_instance_uuid', columnNames: ['instance_uuid', 'id'] },
          { name: 'ix_events_project_id', columnNames: ['project_id', 'id'] },
        ],
      }),
      true,
    )
  }

  async down(): Promise<void> {
    throw new Error('a fact store is not taken back to an older schema: restore a backup')
  }
}
