/** `host_driver=linux`: this machine, by iproute2 and files. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Command,
  coreOptions,
  definePlugin,
  type Executor,
  executorRef,
  type HostDriver,
  type HostResource,
  type HostState,
  hostDriverSlot,
  type Logger,
  type Operation,
  option,
  type Step,
} from 'netloom/contracts'
import { Ledger } from './ledger.ts'
import { observeHost } from './observe.ts'
import { hostOperations } from './operations.ts'
import { missingPrograms } from './programs.ts'
import { runOperations } from './run.ts'
import { procSysctl, type Sysctl } from './sysctl.ts'
import type { Undone } from './transaction.ts'

export interface LinuxHostOptions {
  readonly executor: Executor
  readonly logger: Logger
  /** Where the record of what netloom made is kept. */
  readonly networksPath: string
  /** Replaced where the process is not in the network namespace that it changes. */
  readonly sysctl?: Sysctl
  readonly namespacesFolder?: string
  /** Identifies the boot of the machine. */
  readonly boot?: string
  /** How many seconds an Open vSwitch may take for one change; 0 is ten minutes. */
  readonly ovsTimeout?: number
}

/** A host driver that is closed after use. Nothing is read or written before the first call. */
export class LinuxHost implements HostDriver {
  readonly #executor: Executor
  readonly #logger: Logger
  readonly #ledger: Ledger
  readonly #sysctl: Sysctl
  readonly #namespacesFolder: string
  readonly #ovsTimeout: number | undefined
  #seen: HostState = { resources: new Map(), namespaces: new Set() }
  readonly #undone: Undone = new Map()
  readonly #lacking = new Set<string>()
  #running = 0

  constructor(options: LinuxHostOptions) {
    this.#executor = options.executor
    this.#logger = options.logger
    this.#ledger = new Ledger(join(options.networksPath, 'ledger'), options.boot ?? bootId())
    this.#sysctl = options.sysctl ?? procSysctl()
    this.#namespacesFolder = options.namespacesFolder ?? '/run/netns'
    this.#ovsTimeout = options.ovsTimeout
  }

  missingPrograms(programs: Readonly<Record<string, string>>): readonly string[] {
    return missingPrograms(Object.keys(programs))
  }

  whyNoIpv6(): string | null {
    const off = this.#sysctl.read('net.ipv6.conf.default.disable_ipv6')
    if (off === null) return 'its kernel has none'
    return off === '0' ? null : `net.ipv6.conf.default.disable_ipv6 is ${off}`
  }

  async observe(wanted: readonly HostResource[]): Promise<HostState> {
    this.#openLedger()
    const state = await observeHost(
      {
        executor: this.#executor,
        logger: this.#logger,
        ledger: this.#ledger,
        sysctl: this.#sysctl,
        lacking: this.#lacking,
        namespacesFolder: this.#namespacesFolder,
      },
      wanted,
    )
    this.#seen = state
    if (this.#running === 0) this.#forgetMissing(state)
    return state
  }

  read(commands: readonly Command[]): Promise<readonly string[]> {
    return Promise.all(
      commands.map(async (command) => {
        try {
          return (await this.#executor.run(command)).stdout
        } catch (error) {
          this.#logger.debug('a command that only reads failed', { error })
          return ''
        }
      }),
    )
  }

  operations(steps: readonly Step[], state: HostState) {
    return hostOperations(steps, state, this.#ovsTimeout)
  }

  async run(operations: readonly Operation[], steps: readonly Step[]) {
    this.#openLedger()
    this.#running += 1
    try {
      const tools = {
        executor: this.#executor,
        logger: this.#logger,
        ledger: this.#ledger,
        sysctl: this.#sysctl,
        undone: this.#undone,
        lacking: this.#lacking,
      }
      return await runOperations(tools, operations, steps, this.#seen)
    } finally {
      this.#running -= 1
    }
  }

  close(): void {
    this.#ledger.close()
  }

  /** Without its record the driver still works, but takes nothing of its own for its own. */
  #openLedger(): void {
    try {
      this.#ledger.open()
    } catch (error) {
      this.#logger.error('the record of what netloom made on this host cannot be opened', { error })
    }
  }

  /** What others took away is not ours when somebody makes it anew. */
  #forgetMissing(state: HostState): void {
    const missing = [...this.#ledger.keys()].filter((key) => !state.resources.has(key))
    try {
      this.#ledger.forget(missing)
    } catch (error) {
      this.#logger.warn('the record of what netloom made cannot be written', { error })
    }
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

export default definePlugin({
  name: 'linux',
  summary: 'This machine: links and addresses by iproute2, files, daemons and kernel settings directly',
  provides: hostDriverSlot,
  contract: '1.0',
  options: {
    networks_path: coreOptions.networks_path,
    ovs_vsctl_timeout: option.integer({
      default: 120,
      min: 0,
      max: 600,
      help: 'Seconds that ovs-vsctl and ovs-ofctl may take for one change; 0 is ten minutes: nothing waits for ever',
    }),
  },
  requires: { executor: executorRef },
  programs: { ip: 'iproute2', arping: 'iputils-arping', env: 'coreutils' },
  create: ({ flags, services, logger }) =>
    new LinuxHost({
      executor: services.executor,
      logger,
      networksPath: flags.networks_path,
      ovsTimeout: flags.ovs_vsctl_timeout,
    }),
  dispose: async (host) => (host as LinuxHost).close(),
})
