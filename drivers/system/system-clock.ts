import type { Clock } from 'netloom/contracts'

/** The clock of this machine. */
export const systemClock: Clock = { nowMs: () => Date.now() }
