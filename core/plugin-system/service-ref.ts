/**
 * A typed token for something that boot provides. It is an Inversify service identifier made with `Symbol.for`, so two
 * installed copies of netloom agree on it.
 */
export interface ServiceRef<T> {
  readonly id: string
  readonly symbol: symbol
  /** Carries the type; never read. */
  readonly type?: (value: T) => T
}

// biome-ignore lint/suspicious/noExplicitAny: a record of refs to anything
export type Refs = Readonly<Record<string, ServiceRef<any>>>
export type Services<R extends Refs> = { readonly [K in keyof R]: R[K] extends ServiceRef<infer T> ? T : never }

export function serviceRef<T>(id: string): ServiceRef<T> {
  return Object.freeze({ id, symbol: Symbol.for(`netloom/${id}`) })
}
