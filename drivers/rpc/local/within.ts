/** The longest span of a Node timer, in milliseconds: about 24 days. */
const LONGEST_MS = 2 ** 31 - 1

/** The outcome of a promise, or the error after `timeoutMs`. The promise itself goes on. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), Math.min(timeoutMs, LONGEST_MS))
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}
