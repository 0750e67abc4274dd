/** What `ip -force -batch -` says, line by line. Pure. */

/**
 * `ip` ends at once on an argument that it cannot use, such as the name of a namespace that is gone, without naming
 * the line and without running those that follow. So a word that it does not know is put after each line: its
 * complaint shows how far it came, and costs no system call of the kernel's network side.
 */
const MARK = 'netloom-mark'

/** The standard input for lines of a batch. */
export function batchInput(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n${MARK}\n`).join('')
}

export interface BatchOutcome {
  /** How many lines were run to their end, well or badly. */
  readonly done: number
  /** Of those, the ones that failed: position from 0, and what was said. */
  readonly failed: ReadonlyMap<number, string>
  /** What was said after them: why the next line ended the program. */
  readonly rest: string
}

/** @param stderr what the program said to `batchInput` */
export function parseBatch(stderr: string): BatchOutcome {
  const failed = new Map<number, string>()
  let done = 0
  let said: string[] = []
  for (const line of stderr.split('\n')) {
    const number = Number(/^Command failed -:(\d+)$/.exec(line)?.[1] ?? 0)
    if (number === 0) {
      if (line.trim() !== '') said.push(line.trim())
      continue
    }
    const message = said.join('; ')
    said = []
    if (number % 2 === 0) done = number / 2
    else failed.set((number - 1) / 2, message)
  }
  return { done, failed, rest: said.join('; ') }
}
