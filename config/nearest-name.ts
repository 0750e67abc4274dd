/** The number of single-letter changes, insertions, deletions and swaps of neighbours between two words. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(change, last[j]! + 1, row[j - 1]! + 1, swapped ? beforeLast[j - 2]! + 1 : change)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/**
 * The known name that was most likely meant.
 * @param atMost how many letters may differ; by default a quarter of them
 * @returns null when none is near; the first one when several are equally near
 */
export function nearestName(
  name: string,
  known: Iterable<string>,
  atMost: number = Math.max(1, Math.floor(name.length / 4)),
): string | null {
  let best: string | null = null
  let bestDistance = atMost + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const letters = distance(name, candidate)
    if (letters < bestDistance) [best, bestDistance] = [candidate, letters]
  }
  return best
}
