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
    if (await this.#renew(row)) return
    try {
      await insert(this.#context.session, serviceEntity, row)
    } catch (error) {
      // The first heartbeats of one host may meet.
      if (this.#context.dialect.refusal(error).kind !== 'unique') throw error
      await this.#renew(row)
    }
  }

  async #renew({ host, version, nodes, started_at, reported_at, busy_since }: ServiceRow): Promise<boolean> {
    const { affected } = await this.#context.session.query(
      'UPDATE services SET version = ?, nodes = ?, started_at = ?, reported_at = ?, busy_since = ? WHERE host = ?',
      [version, nodes, started_at, reported_at, busy_since, host],
    )
    return affected > 0
  }

  async list(): Promise<readonly ServiceRow[]> {
    const { rows } = await this.#context.session.query('SELECT * FROM services ORDER BY host')
    return rows.map((row) => read(row))
  }
}
