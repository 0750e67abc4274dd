/** Runs lines of which all count or none. */
import type { BatchLine, Executor, Operation } from 'netloom/contracts'

type Transaction = Extract<Operation, { readonly kind: 'transaction' }>

/** How long one line may take, and the program that reads them. */
const LINE_MS = 200
const START_MS = 30_000

/**
 * Transactions that were undone because their check failed afterwards, and what was said. Each cost the host its network
 * for some seconds, so none is tried again by this process.
 */
export type Undone = Map<string, string>

/**
 * @param undo runs lines, each whether or not others fail @returns what was said of those that failed
 * @throws {Error} with what failed, and whether all is as it was
 */
export async function runTransaction(
  executor: Executor,
  operation: Transaction,
  undone: Undone,
  undo: (lines: readonly BatchLine[]) => Promise<readonly string[]>,
): Promise<void> {
  const { check } = operation
  const key = operation.lines.map((line) => line.replace(/ (valid_lft|preferred_lft|expires) \d+/g, '')).join('\n')
  const before = undone.get(key)
  if (before !== undefined) throw new Error(`${before}; it is not tried again until the service is started anew`)
  if (check && !(await endsWell(executor, operation))) throw new Error(`${check.text}, before anything was changed`)
  const failed = await tryLines(executor, operation)
  if (failed === null && (!check || (await endsWell(executor, operation)))) return
  const said = failed ?? check?.text ?? ''
  const left = await undo(operation.undo.lines)
  const message =
    left.length === 0 ? `${said}; all was put back` : `${said}; what could not be put back: ${left.join('; ')}`
  if (failed === null) undone.set(key, message)
  throw new Error(message)
}

/** @returns what was said of the line that failed; null when none did */
async function tryLines(executor: Executor, { argv, lines }: Transaction): Promise<string | null> {
  try {
    const { code, stderr } = await executor.run(
      { argv, input: lines.map((line) => `${line}\n`).join(''), okCodes: [0, 1, 2, 255] },
      { timeoutMs: START_MS + LINE_MS * lines.length },
    )
    if (code === 0) return null
    const line = lines[Number(/Command failed -:(\d+)/.exec(stderr)?.[1] ?? 0) - 1]
    const said = stderr.replace(/Command failed -:\d+\s*/, '').trim() || 'failed without a message'
    return line === undefined ? said : `\`ip ${line}\`: ${said}`
  } catch (error) {
    return (error as Error).message
  }
}

async function endsWell(executor: Executor, { check }: Transaction): Promise<boolean> {
  if (!check) return true
  try {
    await executor.run(check.command)
    return true
  } catch {
    return false
  }
}
