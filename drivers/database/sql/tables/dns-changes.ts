import type { DnsChangeRow, DnsChangeTable } from 'netloom/contracts'
import { dnsChangeEntity } from '../entities.ts'
import { insertText, rowReader, type TableContext, Where } from '../statements.ts'

const read = rowReader(dnsChangeEntity)

export class DnsChanges implements DnsChangeTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  async record(kind: DnsChangeRow['kind'], addresses: readonly string[]): Promise<void> {
    if (addresses.length === 0) return
    const { session, now } = this.#context
    const text = insertText('dns_changes', ['kind', 'address', 'created_at'], addresses.length)
    await session.query(
      text,
      addresses.flatMap((address) => [kind, address, now()]),
    )
  }

  async list(filter: {
    readonly kind?: DnsChangeRow['kind']
    readonly address?: string
    readonly limit?: number
  }): Promise<readonly DnsChangeRow[]> {
    const where = new Where().equals('address', filter.address).equals('kind', filter.kind)
    const limit = filter.limit === undefined ? '' : `LIMIT ${Math.trunc(filter.limit)}`
    const text = `SELECT * FROM dns_changes ${where.text} ORDER BY id ${limit}`
    return (await this.#context.session.query(text, where.params)).rows.map((row) => read(row))
  }

  async remove(ids: readonly number[]): Promise<void> {
    const { session, dialect } = this.#context
    const where = new Where().among(dialect, 'id', ids)
    if (ids.length > 0) await session.query(`DELETE FROM dns_changes ${where.text}`, where.params)
  }
}
