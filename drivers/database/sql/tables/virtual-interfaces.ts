import {
  NetworkNotFound,
  type VifTarget,
  type VirtualInterfaceRow,
  type VirtualInterfaceTable,
} from 'netloom/contracts'
import { virtualInterfaceEntity } from '../entities.ts'
import { insert, rowReader, type TableContext, Where } from '../statements.ts'

const read = rowReader(virtualInterfaceEntity)

const UNPLUGGED = { target_kind: null, target: null, device: null, guest_device: null } as const

type NewVirtualInterface = Parameters<VirtualInterfaceTable['create']>[0]
type Filter = Parameters<VirtualInterfaceTable['list']>[0]
type Plug = Parameters<VirtualInterfaceTable['setTarget']>[1]

export class VirtualInterfaces implements VirtualInterfaceTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  /** @throws {NetworkNotFound} */
  async create({ uuid, address, network_id, instance_uuid }: NewVirtualInterface): Promise<VirtualInterfaceRow | null> {
    const { session, dialect, now } = this.#context
    const row = { uuid, address, network_id, instance_uuid, created_at: now() }
    try {
      const id = await insert(session, virtualInterfaceEntity, row)
      return { id, ...row, ...UNPLUGGED, missing_since: null, updated_at: null }
    } catch (error) {
      const refusal = dialect.refusal(error)
      if (refusal.kind === 'unique' && refusal.subject.includes('address')) return null
      if (refusal.kind === 'foreign-key') throw new NetworkNotFound({ network: network_id }, { cause: error })
      throw error
    }
  }

  byId(id: number): Promise<VirtualInterfaceRow | null> {
    return this.#one('WHERE v.id = ?', id)
  }

  byMac(address: string): Promise<VirtualInterfaceRow | null> {
    return this.#one('WHERE v.address = ?', address)
  }

  async list({ instanceUuid, ids, pluggedOn }: Filter): Promise<readonly VirtualInterfaceRow[]> {
    const { session, dialect } = this.#context
    const where = new Where().equals('instance_uuid', instanceUuid).among(dialect, 'id', ids)
    if (pluggedOn !== undefined) {
      where.and('target IS NOT NULL AND instance_uuid IN (SELECT uuid FROM instances WHERE host = ?)', pluggedOn)
    }
    const { rows } = await session.query(`SELECT * FROM virtual_interfaces ${where.text} ORDER BY id`, where.params)
    return rows.map((row) => read(row))
  }

  async setTarget(id: number, { target_kind, target, device, guest_device }: Plug): Promise<void> {
    const { session, now } = this.#context
    await session.query(
      `UPDATE virtual_interfaces SET target_kind = ?, target = ?, device = ?, guest_device = ?, missing_since = NULL, updated_at = ?
        WHERE id = ?`,
      [target_kind, target, device, guest_device, now(), id],
    )
  }

  async setMissing(host: string, ids: readonly number[]): Promise<void> {
    const { session, dialect, now } = this.#context
    const here = 'target IS NOT NULL AND instance_uuid IN (SELECT uuid FROM instances WHERE host = ?)'
    const found = ids.length === 0 ? { text: 'FALSE', params: [] } : dialect.among('id', ids)
    await session.query(
      `UPDATE virtual_interfaces SET missing_since = NULL WHERE missing_since IS NOT NULL AND NOT (${found.text}) AND ${here}`,
      [...found.params, host],
    )
    if (ids.length === 0) return
    await session.query(
      `UPDATE virtual_interfaces SET missing_since = ? WHERE missing_since IS NULL AND ${found.text} AND ${here}`,
      [now(), ...found.params, host],
    )
  }

  async byTarget(host: string, target: VifTarget, guestDevice: string | null): Promise<VirtualInterfaceRow | null> {
    const where = new Where()
      .equals('v.target', target.name)
      .equals('v.target_kind', target.kind)
      .equals('i.host', host)
      .and(guestDevice === null ? 'v.guest_device IS NULL' : 'v.guest_device = ?', guestDevice ?? undefined)
    return this.#one(`JOIN instances i ON i.uuid = v.instance_uuid ${where.text}`, ...where.params.map(String))
  }

  /** An address that one of them held is left without an interface. */
  async remove(ids: readonly number[]): Promise<void> {
    const { session, dialect } = this.#context
    const { text, params } = dialect.among('id', ids)
    await session.query(`DELETE FROM virtual_interfaces WHERE ${text}`, params)
  }

  async #one(which: string, ...params: (string | number)[]): Promise<VirtualInterfaceRow | null> {
    const { rows } = await this.#context.session.query(
      `SELECT v.* FROM virtual_interfaces v ${which} ORDER BY v.id LIMIT 1`,
      params,
    )
    return rows[0] === undefined ? null : read(rows[0])
  }
}
