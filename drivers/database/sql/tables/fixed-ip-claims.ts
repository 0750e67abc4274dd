import {
  FixedIpAlreadyInUse,
  type FixedIpClaim,
  FixedIpNotFoundForNetwork,
  FixedIpReserved,
  type FixedIpRow,
  InstanceNotFound,
  NoMoreFixedIps,
} from 'netloom/contracts'
import type { Claim, SqlRow } from '../dialect.ts'
import type { TableContext } from '../statements.ts'
import { beginRowAt, divideClaimed, numberOf, readFixedIp, storedRun } from './address-runs.ts'
import { Networks } from './networks.ts'

/** Every engine puts rows without updated_at first. Source: nova fixed_ip_associate_pool; defects-manager A4 */
const FROM_POOL = { table: 'fixed_ips', index: 'ix_fixed_ips_unused', order: 'updated_at, number' } as const

const BY_ADDRESS = { table: 'fixed_ips', order: 'id' } as const

const FOR_INSTANCE = 'instance_uuid = ?, virtual_interface_id = ?, allocated = 1, updated_at = ?'

/** Nobody's, but not the pool's either. One row of a unique key, so no engine needs an index for it. */
const RESERVED_FREE = 'reserved = 1 AND instance_uuid IS NULL AND allocated = 0 AND leased = 0 AND host IS NULL'

/** How a transaction takes free addresses: one UPDATE decides, and what is in its WHERE. */
export class FixedIpClaims {
  readonly #context: TableContext
  #turn: Promise<unknown> = Promise.resolve()

  constructor(context: TableContext) {
    this.#context = context
  }

  fromPool(claim: FixedIpClaim): Promise<FixedIpRow> {
    return this.#inTurn(async () => {
      const row = await this.#forInstance(claim, {
        ...FROM_POOL,
        set: FOR_INSTANCE,
        where: `network_id = ? AND ${this.#context.dialect.conditions.fixedIpFree}`,
        params: [...this.#instanceParams(claim), claim.networkId],
      })
      if (row === null) throw await this.#noMore(claim.networkId)
      await this.#divide(row, true)
      return readFixedIp(row)
    })
  }

  ofAddress(address: string, claim: FixedIpClaim): Promise<FixedIpRow> {
    return this.#inTurn(async () => {
      const row = await this.#single(address, claim, this.#context.dialect.conditions.fixedIpFree)
      return row ?? this.#refuse(address, claim.networkId, 'free')
    })
  }

  ofReserved(address: string, claim: FixedIpClaim): Promise<FixedIpRow> {
    return this.#inTurn(async () => {
      const row = await this.#single(address, claim, RESERVED_FREE)
      return row ?? this.#refuse(address, claim.networkId, 'reserved')
    })
  }

  /** @param free the condition on the row @returns null when it is not met */
  async #single(address: string, claim: FixedIpClaim, free: string): Promise<FixedIpRow | null> {
    const take = () =>
      this.#forInstance(claim, {
        ...BY_ADDRESS,
        set: FOR_INSTANCE,
        where: `network_id = ? AND address = ? AND ${free}`,
        params: [...this.#instanceParams(claim), claim.networkId, address],
      })
    // An address inside a run gets a row first, which another may take at the same time.
    const retake = async () =>
      (await beginRowAt(this.#context, claim.networkId, numberOf(address))) ? await take() : null
    const row = (await take()) ?? (await retake())
    if (row === null) return null
    await this.#divide(row, false)
    return readFixedIp(row)
  }

  /** @param known finds the one that the host has */
  forHost(networkId: number, host: string, known: () => Promise<FixedIpRow | undefined>): Promise<FixedIpRow> {
    const { session, dialect, now } = this.#context
    return this.#inTurn(async () => {
      const had = await known()
      if (had !== undefined) return had
      try {
        const row = await dialect.claim(session, {
          ...FROM_POOL,
          set: 'host = ?, updated_at = ?',
          where: `network_id = ? AND ${dialect.conditions.fixedIpFree}`,
          params: [host, now(), networkId],
        })
        if (row === null) throw await this.#noMore(networkId)
        await this.#divide(row, true)
        return readFixedIp(row)
      } catch (error) {
        // Another took one for this host meanwhile: there is one for each host and network, by a unique key.
        if (dialect.refusal(error).kind !== 'unique') throw error
        const theirs = await known()
        if (theirs !== undefined) return theirs
        throw error
      }
    })
  }

  /** Claims of one transaction, one after another: a run that is claimed lacks its rest until it is divided. */
  #inTurn<T>(claim: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(claim)
    this.#turn = result.catch(() => undefined)
    return result
  }

  #instanceParams({ instanceUuid, virtualInterfaceId }: FixedIpClaim) {
    return [instanceUuid, virtualInterfaceId, this.#context.now()]
  }

  async #forInstance({ instanceUuid }: FixedIpClaim, claim: Claim): Promise<SqlRow | null> {
    const { session, dialect } = this.#context
    try {
      return await dialect.claim(session, claim)
    } catch (error) {
      if (dialect.refusal(error).kind !== 'foreign-key') throw error
      throw new InstanceNotFound({ instance_uuid: instanceUuid }, { cause: error })
    }
  }

  /** A row that was claimed stands for its own address only. */
  async #divide(row: SqlRow, ahead: boolean): Promise<void> {
    const run = storedRun(row)
    if (run.span > 1) await divideClaimed(this.#context, run, ahead)
  }

  async #noMore(networkId: number): Promise<Error> {
    const networks = new Networks(this.#context)
    const network = await networks.byId(networkId)
    const { used, reserved, held } = await networks.usage(networkId)
    return new NoMoreFixedIps({ network: network.label, cidr: network.cidr ?? 'no IPv4', used, reserved, held })
  }

  /** @param wanted what the address was to be */
  async #refuse(address: string, networkId: number, wanted: 'free' | 'reserved'): Promise<never> {
    const { rows } = await this.#context.session.query('SELECT * FROM fixed_ips WHERE network_id = ? AND address = ?', [
      networkId,
      address,
    ])
    const row = rows[0] === undefined ? null : readFixedIp(rows[0])
    if (row === null || (wanted === 'reserved' && !row.reserved)) {
      const network = await new Networks(this.#context).byId(networkId)
      throw new FixedIpNotFoundForNetwork({ address, network: network.label })
    }
    if (wanted === 'free' && row.reserved) throw new FixedIpReserved({ address })
    throw new FixedIpAlreadyInUse({ address, instance_uuid: row.instance_uuid })
  }
}
