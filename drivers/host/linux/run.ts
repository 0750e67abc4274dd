/** Runs operations in the order given; keeps account of what was made. */
import type { BatchLine, Executor, HostState, Logger, Operation, OperationFailure, Step } from 'netloom/contracts'
import { Account } from './account.ts'
import { batchInput, parseBatch } from './batch.ts'
import { reloadDaemon, startDaemon, stopDaemon } from './daemons.ts'
import { Failures } from './failures.ts'
import { removeFile, writeWhole } from './files.ts'
import type { Ledger } from './ledger.ts'
import { switchCommand } from './ovs-changes.ts'
import { refusals } from './refusals.ts'
import { keepAdvertisedRoutes, type Sysctl } from './sysctl.ts'
import { runTransaction, type Undone } from './transaction.ts'

/** The kernel takes up to 70 ms to delete one bridge. */
const BATCH_LINE_MS = 200
const BATCH_MS = 30_000

/** Files that are written, and daemons that are started, at a time. */
const AT_ONCE = 8

export interface RunTools {
  readonly executor: Executor
  readonly logger: Logger
  readonly ledger: Ledger
  readonly sysctl: Sysctl
  readonly undone: Undone
  /** Keys of settings that this kernel does not have. */
  readonly lacking: Set<string>
}

type OperationOf<K extends Operation['kind']> = Extract<Operation, { readonly kind: K }>

/**
 * See `HostDriver.run`.
 * @param seen the host as it was looked at last
 */
export async function runOperations(
  tools: RunTools,
  operations: readonly Operation[],
  steps: readonly Step[],
  seen: HostState,
): Promise<readonly OperationFailure[]> {
  const failures = new Failures(tools.logger)
  for (const { owner, message } of refusals(steps, seen)) failures.add([owner], message)
  const account = new Account(tools.ledger, steps, failures)
  account.begin()
  for (const group of groupsOf(operations)) {
    await Promise.all(
      group.map(async (operation) => {
        if (failures.coverAll(operation.owners)) return
        try {
          await runOne(tools, operation, failures, account)
        } catch (error) {
          failures.add(operation.owners, error)
        }
      }),
    )
  }
  account.end(tools.logger)
  return failures.list()
}

/** Neighbours of one kind that do not depend on each other run together. */
function groupsOf(operations: readonly Operation[]): readonly (readonly Operation[])[] {
  const alone: readonly Operation['kind'][] = ['batch', 'transaction', 'command', 'switch', 'ruleset']
  const groups: Operation[][] = []
  for (const operation of operations) {
    const last = groups.at(-1)
    if (last && last.length < AT_ONCE && last[0]?.kind === operation.kind && !alone.includes(operation.kind)) {
      last.push(operation)
    } else groups.push([operation])
  }
  return groups
}

async function runOne(tools: RunTools, operation: Operation, failures: Failures, account: Account): Promise<void> {
  switch (operation.kind) {
    case 'batch':
      return runBatch(tools.executor, operation, failures, account)
    case 'transaction':
      return runTransaction(tools.executor, operation, tools.undone, (lines) =>
        runEach(tools, operation, lines, account),
      )
    case 'command':
      return runCommand(tools, operation)
    case 'switch':
      return runSwitch(tools.executor, operation, failures, account)
    case 'ruleset':
      for (const command of operation.commands) await tools.executor.run(command)
      return
    case 'write-file':
      return writeWhole(operation.path, operation.content, operation.mode)
    case 'remove-file':
      return removeFile(operation.path)
    case 'sysctl':
      return writeSysctl(tools, operation)
    case 'start-daemon':
      return startDaemon(tools.executor, operation.daemon, account.daemonsBefore(operation.daemon))
    case 'reload-daemon':
      return reloadDaemon(account.daemonsBefore(operation.daemon))
    case 'stop-daemon':
      return stopDaemon(account.daemonsBefore(operation.daemon))
  }
}

/** @returns what was said of the lines that failed; no line waits for another */
async function runEach(
  tools: RunTools,
  { undo: { argv } }: OperationOf<'transaction'>,
  lines: readonly BatchLine[],
  account: Account,
): Promise<readonly string[]> {
  const failures = new Failures(tools.logger)
  const alone = lines.map((line, index) => ({ ...line, owner: String(index) }))
  const batch = { kind: 'batch', argv, lines: alone, owners: alone.map(({ owner }) => owner) } as const
  await runBatch(tools.executor, batch, failures, account).catch((error: unknown) => failures.add(['0'], error))
  return failures.list().map(({ message }) => message)
}

async function runCommand({ executor, logger }: RunTools, operation: OperationOf<'command'>): Promise<void> {
  const running = executor.run(operation.command)
  if (!operation.background) return void (await running)
  running.catch((error: unknown) => logger.debug('a command in the background failed', { error }))
}

/**
 * All of a transaction is done or nothing is; only of one that ended before its time, or that says so, nobody knows. What
 * is of owners that failed before is left out.
 */
async function runSwitch(
  executor: Executor,
  operation: OperationOf<'switch'>,
  failures: Failures,
  account: Account,
): Promise<void> {
  const changes = operation.changes.filter(({ owner }) => !failures.coverAll([owner]))
  const command = switchCommand(operation.argv, changes)
  const [program] = operation.argv
  const { timeoutMs } = operation
  const result = await executor.run({ ...command, okCodes: [0, 1] }, { timeoutMs }).catch((error: unknown) => {
    throw new Error(`${program} did not come to an end: is ovs-vswitchd running?`, { cause: error })
  })
  if (result.code === 0 && !result.stderr.includes('Error detected')) return
  if (result.code !== 0) for (const { creates, key } of changes) if (creates) account.notMade(key)
  throw new Error(`${program} failed: ${result.stderr.trim()}`)
}

async function writeSysctl(tools: RunTools, operation: OperationOf<'sysctl'>): Promise<void> {
  const { executor, sysctl, logger, ledger, lacking } = tools
  const { key, value, module } = operation
  if (operation.keepsAdvertisedRoutes) keepAdvertisedRoutes(sysctl, (device) => ledger.has(`link ${device}`))
  if (module !== undefined && sysctl.read(key) === null) {
    const failed = await executor.run({ argv: ['modprobe', module] }).then(
      () => null,
      (error: unknown) => error,
    )
    if (sysctl.read(key) === null) {
      lacking.add(`sysctl ${key}`)
      logger.warn('this kernel does not have a setting', { key, value, module, error: failed })
      return
    }
  }
  sysctl.write(key, value)
}

/**
 * A batch is one process, and one more for each line that ends it before its time. Lines of an owner whose line failed
 * in a former process are left out.
 */
async function runBatch(
  executor: Executor,
  operation: OperationOf<'batch'>,
  failures: Failures,
  account: Account,
): Promise<void> {
  let waiting = operation.lines
  let dumb = 0
  while (true) {
    const lines = waiting.filter((line) => !failures.coverAll([line.owner]))
    if (lines.length === 0) return
    const { stderr } = await executor.run(
      { argv: operation.argv, input: batchInput(lines.map((line) => line.text)), okCodes: [0, 1, 2, 255] },
      { timeoutMs: BATCH_MS + BATCH_LINE_MS * lines.length },
    )
    const { done, failed, rest } = parseBatch(stderr)
    const [program] = operation.argv
    for (const [index, message] of failed) {
      const line = lines[index]
      if (line) blame(program, line, message, failures, account)
    }
    const fatal = lines[done]
    if (!fatal) return
    blame(program, fatal, rest, failures, account)
    waiting = lines.slice(done + 1)
    // Twice nothing was run: it is not the lines.
    dumb = done === 0 ? dumb + 1 : 0
    if (dumb === 2) for (const line of waiting) failures.add([line.owner], rest)
  }
}

function blame(program: string, line: BatchLine, message: string, failures: Failures, account: Account): void {
  account.notMade(line.text)
  if (line.harmless?.some((part) => message.includes(part))) return
  failures.add([line.owner], `\`${program} ${line.text}\`: ${message || 'failed without a message'}`)
}
