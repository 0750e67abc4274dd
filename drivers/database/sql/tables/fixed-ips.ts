import {
  FixedIpAlreadyInUse,
  type FixedIpClaim,
  type FixedIpDetail,
  type FixedIpFilter,
  FixedIpNotFound,
  FixedIpNotFoundForAddress,
  FixedIpNotFoundForNetwork,
  FixedIpReserved,
  type FixedIpRow,
  type FixedIpTable,
  InstanceNotFound,
  NoMoreFixedIps,
} from 'netloom/contracts'
import type { SqlValue } from '../dialect.ts'
import { fixedIpEntity } from '../entities.ts'
import { rowReader, type TableContext, Where } from '../statements.ts'
import { Networks } from './networks.ts'

const read = rowReader(fixedIpEntity)

const DETAIL = `SELECT fixed_ips.*, v.address AS mac, i.hostname, i.host AS instance_host, i.project_id
  FROM fixed_ips
  LEFT JOIN virtual_interfaces v ON v.id = fixed_ips.virtual_interface_id
  LEFT JOIN instances i ON i.uuid = fixed_ips.instance_uuid`

export class FixedIps implements FixedIpTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  async byAddress(address: string): Promise<FixedIpDetail> {
    const { rows } = await this.#context.session.query(`${DETAIL} WHERE fixed_ips.address = ?`, [address])
    if (rows[0] === undefined) throw new FixedIpNotFoundForAddress({ address })
    return read(rows[0])
  }

  async list(filter: FixedIpFilter): Promise<readonly FixedIpDetail[]> {
    const { session, dialect } = this.#context
    const where = new Where()
      .among(dialect, 'fixed_ips.network_id', filter.networkIds)
      .among(dialect, 'fixed_ips.virtual_interface_id', filter.virtualInterfaceIds)
      .among(dialect, 'fixed_ips.address', filter.addresses)
      .equals('fixed_ips.allocated', filter.allocated)
      .equals('fixed_ips.leased', filter.leased)
      .and(dialect.conditions.fixedIpHeld)
    if (filter.forHost !== undefined) {
      where.and(
        '(fixed_ips.network_id IN (SELECT id FROM networks WHERE multi_host = 0) OR i.host = ?)',
        filter.forHost,
      )
    }
    if (!filter.networkIds && !filter.virtualInterfaceIds && !filter.addresses) {
      // The index of held addresses begins with the network: without this all pools would be read.
      where.and('fixed_ips.network_id IN (SELECT id FROM networks)')
    }
    const { rows } = await session.query(`${DETAIL} ${where.text} ORDER BY fixed_ips.id`, where.params)
    return rows.map((row) => read(row))
  }

  async claimFromPool(claim: FixedIpClaim): Promise<FixedIpRow> {
    // Every engine puts rows without updated_at first. Source: nova fixed_ip_associate_pool; defects-manager A4
    const row = await this.#claim(claim, 'network_id = ?', [claim.networkId], 'updated_at, id')
    if (row !== null) return row
    throw await this.#noMore(claim.networkId)
  }

  async #noMore(networkId: number): Promise<Error> {
    const networks = new Networks(this.#context)
    const network = await networks.byId(networkId)
    const { used, reserved, held } = await networks.usage(networkId)
    return new NoMoreFixedIps({ network: network.label, cidr: network.cidr ?? 'no IPv4', used, reserved, held })
  }

  async claimForHost(networkId: number, host: string): Promise<FixedIpRow> {
    const there = async () => (await this.ofHosts({ networkId, host }))[0]
    const known = await there()
    if (known !== undefined) return known
    const { session, dialect, now } = this.#context
    try {
      const row = await dialect.claim(session, {
        table: 'fixed_ips',
        set: 'host = ?, updated_at = ?',
        where: `network_id = ? AND ${dialect.conditions.fixedIpFree}`,
        order: 'updated_at, id',
        params: [host, now(), networkId],
      })
      if (row !== null) return read(row)
    } catch (error) {
      // Another took one for this host meanwhile: there is one for each host and network, by a unique key.
      if (dialect.refusal(error).kind !== 'unique') throw error
      const theirs = await there()
      if (theirs !== undefined) return theirs
      throw error
    }
    throw await this.#noMore(networkId)
  }

  async ofHosts({ host, networkId }: { host?: string; networkId?: number }): Promise<readonly FixedIpRow[]> {
    const where = new Where().equals('host', host).equals('network_id', networkId).and('host IS NOT NULL')
    const { rows } = await this.#context.session.query(
      `SELECT * FROM fixed_ips ${where.text} ORDER BY id`,
      where.params,
    )
    return rows.map((row) => read(row))
  }

  async claimAddress(address: string, claim: FixedIpClaim): Promise<FixedIpRow> {
    const row = await this.#claim(claim, 'network_id = ? AND address = ?', [claim.networkId, address], 'id')
    if (row !== null) return row
    const { rows } = await this.#context.session.query('SELECT * FROM fixed_ips WHERE network_id = ? AND address = ?', [
      claim.networkId,
      address,
    ])
    if (rows[0] === undefined) {
      const network = await new Networks(this.#context).byId(claim.networkId)
      throw new FixedIpNotFoundForNetwork({ address, network: network.label })
    }
    const taken = read(rows[0])
    if (taken.reserved) throw new FixedIpReserved({ address })
    throw new FixedIpAlreadyInUse({ address, instance_uuid: taken.instance_uuid })
  }

  async #claim(
    { instanceUuid, virtualInterfaceId }: FixedIpClaim,
    which: string,
    values: readonly SqlValue[],
    order: string,
  ): Promise<FixedIpRow | null> {
    const { session, dialect, now } = this.#context
    try {
      const row = await dialect.claim(session, {
        table: 'fixed_ips',
        set: 'instance_uuid = ?, virtual_interface_id = ?, allocated = 1, updated_at = ?',
        where: `${which} AND ${dialect.conditions.fixedIpFree}`,
        order,
        params: [instanceUuid, virtualInterfaceId, now(), ...values],
      })
      return row && read(row)
    } catch (error) {
      if (dialect.refusal(error).kind !== 'foreign-key') throw error
      throw new InstanceNotFound({ instance_uuid: instanceUuid }, { cause: error })
    }
  }

  /** @throws {FixedIpNotFound} */
  async deallocate(id: number): Promise<FixedIpRow | null> {
    const { session, dialect, now } = this.#context
    const freed = await dialect.claim(session, {
      table: 'fixed_ips',
      set: `allocated = 0, virtual_interface_id = NULL, updated_at = ?,
        instance_uuid = CASE WHEN leased = 1 THEN instance_uuid ELSE NULL END`,
      where: 'id = ? AND allocated = 1',
      order: 'id',
      params: [now(), id],
    })
    if (freed !== null) return read(freed)
    const { rows } = await session.query('SELECT id FROM fixed_ips WHERE id = ?', [id])
    if (rows[0] === undefined) throw new FixedIpNotFound({ id })
    return null
  }

  async lease(address: string, mac: string): Promise<boolean> {
    return this.#change(
      `UPDATE fixed_ips SET leased = 1, lease_mac = ?, updated_at = ?
        WHERE address = ? AND virtual_interface_id IN (SELECT id FROM virtual_interfaces WHERE address = ?)`,
      [mac, this.#context.now(), address, mac],
    )
  }

  async release(address: string, mac: string): Promise<boolean> {
    return this.#change(
      `UPDATE fixed_ips SET leased = 0, lease_mac = NULL, updated_at = ?,
        instance_uuid = CASE WHEN allocated = 1 THEN instance_uuid ELSE NULL END
        WHERE address = ? AND leased = 1 AND lease_mac = ?`,
      [this.#context.now(), address, mac],
    )
  }

  async #change(sql: string, params: readonly SqlValue[]): Promise<boolean> {
    return (await this.#context.session.query(sql, params)).affected > 0
  }

  async freeStale(networkIds: readonly number[], before: string): Promise<readonly FixedIpRow[]> {
    const { session, dialect, now } = this.#context
    const where = new Where()
      .among(dialect, 'network_id', networkIds)
      .and('updated_at < ?', before)
      .and(dialect.conditions.fixedIpWaiting)
    const look = `SELECT * FROM fixed_ips ${where.text} ORDER BY id`
    const stale = (await session.query(dialect.forUpdate(look), where.params)).rows.map((row) => read(row))
    if (stale.length === 0) return stale
    const { text, params } = new Where().among(
      dialect,
      'id',
      stale.map((row) => row.id),
    )
    await session.query(
      `UPDATE fixed_ips SET instance_uuid = NULL, virtual_interface_id = NULL, leased = 0, lease_mac = NULL, updated_at = ?
        ${text}`,
      [now(), ...params],
    )
    return stale
  }
}
