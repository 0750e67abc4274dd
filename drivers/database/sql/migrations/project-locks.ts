import { type MigrationInterface, type QueryRunner, Table } from 'typeorm'

/** A row for each project with a quota, which those wait for who count what it uses. */
export class ProjectLocks implements MigrationInterface {
  readonly name = 'ProjectLocks-0.1.0-1795600000001'

  async up(runner: QueryRunner): Promise<void> {
    const columns = [{ name: 'project_id', type: 'varchar', length: '255', isPrimary: true }]
    await runner.createTable(new Table({ name: 'project_locks', columns }), true)
  }

  async down(): Promise<void> {
    throw new Error('a fact store is not taken back to an older schema: restore a backup')
  }
}
