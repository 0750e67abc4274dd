/** Runs operations in the order given; keeps account of what was made. */
import {
  type AddressResource,
  type BatchLine,
  type DaemonResource,
  type Executor,
  type HostResource,
  type HostState,
  type LinkResource,
  type Logger,
  type Operation,
  type OperationFailure,
  resourceKey,
  type Step,
} from 'netloom/contracts'
import { batchInput, parseBatch } from './batch.ts'
import { reloadDaemon, startDaemon, stopDaemon } from './daemons.ts'
import { Failures } from './failures.ts'
import { removeFile, writeWhole } from './files.ts'
import type { Ledger } from './ledger.ts'
import { refusals } from './refusals.ts'
import { creationText } from './render-links.ts'
import type { Sysctl } from './sysctl.ts'

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
  const alone: readonly Operation['kind'][] = ['batch', 'command', 'ruleset']
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
    case 'command':
      return runCommand(tools, operation)
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

async function runCommand({ executor, logger }: RunTools, operation: OperationOf<'command'>): Promise<void> {
  const running = executor.run(operation.command)
  if (!operation.background) return void (await running)
  running.catch((error: unknown) => logger.debug('a command in the background failed', { error }))
}

function writeSysctl({ sysctl, logger }: RunTools, operation: OperationOf<'sysctl'>): void {
  const { key, value, optional } = operation
  if (optional && sysctl.read(key) === null) logger.warn('this kernel does not have a setting', { key, value })
  else sysctl.write(key, value)
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
    for (const [index, message] of failed) {
      const line = lines[index]
      if (line) blame(line, message, failures, account)
    }
    const fatal = lines[done]
    if (!fatal) return
    blame(fatal, rest, failures, account)
    waiting = lines.slice(done + 1)
    // Twice nothing was run: it is not the lines.
    dumb = done === 0 ? dumb + 1 : 0
    if (dumb === 2) for (const line of waiting) failures.add([line.owner], rest)
  }
}

function blame(line: BatchLine, message: string, failures: Failures, account: Account): void {
  account.notMade(line.text)
  if (line.harmless?.some((part) => message.includes(part))) return
  failures.add([line.owner], `\`ip ${line.text}\`: ${message || 'failed without a message'}`)
}

/** What the record of this host is told, before and after. */
class Account {
  readonly #ledger: Ledger
  readonly #steps: readonly Step[]
  readonly #failures: Failures
  /** What may be behind a pid file, as it was before this run. */
  readonly #daemons = new Map<string, readonly DaemonResource[]>()
  /** The line that makes a thing -> its key, for things that were not ours before. */
  readonly #creations = new Map<string, string>()
  readonly #notMade = new Set<string>()

  constructor(ledger: Ledger, steps: readonly Step[], failures: Failures) {
    this.#ledger = ledger
    this.#steps = steps
    this.#failures = failures
  }

  /** Whose things cannot be remembered must not have them made: nobody would take them away again. */
  begin(): void {
    const make = this.#steps.filter((step) => this.#isToRemember(step))
    for (const { verb, resource } of this.#steps) {
      const key = resourceKey(resource)
      if (resource.kind === 'daemon') {
        const records = this.#ledger.recordsOf(key).filter((record) => record.kind === 'daemon')
        this.#daemons.set(key, [...records, resource])
      } else if (verb !== 'remove' && isDevice(resource) && !this.#ledger.has(key)) {
        const text = creationText(resource)
        if (text !== null) this.#creations.set(text, key)
      }
    }
    try {
      this.#ledger.remember(make.map((step) => step.resource))
    } catch (error) {
      for (const { owner } of make) this.#failures.add([owner], error)
    }
  }

  #isToRemember({ verb, owner, resource }: Step): boolean {
    if (verb === 'remove' || this.#failures.coverAll([owner]) || !isRecorded(resource)) return false
    return verb === 'add' || resource.kind === 'daemon' || this.#ledger.has(resourceKey(resource))
  }

  daemonsBefore(daemon: DaemonResource): readonly DaemonResource[] {
    return this.#daemons.get(resourceKey(daemon)) ?? [daemon]
  }

  /** The line failed: somebody else made the thing, or nobody. */
  notMade(text: string): void {
    const key = this.#creations.get(text)
    if (key !== undefined) this.#notMade.add(key)
  }

  end(logger: Logger): void {
    const fine = this.#steps.filter(({ owner }) => !this.#failures.coverAll([owner]))
    const gone = fine.filter(({ verb }) => verb === 'remove').map(({ resource }) => resourceKey(resource))
    const made = fine.filter(({ verb, resource }) => verb !== 'remove' && isRecorded(resource))
    try {
      this.#ledger.forget([...gone, ...this.#notMade])
      this.#ledger.settle(made.map(({ resource }) => resource))
    } catch (error) {
      logger.warn('the record of what netloom made cannot be written', { error })
    }
  }
}

function isDevice(resource: HostResource): resource is LinkResource | AddressResource {
  return resource.kind === 'link' || resource.kind === 'address'
}

/** What netloom may have to take away again one day. */
function isRecorded(resource: HostResource): boolean {
  if (resource.kind === 'link') return resource.type !== 'existing' && !resource.keep
  return resource.kind !== 'sysctl'
}
