/** What the operations of every manager stand on: its services, its host, and the steps that they share. */
import { NETWORK_TOPIC } from '../api/network-api.ts'
import type { HostFacts, Topology } from '../contracts/host-facts.ts'
import type { JsonObject } from '../contracts/rpc.ts'
import { Forbidden } from '../errors/service.ts'
import { mayActFor, type RequestContext } from '../model/request-context.ts'
import { timeLeftMs } from '../model/request-scope.ts'
import type { Compensation } from './compensation.ts'
import { HostAgent } from './host-agent.ts'
import type { ManagerServices } from './manager-services.ts'
import { isUp } from './network-hosts.ts'
import { StoreFacts } from './store-facts.ts'

export abstract class ManagerCore {
  /** What this kind of manager does on its hosts. */
  abstract readonly topology: Topology
  readonly services: ManagerServices
  /** Made when first used: the topology is a subclass's. @internal */
  hostAgent: HostAgent | null = null

  constructor(services: ManagerServices) {
    this.services = services
  }

  get host(): string {
    return this.services.host
  }

  /** What works on this host. @internal */
  get agent(): HostAgent {
    this.hostAgent ??= new HostAgent(this.services, this.factsOf(this.host))
    return this.hostAgent
  }

  factsOf(host: string): HostFacts {
    return new StoreFacts(host, this.topology, this.services.database, this.services.clock)
  }

  /**
   * Returns when the host is as the facts of the owners want it.
   * @param host null: nobody is to be configured
   * @throws {HostChangeFailed} @throws {ServiceUnavailable} naming the host
   */
  async converge(context: RequestContext, host: string | null, owners: readonly string[]): Promise<void> {
    if (host === null) return
    if (host === this.host) return this.agent.reconcileOwners(owners)
    const args = { owners, context: { ...context } } as unknown as JsonObject
    const left = timeLeftMs()
    const options = left === undefined ? {} : { timeoutMs: Math.max(1, left) }
    await this.services.rpc.call({ topic: NETWORK_TOPIC, server: host }, 'reconcile_owners', args, options)
  }

  /** For what must not fail because a host is away: it catches up when it is back (defects-manager B4). */
  async convergeOrLog(context: RequestContext, host: string | null, owners: readonly string[]): Promise<void> {
    if (host === null) return
    const { logger } = this.services
    try {
      if (host === this.host || (await isUp(this, host))) await this.converge(context, host, owners)
      else logger.warn('a host is down: it is brought in line when it is back', { host, owners })
    } catch (error) {
      logger.error('the host is not in line yet; it is tried again periodically', { host, owners, error })
    }
  }

  /** @throws {Forbidden} */
  checkOwner(context: RequestContext, what: string, projectId: string | null): void {
    if (!mayActFor(context, projectId)) throw new Forbidden({ what, project_id: context.project_id })
  }

  /** Undoes what was done so far when the work fails. */
  async whole<T>(undo: Compensation, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      await undo.undoAll(this.services.logger)
      throw error
    }
  }
}
