import type { ServiceRow, ServiceTable } from 'netloom/contracts'
import { serviceEntity } from '../entities.ts'
import { insert, rowReader, type TableContext } from '../statements.ts'

const read = rowReader(serviceEntity)

export class Services implements ServiceTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  async report(row: ServiceRow): Promise<void> {
    const { session } = this.#context
    const { affected } = await session.query(
      'UPDATE services SET version = ?, nodes = ?, started_at = ?, reported_at = ?, busy_since = ? WHERE host = ?',
      [row.version, row.nodes, row.started_at, row.reported_at, row.busy_since, row.host],
    )
    if (affected === 0) await insert(session, serviceEntity, row)
  }

  async list(): Promise<readonly ServiceRow[]> {
    const { rows } = await this.#context.session.query('SELECT * FROM services ORDER BY host')
    return rows.map((row) => read(row))
  }
}
