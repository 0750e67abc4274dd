import {
  type FixedIpClaim,
  type FixedIpDetail,
  type FixedIpFilter,
  FixedIpNotFound,
  FixedIpNotFoundForAddress,
  type FixedIpRow,
  type FixedIpTable,
  isAddress,
  versionOf,
} from 'netloom/contracts'
import type { SqlRow, SqlValue } from '../dialect.ts'
import { type TableContext, Where } from '../statements.ts'
import { numberOf, readFixedIp as read, runOf } from './address-runs.ts'
import { FixedIpClaims } from './fixed-ip-claims.ts'

const DETAIL = `SELECT fixed_ips.*, v.address AS mac, i.hostname, i.host AS instance_host, i.project_id,
  CASE WHEN v.id = (SELECT MIN(id) FROM virtual_interfaces WHERE instance_uuid = v.instance_uuid) THEN 1 ELSE 0 END
    AS default_route
  FROM fixed_ips
  LEFT JOIN virtual_interfaces v ON v.id = fixed_ips.virtual_interface_id
  LEFT JOIN instances i ON i.uuid = fixed_ips.instance_uuid`

/** What is known of an address that nobody has held. */
const NOBODYS = {
  virtual_interface_id: null,
  instance_uuid: null,
  allocated: false,
  leased: false,
  lease_mac: null,
  lease_host: null,
  host: null,
  updated_at: null,
  mac: null,
  hostname: null,
  instance_host: null,
  project_id: null,
  default_route: false,
} as const

function readDetail(row: SqlRow): FixedIpDetail {
  return { ...read<FixedIpDetail>(row), default_route: row.default_route === 1 }
}

export class FixedIps implements FixedIpTable {
  readonly #context: TableContext
  readonly #claims: FixedIpClaims

  constructor(context: TableContext) {
    this.#context = context
    this.#claims = new FixedIpClaims(context)
  }

  async byAddress(address: string): Promise<FixedIpDetail> {
    const { rows } = await this.#context.session.query(`${DETAIL} WHERE fixed_ips.address = ?`, [address])
    return rows[0] === undefined ? this.#withoutRow(address) : readDetail(rows[0])
  }

  /** An address inside a run of those that nobody has held. @throws {FixedIpNotFoundForAddress} */
  async #withoutRow(address: string): Promise<FixedIpDetail> {
    const isIpv4 = isAddress(address) && versionOf(address) === 4
    const run = isIpv4 ? await runOf(this.#context, numberOf(address)) : null
    if (run === null) throw new FixedIpNotFoundForAddress({ address })
    const { network_id, reserved, created_at } = run
    return { ...NOBODYS, id: 0, address, network_id, reserved, created_at }
  }

  async byId(id: number): Promise<FixedIpDetail> {
    const { rows } = await this.#context.session.query(`${DETAIL} WHERE fixed_ips.id = ?`, [id])
    if (rows[0] === undefined) throw new FixedIpNotFound({ id })
    return readDetail(rows[0])
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
        // Of an address that was let go, the host that has to end its lease: the instance may be gone, or have moved.
        `(fixed_ips.network_id IN (SELECT id FROM networks WHERE multi_host = 0)
          OR CASE WHEN fixed_ips.allocated = 1 THEN i.host ELSE COALESCE(fixed_ips.lease_host, i.host) END = ?)`,
        filter.forHost,
      )
    }
    if (!filter.networkIds && !filter.virtualInterfaceIds && !filter.addresses) {
      // The index of held addresses begins with the network: without this all pools would be read.
      where.and('fixed_ips.network_id IN (SELECT id FROM networks)')
    }
    const { rows } = await session.query(`${DETAIL} ${where.text} ORDER BY fixed_ips.number`, where.params)
    return rows.map(readDetail)
  }

  claimFromPool(claim: FixedIpClaim): Promise<FixedIpRow> {
    return this.#claims.fromPool(claim)
  }

  claimAddress(address: string, claim: FixedIpClaim): Promise<FixedIpRow> {
    return this.#claims.ofAddress(address, claim)
  }

  claimReserved(address: string, claim: FixedIpClaim): Promise<FixedIpRow> {
    return this.#claims.ofReserved(address, claim)
  }

  claimForHost(networkId: number, host: string): Promise<FixedIpRow> {
    return this.#claims.forHost(networkId, host, async () => (await this.ofHosts({ networkId, host }))[0])
  }

  async ofHosts({ host, networkId }: { host?: string; networkId?: number }): Promise<readonly FixedIpRow[]> {
    const where = new Where().equals('host', host).equals('network_id', networkId).and('host IS NOT NULL')
    const { rows } = await this.#context.session.query(
      `SELECT * FROM fixed_ips ${where.text} ORDER BY number`,
      where.params,
    )
    return rows.map((row) => read(row))
  }

  /** @throws {FixedIpNotFound} */
  async deallocate(id: number, instanceUuid?: string): Promise<FixedIpRow | null> {
    const { session, dialect, now } = this.#context
    const ofInstance =
      instanceUuid === undefined
        ? { where: '', params: [] }
        : { where: ' AND instance_uuid = ?', params: [instanceUuid] }
    const freed = await dialect.claim(session, {
      table: 'fixed_ips',
      set: `allocated = 0, virtual_interface_id = NULL, updated_at = ?,
        instance_uuid = CASE WHEN leased = 1 THEN instance_uuid ELSE NULL END`,
      where: `id = ? AND allocated = 1${ofInstance.where}`,
      order: 'id',
      params: [now(), id, ...ofInstance.params],
    })
    if (freed !== null) return read(freed)
    const { rows } = await session.query('SELECT id FROM fixed_ips WHERE id = ?', [id])
    if (rows[0] === undefined) throw new FixedIpNotFound({ id })
    return null
  }

  async lease(address: string, mac: string, host: string | null = null): Promise<boolean> {
    return this.#change(
      `UPDATE fixed_ips SET leased = 1, lease_mac = ?, lease_host = ?, updated_at = ?
        WHERE address = ? AND virtual_interface_id IN (SELECT id FROM virtual_interfaces WHERE address = ?)`,
      [mac, host, this.#context.now(), address, mac],
    )
  }

  async release(address: string, mac: string): Promise<boolean> {
    return this.#change(
      `UPDATE fixed_ips SET leased = 0, lease_mac = NULL, lease_host = NULL, updated_at = ?,
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
      `UPDATE fixed_ips SET instance_uuid = NULL, virtual_interface_id = NULL, leased = 0, lease_mac = NULL,
        lease_host = NULL, updated_at = ? ${text}`,
      [now(), ...params],
    )
    return stale
  }
}
