import { setTimeout } from 'node:timers/promises'
import type { Dialect } from './dialect.ts'

const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 200

/** Why an attempt is worth another one. */
export type Hindrance = 'busy' | 'away'

/** @returns null for an error that another attempt would not mend */
export function hindranceOf(dialect: Dialect, error: unknown): Hindrance | null {
  const { kind } = dialect.refusal(error)
  return kind === 'busy' || kind === 'away' ? kind : null
}

export interface RetryOptions {
  /** When the first attempt was asked for, as `performance.now()` gives it. */
  readonly since: number
  /** No attempt is begun later than this after `since`. */
  readonly limitsMs: Readonly<Record<Hindrance, number>>
  /** Null for an error that another attempt would not mend. */
  hindrance(error: unknown): Hindrance | null
  /** The error that the caller gets in the end. */
  giveUp(hindrance: Hindrance, error: unknown): Error
}

/** Tries again while it may help, with growing, random pauses so that two do not meet again and again. */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await attempt()
    } catch (error) {
      const hindrance = options.hindrance(error)
      if (hindrance === null) throw error
      if (performance.now() >= options.since + options.limitsMs[hindrance]) throw options.giveUp(hindrance, error)
    }
    await setTimeout(pause * (0.5 + Math.random()))
  }
}
