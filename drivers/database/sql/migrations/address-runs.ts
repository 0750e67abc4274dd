import type { MigrationInterface, QueryRunner } from 'typeorm'
import { isMysql } from './initial-mysql.ts'

// One change each, which may have been made before: an engine whose DDL commits by itself may stop in the middle.

const RESTORE = 'a fact store is not taken back to an older schema: restore a backup'

/**
 * A row stands for a run of addresses that nobody has held yet: `number` is its first address as a number, `span` how many
 * they are. The columns are added in plain SQL: on SQLite TypeORM would make the table anew, and floating IPs refer to it.
 */
export class AddressRuns implements MigrationInterface {
  readonly name = 'AddressRuns-0.1.0-1795485610000'

  async up(runner: QueryRunner): Promise<void> {
    for (const [column, definition] of [
      ['number', 'BIGINT NOT NULL DEFAULT 0'],
      ['span', 'BIGINT NOT NULL DEFAULT 1'],
    ]) {
      if (await runner.hasColumn('fixed_ips', column!)) continue
      await runner.query(`ALTER TABLE fixed_ips ADD COLUMN ${column} ${definition}`)
    }
    await runner.query(`UPDATE fixed_ips SET number = ${isMysql(runner) ? 'INET_ATON(address)' : SQLITE_NUMBER}`)
  }

  async down(): Promise<void> {
    throw new Error(RESTORE)
  }
}

/** The four parts of an IPv4 address, read as a list. */
const SQLITE_NUMBER = [0, 1, 2, 3]
  .map((part) => `(json_extract('[' || replace(address, '.', ',') || ']', '$[${part}]') << ${24 - 8 * part})`)
  .join(' + ')

/** The row that an address is in is found by its number. */
export class AddressRunsByNumber implements MigrationInterface {
  readonly name = 'AddressRunsByNumber-0.1.0-1795485610001'

  async up(runner: QueryRunner): Promise<void> {
    if (await hasIndex(runner, 'ux_fixed_ips_number')) return
    // Not with the network before it: engines would follow that index where another leads straight to the row.
    await runner.query('CREATE UNIQUE INDEX ux_fixed_ips_number ON fixed_ips (number)')
  }

  async down(): Promise<void> {
    throw new Error(RESTORE)
  }
}

/** How many addresses a network has: rows no longer tell without being read. */
export class PoolSizes implements MigrationInterface {
  readonly name = 'PoolSizes-0.1.0-1795485610002'

  async up(runner: QueryRunner): Promise<void> {
    if (!(await runner.hasColumn('networks', 'pool_size'))) {
      await runner.query('ALTER TABLE networks ADD COLUMN pool_size BIGINT NOT NULL DEFAULT 0')
    }
    await runner.query(
      `UPDATE networks SET pool_size =
        (SELECT COALESCE(SUM(span), 0) FROM fixed_ips WHERE network_id = networks.id)`,
    )
  }

  async down(): Promise<void> {
    throw new Error(RESTORE)
  }
}

/** Of addresses that have been free equally long the pool gives the lowest: rows are no longer made in their order. */
export class FreeAddressesByNumber implements MigrationInterface {
  readonly name = 'FreeAddressesByNumber-0.1.0-1795485610003'

  async up(runner: QueryRunner): Promise<void> {
    if (await hasIndex(runner, 'ix_fixed_ips_unused')) return
    const columns = isMysql(runner)
      ? 'network_id, state, updated_at, number'
      : 'network_id, instance_uuid, allocated, reserved, leased, host, updated_at, number'
    await runner.query(`CREATE INDEX ix_fixed_ips_unused ON fixed_ips (${columns})`)
  }

  async down(): Promise<void> {
    throw new Error(RESTORE)
  }
}

/** The index that the one before takes the place of. */
export class NoFreeAddressesById implements MigrationInterface {
  readonly name = 'NoFreeAddressesById-0.1.0-1795485610004'

  async up(runner: QueryRunner): Promise<void> {
    if (!(await hasIndex(runner, 'ix_fixed_ips_free'))) return
    await runner.query(isMysql(runner) ? 'DROP INDEX ix_fixed_ips_free ON fixed_ips' : 'DROP INDEX ix_fixed_ips_free')
  }

  async down(): Promise<void> {
    throw new Error(RESTORE)
  }
}

/** TypeORM would ask for a table of its own about the generated column that MySQL has. */
async function hasIndex(runner: QueryRunner, name: string): Promise<boolean> {
  const find = isMysql(runner)
    ? `SELECT 1 FROM information_schema.STATISTICS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'fixed_ips' AND INDEX_NAME = ?`
    : "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ?"
  return (await runner.query(find, [name])).length > 0
}
