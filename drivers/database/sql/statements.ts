/** Pieces of statements. Names of tables and columns come from the entities, values are always bound. */
import type { EntitySchema } from 'typeorm'
import type { Dialect, SqlRow, SqlSession, SqlValue } from './dialect.ts'

/** What every table is given. */
export interface TableContext {
  readonly session: SqlSession
  readonly dialect: Dialect
  /** The time for `created_at` and `updated_at`. */
  now(): string
}

/** Makes rows of an entity, or of a join that has its columns, from what the engine returns: booleans are 0 and 1 there. */
export function rowReader<T>(entity: EntitySchema<T>): <D = T>(row: SqlRow) => D {
  const columns = Object.entries(entity.options.columns as Record<string, { type?: unknown }>)
  const booleans = columns.filter(([, column]) => column.type === 'boolean').map(([name]) => name)
  return <D>(row: SqlRow) => {
    const facts: Record<string, unknown> = { ...row }
    for (const name of booleans) facts[name] = row[name] === 1 || row[name] === true
    return facts as D
  }
}

/** Inserts one row: the columns of the entity that `values` has a property for. @returns its id, where it has a generated one */
export async function insert<T>(session: SqlSession, entity: EntitySchema<T>, values: Partial<T>): Promise<number> {
  const given = values as Readonly<Record<string, SqlValue | undefined>>
  const columns = Object.keys(entity.options.columns).filter((name) => given[name] !== undefined)
  const { insertId } = await session.query(
    insertText(String(entity.options.tableName), columns, 1),
    columns.map((name) => given[name] as SqlValue),
  )
  return insertId
}

/** The text that inserts a number of rows. */
export function insertText(table: string, columns: readonly string[], rows: number): string {
  const row = `(${columns.map(() => '?').join(', ')})`
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${Array(rows).fill(row).join(', ')}`
}

/** Conditions that all must hold, each with its values. */
export class Where {
  readonly #conditions: string[] = []
  readonly params: SqlValue[] = []

  /** Adds a condition, with the value of its `?` if it has one. */
  and(condition: string, value?: SqlValue): this {
    this.#conditions.push(condition)
    if (value !== undefined) this.params.push(value)
    return this
  }

  /** Adds `column = value` unless the value is undefined. */
  equals(column: string, value: SqlValue | undefined): this {
    return value === undefined ? this : this.and(`${column} = ?`, value)
  }

  /** Adds "the column holds one of these" unless they are undefined. */
  among(dialect: Dialect, column: string, values: readonly (string | number)[] | undefined): this {
    if (values === undefined) return this
    const { text, params } = dialect.among(column, values)
    this.#conditions.push(text)
    this.params.push(...params)
    return this
  }

  /** `WHERE ...`, or nothing. */
  get text(): string {
    return this.#conditions.length === 0 ? '' : `WHERE ${this.#conditions.join(' AND ')}`
  }
}
