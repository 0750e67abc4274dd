import { setTimeout } from 'node:timers/promises'
import { StoreBusy } from 'netloom/contracts'

const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 200

/**
 * Tries again while others hold the store, with growing, random pauses so that two do not meet again and again.
 * @param limitMs no try is begun later than this after the first
 * @throws {StoreBusy}
 */
export async function retryWhileBusy<T>(
  attempt: () => Promise<T>,
  isBusy: (error: unknown) => boolean,
  limitMs: number,
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await attempt()
    } catch (error) {
      if (!isBusy(error)) throw error
      if (performance.now() >= deadline) {
        const reason = `other processes held it for ${Math.round(limitMs / 1000)} s`
        throw new StoreBusy({ reason }, { cause: error })
      }
    }
    await setTimeout(pause * (0.5 + Math.random()))
  }
}
