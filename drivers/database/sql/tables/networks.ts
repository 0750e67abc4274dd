import { setImmediate } from 'node:timers/promises'
import {
  AddressOutOfRange,
  CidrConflict,
  contains,
  DuplicateVlan,
  fromInteger,
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
  toInteger,
} from 'netloom/contracts'
import { networkEntity } from '../entities.ts'
import { insert, insertText, rowReader, type TableContext, Where } from '../statements.ts'

/** Every address of a network is a row, made with the network. */
const LARGEST_RANGE = 65_536
const ROWS_PER_INSERT = 500

const read = rowReader(networkEntity)

const IN_USE = `(instance_uuid IS NOT NULL OR allocated = 1 OR leased = 1
  OR id IN (SELECT fixed_ip_id FROM floating_ips WHERE fixed_ip_id IS NOT NULL))`

/** Each address counts once, as the first of reserved, used, held, free that it is. */
const USAGE = `SELECT COUNT(*) AS size,
  SUM(CASE WHEN reserved = 1 THEN 1 ELSE 0 END) AS reserved,
  SUM(CASE WHEN reserved = 0 AND (allocated = 1 OR host IS NOT NULL) THEN 1 ELSE 0 END) AS used,
  SUM(CASE WHEN reserved = 0 AND allocated = 0 AND host IS NULL AND (instance_uuid IS NOT NULL OR leased = 1)
    THEN 1 ELSE 0 END) AS held
  FROM fixed_ips WHERE network_id = ?`

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
   * @throws {InvalidInput} a UUID that is taken, or a range of more than 65,536 addresses
   * @throws {AddressOutOfRange} a range that is not inside the network
   */
  async create(network: NewNetwork): Promise<NetworkRow> {
    const { session, dialect } = this.#context
    const addresses = addressesOf(network)
    // No unique key knows of ranges that overlap.
    if (dialect.lockNetworks !== null) await session.query(dialect.lockNetworks)
    refuseOverlap(network, await this.list())
    try {
      return await this.#insert(network, addresses)
    } catch (error) {
      const refusal = dialect.refusal(error)
      if (refusal.kind !== 'unique') throw error
      throw translated(network, refusal.subject, error)
    }
  }

  async #insert(network: NewNetwork, addresses: readonly string[]): Promise<NetworkRow> {
    const { session, now } = this.#context
    const created_at = now()
    await insert(session, networkEntity, { ...network, created_at })
    const made = await this.byUuid(network.uuid)
    const reserved = new Set(network.reserved)
    const columns = ['network_id', 'address', 'reserved', 'created_at']
    for (let first = 0; first < addresses.length; first += ROWS_PER_INSERT) {
      const part = addresses.slice(first, first + ROWS_PER_INSERT)
      const params = part.flatMap((address) => [made.id, address, reserved.has(address), created_at])
      await session.query(insertText('fixed_ips', columns, part.length), params)
      // A large network takes a second or so: let the process answer others meanwhile.
      await setImmediate()
    }
    return made
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
    const { rows } = await this.#context.session.query(USAGE, [id])
    const [size, used, held, reserved] = ['size', 'used', 'held', 'reserved'].map((name) =>
      Number(rows[0]?.[name] ?? 0),
    )
    return { used: used!, held: held!, reserved: reserved!, free: size! - used! - held! - reserved! }
  }
}

function addressesOf({ range, cidr }: NewNetwork): readonly string[] {
  if (range === null) return []
  for (const address of [range.first, range.last]) {
    if (cidr === null || !contains(parseCidr(cidr), address)) throw new AddressOutOfRange({ address, cidr: cidr ?? '' })
  }
  const [first, last] = [toInteger(range.first), toInteger(range.last)]
  const size = last - first + 1n
  if (size < 1n || size > LARGEST_RANGE) {
    const want = size < 1n ? 'the first address comes before the last' : `at most ${LARGEST_RANGE} addresses a network`
    throw new InvalidInput({ what: 'fixed range', value: `${range.first}-${range.last}`, want })
  }
  return Array.from({ length: Number(size) }, (_, index) => fromInteger(first + BigInt(index), 4))
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
