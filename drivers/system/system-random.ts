import { randomBytes, randomUUID } from 'node:crypto'
import type { RandomSource } from 'netloom/contracts'

/** Random values from the kernel. */
export const systemRandom: RandomSource = { uuid: () => randomUUID(), bytes: (count) => randomBytes(count) }
