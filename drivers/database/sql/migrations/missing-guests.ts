import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm'

/** Since when what an interface is plugged into is not on its host. */
export class MissingGuests implements MigrationInterface {
  readonly name = 'MissingGuests-0.1.0-1795482000003'

  async up(runner: QueryRunner): Promise<void> {
    if (await runner.hasColumn('virtual_interfaces', 'missing_since')) return
    await runner.addColumn(
      'virtual_interfaces',
      new TableColumn({ name: 'missing_since', type: 'varchar', length: '24', isNullable: true }),
    )
  }

  async down(): Promise<void> {
    throw new Error('a fact store is not taken back to an older schema: restore a backup')
  }
}
