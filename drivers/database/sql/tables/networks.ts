import {
  AddressOutOfRange,
  CidrConflict,
  contains,
  DuplicateVlan,
  InvalidInput,
  NetworkInUse,
  NetworkNotFound,
  NetworkNotFoundForUUID,
  type NetworkRow,
  type NetworkTable,
  type NewNetwork,
  overlaps,
  type PoolUsage,
  parseCidr,
} from 'netloom/contracts'
import type { Dialect, SqlRow } from '../dialect.ts'
import { networkEntity } from '../entities.ts'
import { insert, rowReader, type TableContext, Where } from '../statements.ts'
import { insertRuns, numberOf, runsOf } from './address-runs.ts'

const readStored = rowReader(networkEntity)

/** The size is told by `usage`. */
function read({ pool_size: _size, ...row }: SqlRow): NetworkRow {
  return readStored(row)
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

  async idsOn(host: string): Promise<readonly number[]> {
    const { rows } = await this.#context.session.query(
      `SELECT id FROM networks WHERE host = ? AND multi_host = 0
        UNION SELECT network_id FROM fixed_ips WHERE host = ?
        UNION SELECT v.network_id FROM virtual_interfaces v JOIN instances i ON i.uuid = v.instance_uuid
          WHERE i.host = ? AND v.target IS NOT NULL
        ORDER BY 1`,
      [host, host, host],
    )
    return rows.map((row) => Number(row.id))
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
