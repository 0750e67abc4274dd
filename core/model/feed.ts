/**
 * Reading rows that rise by number but may be committed out of order: a transaction that took its number early may end
 * late. Up to the settled position no such transaction is open any more; what came after it is read again until it is
 * settled, and what was seen is passed over. So nothing is missed, and nothing is taken twice.
 */

/** Rows after a position, in order. */
export interface FeedPage<T> {
  readonly rows: readonly T[]
  /** There are others after them. */
  readonly more: boolean
  /** No transaction that may yet add a row up to this position is open any more. */
  readonly settled: number
  /** Some that came after the asked position are forgotten. */
  readonly forgotten: boolean
}

/** Keeps the place of one reader. */
export class FeedReader<T extends { readonly id: number }> {
  readonly #pageAfter: (position: number) => Promise<FeedPage<T>>
  /** Up to where all is known to be taken; later ones that are, by number. */
  #settled = 0
  readonly #seen = new Set<number>()

  constructor(pageAfter: (position: number) => Promise<FeedPage<T>>) {
    this.#pageAfter = pageAfter
  }

  /** Begins after a position that is settled. */
  startAt(position: number): void {
    this.#seen.clear()
    this.#settled = position
  }

  /**
   * Takes all that is new, a page at a time; rows that `take` threw at are taken again next time.
   * @returns false when rows that were not taken are forgotten; then nothing was taken
   */
  async read(take: (fresh: readonly T[]) => Promise<void> | void): Promise<boolean> {
    const first = await this.#pageAfter(this.#settled)
    if (first.forgotten) return false
    for (let page = first; ; ) {
      const fresh = page.rows.filter(({ id }) => !this.#seen.has(id))
      if (fresh.length > 0) await take(fresh)
      for (const { id } of fresh) this.#seen.add(id)
      if (!page.more) break
      page = await this.#pageAfter(page.rows.at(-1)!.id)
    }
    this.#settleAt(first.settled)
    return true
  }

  #settleAt(position: number): void {
    this.#settled = position
    for (const id of this.#seen) if (id <= position) this.#seen.delete(id)
  }
}
