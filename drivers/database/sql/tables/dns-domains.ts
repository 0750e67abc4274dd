import type { DnsDomainRow, DnsDomainTable, Timestamps } from 'netloom/contracts'
import { dnsDomainEntity } from '../entities.ts'
import { insertText, rowReader, type TableContext, Where } from '../statements.ts'

const read = rowReader(dnsDomainEntity)

export class DnsDomains implements DnsDomainTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  async list({ scope }: { readonly scope?: DnsDomainRow['scope'] }): Promise<readonly DnsDomainRow[]> {
    return this.#select(new Where().equals('scope', scope))
  }

  async byName(domain: string): Promise<DnsDomainRow | null> {
    return (await this.#select(new Where().equals('domain', domain)))[0] ?? null
  }

  async register(wanted: Omit<DnsDomainRow, keyof Timestamps>): Promise<void> {
    const { domain, scope, availability_zone, project_id } = wanted
    // Another may make it at the same time: what is there then is changed like what was there before.
    const { session, now } = this.#context
    const there = (await this.byName(domain)) ?? (await this.#make(wanted))
    if (there.scope === scope && there.availability_zone === availability_zone && there.project_id === project_id)
      return
    await session.query(
      'UPDATE dns_domains SET scope = ?, availability_zone = ?, project_id = ?, updated_at = ? WHERE domain = ?',
      [scope, availability_zone, project_id, now(), domain],
    )
  }

  async unregister(domain: string): Promise<boolean> {
    const { affected } = await this.#context.session.query('DELETE FROM dns_domains WHERE domain = ?', [domain])
    return affected > 0
  }

  async #make({ domain, scope, availability_zone, project_id }: Omit<DnsDomainRow, keyof Timestamps>) {
    const { session, dialect, now } = this.#context
    const row = { domain, scope, availability_zone, project_id, created_at: now() }
    const text = insertText('dns_domains', Object.keys(row), 1)
    await session.query(`${text} ${dialect.keepExisting('domain')}`, Object.values(row))
    return (await this.byName(domain))!
  }

  async #select(where: Where): Promise<readonly DnsDomainRow[]> {
    const text = `SELECT * FROM dns_domains ${where.text} ORDER BY domain`
    return (await this.#context.session.query(text, where.params)).rows.map((row) => read(row))
  }
}
