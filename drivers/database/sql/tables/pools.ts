import {
  AddressOutOfRange,
  type AddressRange,
  FixedIpInUse,
  type PoolKind,
  type PoolRange,
  type PoolTable,
} from 'netloom/contracts'
import { type TableContext, Where } from '../statements.ts'
import { addressOf, beginRowAt, numberOf, runOf } from './address-runs.ts'
import { Networks } from './networks.ts'

/** How many addresses an error names. */
const NAMED = 8

/** The addresses of networks as ranges; however long a range is, it takes a few statements. */
export class Pools implements PoolTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  async ranges(kind: PoolKind, networkIds?: readonly number[]): Promise<readonly PoolRange[]> {
    const { session, dialect } = this.#context
    const conditions = { free: dialect.conditions.fixedIpFree, reserved: dialect.conditions.fixedIpReserved }
    const where = new Where().among(dialect, 'network_id', networkIds)
    // Both engines find free rows by an index that begins with the network.
    if (networkIds === undefined) where.and('network_id IN (SELECT id FROM networks)')
    where.and(conditions[kind])
    // What precedes a row in its network grows with it as long as there is no hole: rows of equal difference are one range.
    const { rows } = await session.query(
      `SELECT network_id, MIN(number) AS first_number, MAX(number + span - 1) AS last_number
        FROM (SELECT network_id, number, span,
            number + span - SUM(span) OVER (PARTITION BY network_id ORDER BY number ROWS UNBOUNDED PRECEDING) AS hole
          FROM fixed_ips ${where.text}) AS part
        GROUP BY network_id, hole ORDER BY network_id, first_number`,
      where.params,
    )
    return rows.map((row) => {
      const [first, last] = [Number(row.first_number), Number(row.last_number)]
      return {
        network_id: Number(row.network_id),
        first: addressOf(first),
        last: addressOf(last),
        addresses: last - first + 1,
      }
    })
  }

  async reserve(networkId: number, range: AddressRange): Promise<void> {
    const { session, dialect } = this.#context
    const part = await this.#cutOut(networkId, range)
    // All of them, so that nobody takes or frees one from here on; when one is held, nothing of this stays.
    await session.query('UPDATE fixed_ips SET reserved = 1 WHERE number BETWEEN ? AND ? AND reserved = 0', part)
    const { rows } = await session.query(
      `SELECT address, COUNT(*) OVER () AS held FROM fixed_ips
        WHERE number BETWEEN ? AND ? AND ${dialect.conditions.fixedIpHeld} ORDER BY number LIMIT ${NAMED}`,
      part,
    )
    if (rows[0] === undefined) return
    throw new FixedIpInUse({ addresses: rows.map((row) => String(row.address)), count: Number(rows[0].held) })
  }

  async unreserve(networkId: number, range: AddressRange, except: readonly string[]): Promise<number> {
    const { session } = this.#context
    const part = await this.#cutOut(networkId, range)
    const where = new Where().and('number BETWEEN ? AND ?').and('reserved = 1')
    for (const address of except) where.and('address <> ?', address)
    const params = [...part, ...where.params]
    const { rows } = await session.query(`SELECT SUM(span) AS addresses FROM fixed_ips ${where.text}`, params)
    await session.query(`UPDATE fixed_ips SET reserved = 0 ${where.text}`, params)
    return Number(rows[0]?.addresses ?? 0)
  }

  /** Lets rows begin and end where the range does. @throws {AddressOutOfRange} @returns its numbers */
  async #cutOut(networkId: number, { first, last }: AddressRange): Promise<readonly [number, number]> {
    const numbers = [numberOf(first), numberOf(last)] as const
    for (const address of [first, last]) {
      const run = await runOf(this.#context, numberOf(address))
      if (run?.network_id === networkId) continue
      const { cidr } = await new Networks(this.#context).byId(networkId)
      throw new AddressOutOfRange({ address, cidr: `the addresses of ${cidr} that instances get` })
    }
    for (const number of [numbers[0], numbers[1] + 1]) await beginRowAt(this.#context, networkId, number)
    return numbers
  }
}
