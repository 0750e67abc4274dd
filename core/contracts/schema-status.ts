/** What schema a fact store has, compared with this program's. */
export interface SchemaStatus {
  /** Name of the `db_backend`. */
  readonly backend: string
  /** `partial`: an upgrade began and did not end. `foreign`: the tables are another program's. */
  readonly state: 'current' | 'empty' | 'older' | 'newer' | 'foreign' | 'partial'
  /** Migrations that the store has seen, in their order; of a foreign one its tables. */
  readonly found: readonly string[]
  /** Migrations that this program knows. */
  readonly wanted: readonly string[]
}
