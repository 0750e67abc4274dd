import { SchemaMismatch, type SchemaStatus } from 'netloom/contracts'
import { MigrationExecutor, type MigrationInterface, type QueryRunner, Table } from 'typeorm'
import type { Dialect } from './dialect.ts'
import {
  AddressRuns,
  AddressRunsByNumber,
  FreeAddressesByNumber,
  NoFreeAddressesById,
  PoolSizes,
} from './migrations/address-runs.ts'
import { DnsChanges, DnsDomains } from './migrations/dns.ts'
import { NetworkEvents } from './migrations/events.ts'
import { InitialSchema } from './migrations/initial.ts'
import { LeaseHost } from './migrations/lease-host.ts'
import { HostChanges, ServiceBusySince, ServiceNodes } from './migrations/many-hosts.ts'
import { MissingGuests } from './migrations/missing-guests.ts'
import { ProjectLocks } from './migrations/project-locks.ts'

/** In the order in which they are applied. */
export const migrations: (new () => MigrationInterface & { readonly name: string })[] = [
  InitialSchema,
  HostChanges,
  ServiceNodes,
  ServiceBusySince,
  MissingGuests,
  DnsDomains,
  DnsChanges,
  AddressRuns,
  AddressRunsByNumber,
  PoolSizes,
  FreeAddressesByNumber,
  NoFreeAddressesById,
  NetworkEvents,
  ProjectLocks,
  LeaseHost,
]

/** Records which migrations a store has seen. Not TypeORM's `migrations`: nova has a table of that name. */
export const MIGRATIONS_TABLE = 'schema_migrations'

/** There while the schema changes: an engine that commits each change of a table by itself may be left half way. */
const unfinished = new Table({
  name: 'schema_upgrade_unfinished',
  columns: [{ name: 'id', type: 'integer', isPrimary: true }],
})

function wantedNames(): readonly string[] {
  return migrations.map((migration) => new migration().name)
}

/** Looks at the store, and changes nothing. */
export async function inspectSchema(runner: QueryRunner, dialect: Dialect, backend: string): Promise<SchemaStatus> {
  const tables = await namesOf(runner, dialect.listTables)
  const recorded = tables.includes(MIGRATIONS_TABLE)
  const found = recorded ? await namesOf(runner, `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY id`) : []
  const wanted = wantedNames()
  const state = stateOf(tables, found, wanted)
  return { backend, state, found: state === 'foreign' ? tables : found, wanted }
}

async function namesOf(runner: QueryRunner, sql: string): Promise<readonly string[]> {
  const rows: { name: string }[] = await runner.query(sql)
  return rows.map(({ name }) => name)
}

/** What a store is that is not there. */
export function emptySchema(backend: string): SchemaStatus {
  return { backend, state: 'empty', found: [], wanted: wantedNames() }
}

function stateOf(
  tables: readonly string[],
  found: readonly string[],
  wanted: readonly string[],
): SchemaStatus['state'] {
  const others = tables.filter((name) => name !== MIGRATIONS_TABLE)
  if (others.length === 0 && found.length === 0) return 'empty'
  const known = found.slice(0, wanted.length)
  if (!known.every((name, index) => name === wanted[index])) return 'foreign'
  if (found.length > wanted.length) return 'newer'
  if (others.includes(String(unfinished.name))) return 'partial'
  if (found.length === 0) return 'foreign'
  return found.length < wanted.length ? 'older' : 'current'
}

/** The refusal of a store that this program cannot work on. */
export function schemaMismatch({ state, found, wanted }: SchemaStatus): Error {
  return new SchemaMismatch({
    found: describeFound(state, found),
    wanted: wanted.join(', '),
    remedy: remedies[state](found),
  })
}

function describeFound(state: SchemaStatus['state'], found: readonly string[]): string {
  const names = found.join(', ') || 'none'
  if (state === 'partial') return `${names} and a part of more`
  if (state !== 'foreign') return names
  return `of another program (tables ${found.slice(0, 5).join(', ')}${found.length > 5 ? ', ...' : ''})`
}

const elsewhere = 'point the flag sql_connection at an empty store'

const remedies: Readonly<Record<SchemaStatus['state'], (found: readonly string[]) => string>> = {
  current: () => 'nothing is to be done',
  empty: () => 'make it with `netloom db upgrade`',
  older: () => 'stop its services, back it up, and run `netloom db upgrade`',
  partial: () => 'an upgrade began and did not end: run `netloom db upgrade` to finish it, or restore a backup',
  newer: (found) => `run netloom ${releaseOf(found.at(-1)!)} or newer, or ${elsewhere}`,
  foreign: () => elsewhere,
}

/** The names of migrations hold the release that they came with. */
function releaseOf(migration: string): string {
  return /-(\d+\.\d+\.\d+)-/.exec(migration)?.[1] ?? 'of the release that made it'
}

/** Applies what the store has not seen. The caller sees to it that nobody else does so. */
export async function migrate(runner: QueryRunner): Promise<void> {
  // What the runner remembers of tables may be of an attempt that was rolled back.
  await runner.getTables([])
  await runner.createTable(unfinished, true)
  const executor = new MigrationExecutor(runner.dataSource, runner)
  executor.transaction = 'none'
  await executor.executePendingMigrations()
  await runner.dropTable(unfinished)
}
