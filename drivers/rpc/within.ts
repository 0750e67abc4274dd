/** The longest span of a Node timer, in milliseconds: about 24 days. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * The outcome of a promise, or the error after `timeoutMs`, or the signal's reason. The promise itself goes on.
 * @param late makes the error of the timeout
 */
export async function within<T>(
  promise: Promise<T>,
  timeoutMs: number,
  late: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  let abort = () => {}
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), Math.min(timeoutMs, LONGEST_MS))
    abort = () => reject(signal?.reason)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort)
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}
