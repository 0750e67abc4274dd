/** What was made and what is gone, told to the ledger around a run. */
import {
  type AddressResource,
  type DaemonResource,
  type HostResource,
  type LinkResource,
  type Logger,
  type PortVlanResource,
  resourceKey,
  type Step,
} from 'netloom/contracts'
import type { Failures } from './failures.ts'
import type { Ledger } from './ledger.ts'
import { portVlanText } from './port-vlans.ts'
import { creationText } from './render-links.ts'

/** What the record of this host is told, before and after. */
export class Account {
  readonly #ledger: Ledger
  readonly #steps: readonly Step[]
  readonly #failures: Failures
  /** What may be behind a pid file, as it was before this run. */
  readonly #daemons = new Map<string, readonly DaemonResource[]>()
  /** The line that makes a thing, or the key of a port -> its key, for things that were not ours before. */
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
      } else if (verb !== 'remove' && isMadeByLine(resource) && !this.#ledger.has(key)) {
        const text = resource.kind === 'port-vlan' ? portVlanText(resource) : creationText(resource)
        if (text !== null) this.#creations.set(text, key)
      } else if (verb === 'add' && resource.kind === 'ovs-port' && !this.#ledger.has(key)) this.#creations.set(key, key)
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

  /** The line, or the change of a switch, failed: somebody else made the thing, or nobody. */
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

function isMadeByLine(resource: HostResource): resource is LinkResource | AddressResource | PortVlanResource {
  return ['link', 'address', 'port-vlan'].includes(resource.kind)
}

/** What netloom may have to take away again one day. */
function isRecorded(resource: HostResource): boolean {
  if (resource.kind === 'link') return !['existing', 'internal'].includes(resource.type) && !resource.keep
  return resource.kind !== 'sysctl'
}
