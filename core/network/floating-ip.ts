/**
 * Mixin: floating (public) IPs. Checks and rows are done where the call arrives, the rules on the host that serves the
 * network of the fixed IP. Source: nova/network/floating_ips.py FloatingIP.
 */
import type { FloatingIPOperations, FloatingIpExpectation } from '../contracts/network-manager.ts'
import type {
  AllocateRequest,
  FloatingIpRange,
  FloatingIpSummary,
  MigrationRequest,
} from '../contracts/network-operations.ts'
import { fixedIpsOf, floatingIpsOf, type NetworkInfo } from '../model/network-info.ts'
import type { RequestContext } from '../model/request-context.ts'
import { autoAssign } from './auto-assign.ts'
import { Compensation } from './compensation.ts'
import { DnsEntries } from './dns-operations.ts'
import { associateFloatingIp, disassociateFloatingIp } from './floating-association.ts'
import * as pools from './floating-pools.ts'
import * as reads from './floating-reads.ts'
import { migrateInstanceFinish, migrateInstanceStart } from './migration.ts'
import type { NetworkManager } from './network-manager.ts'
import { floatingOwner } from './owners.ts'
import type { AbstractConstructor } from './rpc-allocate-fixed-ip.ts'

export function FloatingIP<B extends AbstractConstructor<NetworkManager>>(Base: B) {
  abstract class WithFloatingIP extends DnsEntries(Base) implements FloatingIPOperations {
    // ---- with an instance

    /** The fixed IP first: a floating one needs it. What was taken is let go when a later step fails (defects-manager B2). */
    override async allocateForInstance(
      context: RequestContext,
      request: AllocateRequest,
      undo: Compensation = new Compensation(),
    ): Promise<NetworkInfo> {
      const info = await super.allocateForInstance(context, request, undo)
      const first = fixedIpsOf(info).find((ip) => ip.version === 4)?.address
      if (!this.services.flags.auto_assign_floating_ip || !first || floatingIpsOf(info).length > 0) return info
      return this.whole(undo, async () => {
        const { instance_uuid, project_id } = request
        await autoAssign(this, context, { instance_uuid, project_id, fixedAddress: first }, undo)
        return this.getInstanceNwInfo(context, instance_uuid)
      })
    }

    migrateInstanceStart(context: RequestContext, request: MigrationRequest): Promise<void> {
      return migrateInstanceStart(this, context, request)
    }

    migrateInstanceFinish(context: RequestContext, request: MigrationRequest): Promise<void> {
      return migrateInstanceFinish(this, context, request)
    }

    /** Brings this host in line with the floating IPs that it carries; one that fails keeps no other (defects-manager B7). */
    async initHostFloatingIps(): Promise<void> {
      const rows = await this.services.database.read((store) => store.floatingIps.list({ host: this.host }))
      await this.agent.convergeOrLog(rows.map(({ address }) => floatingOwner(address)))
    }

    // ---- pools

    createFloatingIps(_context: RequestContext, request: FloatingIpRange) {
      return pools.createFloatingIps(this, request)
    }

    deleteFloatingIps(_context: RequestContext, range: string) {
      return pools.deleteFloatingIps(this, range)
    }

    async getFloatingIpPools(_context: RequestContext): Promise<readonly { readonly name: string }[]> {
      return (await this.services.database.read((store) => store.floatingIps.pools())).map((name) => ({ name }))
    }

    // ---- of a project

    allocateFloatingIp(
      context: RequestContext,
      request: { readonly project_id: string; readonly pool?: string; readonly auto_assigned?: boolean },
    ): Promise<string> {
      return pools.allocateFloatingIp(this, context, request)
    }

    deallocateFloatingIp(context: RequestContext, address: string, expectation?: FloatingIpExpectation): Promise<void> {
      return pools.deallocateFloatingIp(this, context, address, expectation)
    }

    associateFloatingIp(
      context: RequestContext,
      floatingAddress: string,
      fixedAddress: string,
      expectation?: FloatingIpExpectation,
    ): Promise<string | null> {
      return associateFloatingIp(this, context, floatingAddress, fixedAddress, expectation)
    }

    disassociateFloatingIp(
      context: RequestContext,
      address: string,
      expectation?: FloatingIpExpectation,
    ): Promise<void> {
      return disassociateFloatingIp(this, context, address, expectation)
    }

    // ---- what is asked

    listFloatingIps(context: RequestContext): Promise<readonly FloatingIpSummary[]> {
      return reads.listFloatingIps(this, context)
    }

    getFloatingIp(context: RequestContext, id: number): Promise<FloatingIpSummary> {
      return reads.getFloatingIp(this, context, id)
    }

    getFloatingIpByAddress(context: RequestContext, address: string): Promise<FloatingIpSummary> {
      return reads.getFloatingIpByAddress(this, context, address)
    }

    getFloatingIpsByProject(context: RequestContext, project?: string): Promise<readonly FloatingIpSummary[]> {
      return reads.getFloatingIpsByProject(this, context, project)
    }

    getFloatingIpsByFixedAddress(context: RequestContext, address: string): Promise<readonly string[]> {
      return reads.getFloatingIpsByFixedAddress(this, context, address)
    }

    getInstanceIdByFloatingAddress(context: RequestContext, address: string): Promise<string | null> {
      return reads.getInstanceIdByFloatingAddress(this, context, address)
    }
  }
  return WithFloatingIP
}
