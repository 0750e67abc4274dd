/** What a cloud should be, in the plainest words: the model of `random.test.ts`. */
import { uuidOf } from 'netloom/testing'

export const NETWORKS = [1, 2, 3] as const
export const GUESTS = 8
/** Addresses in the pool of each network. */
export const POOL = 5

export const networkUuid = (network: number) => uuidOf(900 + network)
/** Where a guest is made. */
export const hostOf = (guest: number) => `host${1 + (guest % 2)}`
export const poolOf = (network: number) => Array.from({ length: POOL }, (_, index) => `10.0.${network}.${5 + index}`)

export interface Nic {
  readonly network: number
  readonly address: string
  readonly mac: string
}

export class Model {
  /** In order of creation. */
  networks: number[] = []
  /** Interfaces of guests, in order. */
  readonly guests = new Map<number, readonly Nic[]>()
  /** Who has a lease on an address, also after it was deallocated. */
  readonly leases = new Map<string, { readonly guest: number; readonly mac: string }>()
  /** Guests that are not where they were made. */
  readonly moved = new Map<number, string>()
  /** Addresses of pools that are kept out of them. */
  readonly reserved = new Set<string>()
  /** Guests whose first interface is plugged in. */
  readonly plugged = new Set<number>()
  /** What each floating IP leads to; undefined: not allocated, null: nowhere. */
  readonly floating = new Map<string, string | null | undefined>()

  /** The guest that an address is allocated to. */
  owner(address: string | null | undefined): number | undefined {
    return [...this.guests].find(([, nics]) => nics.some((nic) => nic.address === address))?.[0]
  }

  isHeld(address: string): boolean {
    return this.owner(address) !== undefined || this.leases.has(address)
  }

  isFree(address: string): boolean {
    return !this.isHeld(address) && !this.reserved.has(address)
  }

  usage(network: number) {
    const pool = poolOf(network)
    const used = pool.filter((address) => this.owner(address) !== undefined).length
    const free = pool.filter((address) => this.isFree(address)).length
    const reserved = pool.filter((address) => this.reserved.has(address)).length
    return { used, held: POOL - used - reserved - free, free }
  }

  hostOf(guest: number): string {
    return this.moved.get(guest) ?? hostOf(guest)
  }

  give(guest: number, nics: readonly Nic[]): void {
    this.guests.set(guest, nics)
  }

  /** @returns the addresses that it had */
  forget(guest: number): readonly string[] {
    const addresses = (this.guests.get(guest) ?? []).map((nic) => nic.address)
    this.guests.delete(guest)
    this.plugged.delete(guest)
    this.moved.delete(guest)
    for (const [address, to] of this.floating) if (to && addresses.includes(to)) this.floating.set(address, null)
    return addresses
  }

  /** Leases that nobody gave back end. */
  timeOut(): void {
    for (const address of this.leases.keys()) if (this.owner(address) === undefined) this.leases.delete(address)
  }
}
