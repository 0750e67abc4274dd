import {
  AddressOutOfRange,
  CidrConflict,
  contains,
  DuplicateVlan,
  InvalidInput,
  NetworkHasProject,
  NetworkInUse,
  NetworkNotFound,
  NetworkNotFoundForUUID,
  type NetworkRow,
  type NetworkTable,
  type NewNetwork,
  NoMoreNetworks,
  overlaps,
  type PoolUsage,
  parseCidr,
} from 'netloom/contracts'
import type { Dialect, SqlRow } from '../dialect.ts'
import { networkEntity } from '../entities.ts'
import { insert, rowReader, type TableContext, Where } from '../statements.ts'
import { insertRuns, numberOf, runsOf } from './address-runs.ts'

const readStored = rowReader(networkEntity)

/** A row, or a join that has its columns; the size is told by `usage`. */
function read<D = NetworkRow>({ pool_size: _size, ...row }: SqlRow): D {
  return readStored<D>(row)
}

const IN_USE = `(instance_uuid IS NOT NULL OR allocated = 1 OR leased = 1
  OR id IN (SELECT fixed_ip_id FROM floating_ips WHERE fixed_ip_id IS NOT NULL))`

/** Reads no row of a free address: what is neither held nor reserved is free. */
const usageText = ({ conditions }: Dialect, networks: string) => {
  const of = (what: string, rest: string) => `(SELECT ${what} FROM fixed_ips WHERE network_id = n.id ${rest})`
  return `SELECT n.id, n.pool_size,
    ${of('COUNT(*)', `AND ${conditions.fixedIpHeld}`)} AS taken,
    ${of('COUNT(*)', `AND ${conditions.fixedIpWaiting}`)} AS held,
    ${of('SUM(span)', `AND ${conditions.fixedIpReserved}`)} AS reserved
    FROM networks n ${networks} ORDER BY n.id`
}

/** What a new project may get: what a former one left in it is another's. */
const UNUSED = `vlan IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM virtual_interfaces v WHERE v.network_id = networks.id)`

export class Networks implements NetworkTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  async list(ids?: readonly number[]): Promise<readonly NetworkRow[]> {
    const { session, dialect } = this.#context
    const where = new Where().among(dialect, 'id', ids)
    const { rows } = await session.query(`SELECT * FROM networks ${where.text} ORDER BY id`, where.params)
    return rows.map((row) => read(row))
  }

  async byId(id: number): Promise<NetworkRow> {
    const { rows } = await this.#context.session.query('SELECT * FROM networks WHERE id = ?', [id])
    if (rows[0] === undefined) throw new NetworkNotFound({ network: id })
    return read(rows[0])
  }

  async byUuid(uuid: string): Promise<NetworkRow> {
    const { rows } = await this.#context.session.query('SELECT * FROM networks WHERE uuid = ?', [uuid])
    if (rows[0] === undefined) throw new NetworkNotFoundForUUID({ uuid })
    return read(rows[0])
  }

  async byUuids(uuids: readonly string[]): Promise<readonly NetworkRow[]> {
    const { session, dialect } = this.#context
    const { text, params } = dialect.among('uuid', uuids)
    const { rows } = await session.query(`SELECT * FROM networks WHERE ${text}`, params)
    return uuids.map((uuid) => {
      const row = rows.find((candidate) => candidate.uuid === uuid)
      if (row === undefined) throw new NetworkNotFoundForUUID({ uuid })
      return read(row)
    })
  }

  /**
   * @throws {CidrConflict} an IPv4 or IPv6 range that overlaps another network's
   * @throws {DuplicateVlan}
   * @throws {InvalidInput} a UUID that is taken
   * @throws {AddressOutOfRange} a range that is not inside the network
   */
  async create(network: NewNetwork): Promise<NetworkRow> {
    const { session, dialect } = this.#context
    checkRange(network)
    // No unique key knows of ranges that overlap.
    if (dialect.lockNetworks !== null) await session.query(dialect.lockNetworks)
    refuseOverlap(network, await this.list())
    try {
      return await this.#insert(network)
    } catch (error) {
      const refusal = dialect.refusal(error)
      if (refusal.kind !== 'unique') throw error
      throw translated(network, refusal.subject, error)
    }
  }

  async #insert(network: NewNetwork): Promise<NetworkRow> {
    const { session, now } = this.#context
    const runs = runsOf(network)
    const pool_size = runs.reduce((sum, { span }) => sum + span, 0)
    await insert(session, networkEntity, { ...network, created_at: now(), pool_size })
    const made = await this.byUuid(network.uuid)
    await insertRuns(this.#context, made.id, runs)
    return made
  }

  async lock(): Promise<void> {
    const { session, dialect } = this.#context
    if (dialect.lockNetworks !== null) await session.query(dialect.lockNetworks)
  }

  async associate(
    projectId: string,
    { networkId, force = false }: { networkId?: number; force?: boolean } = {},
  ): Promise<NetworkRow> {
    const known = force ? undefined : await this.#firstOf(projectId)
    if (known !== undefined) return known
    // Of several that ask for a new project the others wait here, and find what the first one took.
    await this.lock()
    const theirs = force ? undefined : await this.#firstOf(projectId)
    if (theirs !== undefined) return theirs
    const { session, dialect, now } = this.#context
    const taken = await dialect.claim(session, {
      table: 'networks',
      set: 'project_id = ?, updated_at = ?',
      where: `project_id IS NULL AND ${networkId === undefined ? UNUSED : 'id = ?'}`,
      order: 'id',
      params: [projectId, now(), ...(networkId === undefined ? [] : [networkId])],
    })
    if (taken !== null) return read(taken)
    if (networkId === undefined) throw new NoMoreNetworks({ project_id: projectId })
    const there = await this.byId(networkId)
    if (there.project_id === projectId) return there
    throw new NetworkHasProject({ network: there.label, project_id: String(there.project_id) })
  }

  async #firstOf(projectId: string): Promise<NetworkRow | undefined> {
    const sql = 'SELECT * FROM networks WHERE project_id = ? ORDER BY id LIMIT 1'
    const [row] = (await this.#context.session.query(sql, [projectId])).rows
    return row && read(row)
  }

  async disassociate(id: number): Promise<void> {
    const { session, now } = this.#context
    await session.query('UPDATE networks SET project_id = NULL, updated_at = ? WHERE id = ?', [now(), id])
  }

  async setVpn(id: number, address: string | null, port: number): Promise<void> {
    const { session, now } = this.#context
    const sql = 'UPDATE networks SET vpn_public_address = ?, vpn_public_port = ?, updated_at = ? WHERE id = ?'
    await session.query(sql, [address, port, now(), id])
  }

  async claimHost(id: number, host: string): Promise<string> {
    const { session, now } = this.#context
    await session.query('UPDATE networks SET host = ?, updated_at = ? WHERE id = ? AND host IS NULL', [host, now(), id])
    return (await this.byId(id)).host ?? host
  }

  async moveHost(id: number, from: string | null, to: string | null): Promise<boolean> {
    const { session, now } = this.#context
    const where = new Where().equals('id', id).and(from === null ? 'host IS NULL' : 'host = ?', from ?? undefined)
    const { affected } = await session.query(`UPDATE networks SET host = ?, updated_at = ? ${where.text}`, [
      to,
      now(),
      ...where.params,
    ])
    return affected > 0
  }

  async on(host: string): Promise<readonly (NetworkRow & { readonly host_address: string | null })[]> {
    const { rows } = await this.#context.session.query(
      `SELECT n.*, h.address AS host_address FROM (
          SELECT id FROM networks WHERE host = ? AND multi_host = 0
          UNION SELECT network_id FROM fixed_ips WHERE host = ?
          UNION SELECT v.network_id FROM virtual_interfaces v JOIN instances i ON i.uuid = v.instance_uuid
            WHERE i.host = ? AND v.target IS NOT NULL
        ) here
        JOIN networks n ON n.id = here.id
        LEFT JOIN fixed_ips h ON h.network_id = n.id AND h.host = ?
        ORDER BY n.id`,
      [host, host, host, host],
    )
    return rows.map((row) => read(row))
  }

  async remove(id: number): Promise<void> {
    const { session, dialect } = this.#context
    const network = await this.byId(id)
    await this.#refuseInUse(network)
    try {
      await session.query(`DELETE FROM fixed_ips WHERE network_id = ? AND NOT ${IN_USE}`, [id])
      await session.query('DELETE FROM networks WHERE id = ?', [id])
    } catch (error) {
      // Another process has taken an address since we looked.
      if (dialect.refusal(error).kind === 'foreign-key') await this.#refuseInUse(network)
      throw error
    }
  }

  /** @throws {NetworkInUse} */
  async #refuseInUse({ id, label }: NetworkRow): Promise<void> {
    const { rows } = await this.#context.session.query(
      `SELECT (SELECT COUNT(*) FROM fixed_ips WHERE network_id = ? AND ${IN_USE}) AS addresses,
        (SELECT COUNT(*) FROM virtual_interfaces WHERE network_id = ?) AS interfaces`,
      [id, id],
    )
    // Without IPv4 an interface is what holds an address: it makes its own from its MAC address.
    const held = Number(rows[0]?.addresses) || Number(rows[0]?.interfaces)
    if (held > 0) throw new NetworkInUse({ network: label, addresses: held })
  }

  async usage(id: number): Promise<PoolUsage> {
    return (await this.usages([id])).get(id) ?? { used: 0, held: 0, reserved: 0, free: 0 }
  }

  async usages(ids?: readonly number[]): Promise<ReadonlyMap<number, PoolUsage>> {
    const { session, dialect } = this.#context
    const where = new Where().among(dialect, 'n.id', ids)
    const { rows } = await session.query(usageText(dialect, where.text), where.params)
    return new Map(
      rows.map((row) => {
        const [size, taken, held, reserved] = [row.pool_size, row.taken, row.held, row.reserved].map((value) =>
          Number(value ?? 0),
        ) as [number, number, number, number]
        return [Number(row.id), { used: taken - held, held, reserved, free: size - taken - reserved }]
      }),
    )
  }
}

/** @throws {AddressOutOfRange} @throws {InvalidInput} */
function checkRange({ range, cidr }: NewNetwork): void {
  if (range === null) return
  for (const address of [range.first, range.last]) {
    if (cidr === null || !contains(parseCidr(cidr), address)) throw new AddressOutOfRange({ address, cidr: cidr ?? '' })
  }
  if (numberOf(range.first) <= numberOf(range.last)) return
  const want = 'the first address comes before the last'
  throw new InvalidInput({ what: 'fixed range', value: `${range.first}-${range.last}`, want })
}

function refuseOverlap(network: NewNetwork, others: readonly NetworkRow[]): void {
  for (const text of [network.cidr, network.cidr_v6]) {
    if (text === null) continue
    const cidr = parseCidr(text)
    for (const other of others) {
      const taken = [other.cidr, other.cidr_v6].find((range) => range !== null && overlaps(parseCidr(range), cidr))
      if (taken) throw new CidrConflict({ cidr: text, other: taken, label: other.label })
    }
  }
}

/** Says which unique key refused the network. @param subject holds the names of its columns */
function translated({ uuid, vlan, cidr }: NewNetwork, subject: string, cause: unknown): Error {
  if (subject.includes('vlan') && vlan !== null) return new DuplicateVlan({ vlan }, { cause })
  if (subject.includes('uuid')) {
    return new InvalidInput({ what: 'network uuid', value: uuid, want: 'one that no other network has' }, { cause })
  }
  return new CidrConflict({ cidr: cidr ?? '', other: 'the same addresses' }, { cause })
}
