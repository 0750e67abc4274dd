/**
 * A network of any size is a few rows. A row of fixed_ips may stand for a run of addresses that are all free, or all
 * reserved, and that nobody has held: `address` and `number` are its first, `span` says how many. The rows of a network
 * cover its range, each address once.
 *
 * A run that is claimed becomes its first address, rows of the next ones, and the rest: 2 statements more for one claim
 * of 256. The lock of the row that is claimed anyway keeps two processes from making a row twice, and whoever waits for
 * it finds the next row; the claim stays one statement, and the order stays never used, then free longest. The price is
 * a row for each address that was ever used, at most the size of the network: an address is not used again while there
 * are others, so that a guest that missed the end of its lease meets no stranger (defects-manager A4).
 */
import { type FixedIpRow, fromInteger, type NewNetwork, toInteger } from 'netloom/contracts'
import type { SqlRow } from '../dialect.ts'
import { type AddressRun, fixedIpEntity } from '../entities.ts'
import { insertText, rowReader, type TableContext } from '../statements.ts'

/** How many addresses become rows at once; the claims that follow need one statement each. */
const ROWS_AT_ONCE = 256

const ROWS_PER_INSERT = 500

interface NewRun extends AddressRun {
  readonly reserved: boolean
}

/** What of a stored row is needed to divide it. */
export interface StoredRun extends NewRun {
  readonly id: number
  readonly network_id: number
  readonly created_at: string
}

const readStored = rowReader(fixedIpEntity)

/** A row, or a join that has its columns, without what is nobody's business but the tables'. */
export function readFixedIp<D = FixedIpRow>({ number: _number, span: _span, ...row }: SqlRow): D {
  return readStored<D>(row)
}

/** The number of an IPv4 address. */
export function numberOf(address: string): number {
  return Number(toInteger(address))
}

/** The IPv4 address of a number. */
export function addressOf(number: number): string {
  return fromInteger(BigInt(number), 4)
}

/** The rows of a new network: one for each reserved address, and for the addresses between them. */
export function runsOf({ range, reserved }: Pick<NewNetwork, 'range' | 'reserved'>): readonly NewRun[] {
  if (range === null) return []
  const [first, last] = [numberOf(range.first), numberOf(range.last)]
  const inside = [...new Set(reserved.map(numberOf))].filter((number) => number >= first && number <= last)
  const runs: NewRun[] = []
  let from = first
  for (const number of inside.sort((a, b) => a - b)) {
    if (number > from) runs.push({ number: from, span: number - from, reserved: false })
    runs.push({ number, span: 1, reserved: true })
    from = number + 1
  }
  if (from <= last) runs.push({ number: from, span: last - from + 1, reserved: false })
  return runs
}

export async function insertRuns(
  { session, now }: TableContext,
  networkId: number,
  runs: readonly NewRun[],
): Promise<void> {
  const columns = ['network_id', 'address', 'number', 'span', 'reserved', 'created_at']
  for (let first = 0; first < runs.length; first += ROWS_PER_INSERT) {
    const part = runs.slice(first, first + ROWS_PER_INSERT)
    await session.query(
      insertText('fixed_ips', columns, part.length),
      part.flatMap(({ number, span, reserved }) => [networkId, addressOf(number), number, span, reserved, now()]),
    )
  }
}

/**
 * Lets a run that was claimed be its first address only.
 * @param ahead whether claims of the next addresses will follow: of some of them rows are made at once
 */
export async function divideClaimed(context: TableContext, run: StoredRun, ahead: boolean): Promise<void> {
  const singles = ahead ? Math.min(ROWS_AT_ONCE, run.span) - 1 : 0
  const rest = run.span - 1 - singles
  const runs = Array.from({ length: singles }, (_, index) => ({
    number: run.number + 1 + index,
    span: 1,
    reserved: false,
  }))
  if (rest > 0) runs.push({ number: run.number + 1 + singles, span: rest, reserved: false })
  await shorten(context, run, 1)
  await insertRuns(context, run.network_id, runs)
}

/**
 * Sees to it that a row begins at an address of the network's range.
 * @returns false when the address is outside of the range
 */
export async function beginRowAt(context: TableContext, networkId: number, number: number): Promise<boolean> {
  for (let before: StoredRun | null = null; ; ) {
    const run: StoredRun | null = await runBefore(context, number, { lock: true })
    if (run === null || run.network_id !== networkId || run.id === before?.id) return false
    if (run.number === number) return true
    if (reaches(run, number)) {
      const { span, reserved } = run
      await shorten(context, run, number - run.number)
      await insertRuns(context, networkId, [{ number, span: run.number + span - number, reserved }])
      return true
    }
    // Another transaction divided it while this one waited for its lock: look for the part.
    before = run
  }
}

/** The row that an address is in; null for one of no network. */
export async function runOf(context: TableContext, number: number): Promise<StoredRun | null> {
  const run = await runBefore(context, number)
  return run !== null && reaches(run, number) ? run : null
}

function reaches(run: AddressRun, number: number): boolean {
  return run.number + run.span > number
}

/** The last row that begins at the number or before. */
async function runBefore(
  { session, dialect }: TableContext,
  number: number,
  { lock = false } = {},
): Promise<StoredRun | null> {
  const select = `SELECT id, network_id, number, span, reserved, created_at FROM fixed_ips
    WHERE number <= ? ORDER BY number DESC LIMIT 1`
  const { rows } = await session.query(lock ? dialect.forUpdate(select) : select, [number])
  return rows[0] === undefined ? null : storedRun(rows[0])
}

/** Numbers of the engine are texts where they may be large. */
export function storedRun(row: SqlRow): StoredRun {
  return {
    id: Number(row.id),
    network_id: Number(row.network_id),
    number: Number(row.number),
    span: Number(row.span),
    reserved: Boolean(row.reserved),
    created_at: String(row.created_at),
  }
}

async function shorten({ session }: TableContext, { id }: StoredRun, span: number): Promise<void> {
  await session.query('UPDATE fixed_ips SET span = ? WHERE id = ?', [span, id])
}
