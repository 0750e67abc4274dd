import {
  FixedIpNotFound,
  type FloatingIpCondition,
  type FloatingIpDetail,
  FloatingIpExists,
  type FloatingIpFilter,
  FloatingIpInUse,
  FloatingIpNotFound,
  FloatingIpNotFoundForAddress,
  type FloatingIpTable,
  NoMoreFloatingIps,
} from 'netloom/contracts'
import type { SqlValue } from '../dialect.ts'
import { floatingIpEntity } from '../entities.ts'
import { insertText, rowReader, type TableContext, Where } from '../statements.ts'

const ROWS_PER_INSERT = 500

const read = rowReader(floatingIpEntity)

const DETAIL = `SELECT o.*, f.address AS fixed_address, f.instance_uuid, f.network_id
  FROM floating_ips o LEFT JOIN fixed_ips f ON f.id = o.fixed_ip_id`

export class FloatingIps implements FloatingIpTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  async create(
    rows: readonly { readonly address: string; readonly pool: string; readonly interface: string | null }[],
  ): Promise<void> {
    const { session, dialect, now } = this.#context
    const addresses = new Set<string>()
    for (const { address } of rows) {
      if (addresses.has(address)) throw new FloatingIpExists({ address })
      addresses.add(address)
    }
    await this.#refuseThose([...addresses])
    const created_at = now()
    for (let first = 0; first < rows.length; first += ROWS_PER_INSERT) {
      const part = rows.slice(first, first + ROWS_PER_INSERT)
      try {
        await session.query(
          insertText('floating_ips', ['address', 'pool', 'interface', 'created_at'], part.length),
          part.flatMap((row) => [row.address, row.pool, row.interface, created_at]),
        )
      } catch (error) {
        // Another process has made one since we looked.
        if (dialect.refusal(error).kind === 'unique') await this.#refuseThose([...addresses])
        throw error
      }
    }
  }

  /** @throws {FloatingIpExists} naming the first that is there */
  async #refuseThose(addresses: readonly string[]): Promise<void> {
    const { session, dialect } = this.#context
    const { text, params } = dialect.among('address', addresses)
    const taken = await session.query(`SELECT address FROM floating_ips WHERE ${text} ORDER BY id LIMIT 1`, params)
    if (taken.rows[0] !== undefined) throw new FloatingIpExists({ address: String(taken.rows[0].address) })
  }

  async remove(addresses: readonly string[]): Promise<void> {
    const { session, dialect } = this.#context
    const { text, params } = dialect.among('address', addresses)
    const look = `SELECT address, project_id, fixed_ip_id FROM floating_ips WHERE ${text} ORDER BY id`
    const { rows } = await session.query(dialect.forUpdate(look), params)
    const there = new Set(rows.map((row) => row.address))
    const missing = addresses.find((address) => !there.has(address))
    if (missing !== undefined) throw new FloatingIpNotFoundForAddress({ address: missing })
    const used = rows.filter((row) => row.project_id !== null || row.fixed_ip_id !== null)
    if (used.length > 0) throw new FloatingIpInUse({ addresses: used.map((row) => String(row.address)) })
    await session.query(`DELETE FROM floating_ips WHERE ${text}`, params)
  }

  async byAddress(address: string): Promise<FloatingIpDetail> {
    const { rows } = await this.#context.session.query(`${DETAIL} WHERE o.address = ?`, [address])
    if (rows[0] === undefined) throw new FloatingIpNotFoundForAddress({ address })
    return read(rows[0])
  }

  async byId(id: number): Promise<FloatingIpDetail> {
    const { rows } = await this.#context.session.query(`${DETAIL} WHERE o.id = ?`, [id])
    if (rows[0] === undefined) throw new FloatingIpNotFound({ id })
    return read(rows[0])
  }

  async list(filter: FloatingIpFilter): Promise<readonly FloatingIpDetail[]> {
    const { session, dialect } = this.#context
    const where = new Where()
      .equals('o.host', filter.host)
      .equals('o.project_id', filter.projectId)
      .among(dialect, 'o.address', filter.addresses)
      .among(dialect, 'o.fixed_ip_id', filter.fixedIpIds)
      .equals('f.instance_uuid', filter.instanceUuid)
    const { rows } = await session.query(`${DETAIL} ${where.text} ORDER BY o.id`, where.params)
    return rows.map((row) => read(row))
  }

  async pools(): Promise<readonly string[]> {
    const { rows } = await this.#context.session.query('SELECT DISTINCT pool FROM floating_ips ORDER BY pool')
    return rows.map((row) => String(row.pool))
  }

  async allocate(pool: string, projectId: string, autoAssigned: boolean): Promise<FloatingIpDetail> {
    const { session, dialect, now } = this.#context
    const row = await dialect.claim(session, {
      table: 'floating_ips',
      set: 'project_id = ?, auto_assigned = ?, updated_at = ?',
      where: `pool = ? AND ${dialect.conditions.floatingIpFree}`,
      order: 'id',
      params: [projectId, autoAssigned, now(), pool],
    })
    if (row === null) throw new NoMoreFloatingIps({ pool })
    return read({ ...row, fixed_address: null, instance_uuid: null, network_id: null })
  }

  async release(address: string, projectId: string): Promise<boolean> {
    return this.#change(
      'project_id = NULL, host = NULL, auto_assigned = 0, updated_at = ?',
      [this.#context.now()],
      whereIs(address, { projectId, leadsTo: null }),
    )
  }

  /** @throws {FixedIpNotFound} */
  async associate(address: string, fixedIpId: number, host: string, ifIs?: FloatingIpCondition): Promise<boolean> {
    const where = whereIs(address, ifIs).and('project_id IS NOT NULL')
    try {
      return await this.#change(
        'fixed_ip_id = ?, host = ?, updated_at = ?',
        [fixedIpId, host, this.#context.now()],
        where,
      )
    } catch (error) {
      if (this.#context.dialect.refusal(error).kind !== 'foreign-key') throw error
      throw new FixedIpNotFound({ id: fixedIpId }, { cause: error })
    }
  }

  moveHost(networkId: number, from: string | null, to: string | null): Promise<readonly string[]> {
    return this.#move(
      new Where().and('fixed_ip_id IN (SELECT id FROM fixed_ips WHERE network_id = ?)', networkId),
      from,
      to,
    )
  }

  moveInstance(instanceUuid: string, from: string | null, to: string | null): Promise<readonly string[]> {
    return this.#move(
      new Where().and(
        'fixed_ip_id IN (SELECT id FROM fixed_ips WHERE instance_uuid = ? AND network_id IN (SELECT id FROM networks WHERE multi_host = 1))',
        instanceUuid,
      ),
      from,
      to,
    )
  }

  async #move(which: Where, from: string | null, to: string | null): Promise<readonly string[]> {
    const { session, now } = this.#context
    const where = which.and(from === null ? 'host IS NULL' : 'host = ?', from ?? undefined)
    const { rows } = await session.query(`SELECT address FROM floating_ips ${where.text} ORDER BY id`, where.params)
    await session.query(`UPDATE floating_ips SET host = ?, updated_at = ? ${where.text}`, [to, now(), ...where.params])
    return rows.map((row) => String(row.address))
  }

  async disassociate(address: string, ifIs?: FloatingIpCondition): Promise<boolean> {
    const where = whereIs(address, ifIs).and('fixed_ip_id IS NOT NULL')
    return this.#change('fixed_ip_id = NULL, host = NULL, updated_at = ?', [this.#context.now()], where)
  }

  async #change(set: string, params: readonly SqlValue[], where: Where): Promise<boolean> {
    const sql = `UPDATE floating_ips SET ${set} ${where.text}`
    return (await this.#context.session.query(sql, [...params, ...where.params])).affected > 0
  }
}

function whereIs(address: string, { projectId, leadsTo }: FloatingIpCondition = {}): Where {
  const where = new Where().equals('address', address).equals('project_id', projectId)
  return leadsTo === null ? where.and('fixed_ip_id IS NULL') : where.equals('fixed_ip_id', leadsTo)
}
