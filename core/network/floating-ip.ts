/**
 * Mixin: floating (public) IPs. Checks and rows are done where the call arrives, the rules on the host that serves the
 * network of the fixed IP. Source: nova/network/floating_ips.py FloatingIP.
 */
import type { NetworkStore } from '../contracts/database.ts'
import type { FloatingIPOperations } from '../contracts/network-manager.ts'
import type { AllocateRequest, FloatingIpSummary } from '../contracts/network-operations.ts'
import {
  FixedIpNotAllocated,
  FloatingIpAssociated,
  FloatingIpAssociateFailed,
  FloatingIpNotAllocated,
  FloatingIpNotAssociated,
  FloatingIpPoolNotFound,
  HostChangeFailed,
  NetworkHostNotSet,
  NoFloatingIpInterface,
} from '../errors/index.ts'
import { InvalidInput } from '../errors/input.ts'
import { parseAddress } from '../model/address.ts'
import { parseDevice, parsePool, parseProject } from '../model/names.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import { elevated, type RequestContext } from '../model/request-context.ts'
import { runToTheEnd } from '../model/request-scope.ts'
import type { FloatingIpDetail } from '../model/rows.ts'
import { Compensation } from './compensation.ts'
import { noteDns, settleDnsOrLog } from './dns.ts'
import { DnsEntries } from './dns-operations.ts'
import { takeFloatingBack } from './fixed-ips.ts'
import { floatingRange, refuseFixedAddresses } from './floating-range.ts'
import { isUp } from './network-hosts.ts'
import type { NetworkManager } from './network-manager.ts'
import { floatingOwner } from './owners.ts'
import type { AbstractConstructor } from './rpc-allocate-fixed-ip.ts'

export function FloatingIP<B extends AbstractConstructor<NetworkManager>>(Base: B) {
  abstract class WithFloatingIP extends DnsEntries(Base) implements FloatingIPOperations {
    /** The fixed IP first: a floating one needs it. What was taken is let go when a later step fails (defects-manager B2). */
    override async allocateForInstance(
      context: RequestContext,
      request: AllocateRequest,
      undo = new Compensation(),
    ): Promise<NetworkInfo> {
      const info = await super.allocateForInstance(context, request, undo)
      const fixed = info.flatMap((vif) => vif.network.subnets.flatMap((subnet) => subnet.ips))
      const first = fixed[0]?.address
      const { flags, database, logger } = this.services
      if (!flags.auto_assign_floating_ip || !first || fixed.some((ip) => ip.floating_ips.length > 0)) return info
      return undo.unlessDone(logger, async () => {
        undo.push(`take back the floating IP of ${first}`, () => takeFloatingBack(this, context, first))
        // In one transaction: an address that was taken and leads nowhere would be found by nobody.
        const { before, host } = await database.transaction(async (store) => {
          const { address } = await takeFromPool(store, request.project_id, flags.default_floating_pool, true)
          return this.leadTo(elevated(context), store, address, first)
        })
        await this.converge(context, host, [floatingOwner(before.address)]).catch((error: unknown) => {
          throw this.floatingError(error, before)
        })
        return this.getInstanceNwInfo(context, request.instance_uuid)
      })
    }

    async createFloatingIps(_context: RequestContext, request: { range?: string; pool?: string; interface?: string }) {
      const { database, flags } = this.services
      const text = request.range ?? flags.floating_range
      if (text === null)
        throw new InvalidInput({
          what: 'range',
          value: null,
          want: 'an address or a network, or set the flag floating_range',
        })
      const pool = parsePool(request.pool ?? flags.default_floating_pool)
      const device = request.interface === undefined ? null : parseDevice('interface', request.interface)
      const addresses = floatingRange(text)
      await database.transaction(async (store) => {
        refuseFixedAddresses(text, await store.networks.list())
        await store.floatingIps.create(addresses.map((address) => ({ address, pool, interface: device })))
      })
      return { pool, addresses: addresses.length }
    }

    async deleteFloatingIps(_context: RequestContext, range: string) {
      const addresses = floatingRange(range)
      await this.services.database.transaction((store) => store.floatingIps.remove(addresses))
      return { addresses: addresses.length }
    }

    async listFloatingIps(context: RequestContext): Promise<readonly FloatingIpSummary[]> {
      const filter = context.is_admin || context.project_id === null ? {} : { projectId: context.project_id }
      const rows = await this.services.database.read((store) => store.floatingIps.list(filter))
      return rows.map(({ network_id: _, ...summary }) => summary)
    }

    async getFloatingIpPools(_context: RequestContext): Promise<readonly { readonly name: string }[]> {
      return (await this.services.database.read((store) => store.floatingIps.pools())).map((name) => ({ name }))
    }

    async allocateFloatingIp(
      context: RequestContext,
      request: { project_id: string; pool?: string; auto_assigned?: boolean },
    ): Promise<string> {
      const project = parseProject(request.project_id)
      const pool = parsePool(request.pool ?? this.services.flags.default_floating_pool)
      this.checkOwner(context, `project ${project}`, project)
      const row = await this.services.database.transaction((store) =>
        takeFromPool(store, project, pool, request.auto_assigned ?? false),
      )
      return row.address
    }

    async deallocateFloatingIp(context: RequestContext, address: string): Promise<void> {
      const floating = await this.ownFloatingIp(context, address)
      if (floating.fixed_ip_id !== null) throw new FloatingIpAssociated({ address: floating.address })
      const named = await this.services.database.transaction(async (store) => {
        if (!(await store.floatingIps.release(floating.address)))
          throw new FloatingIpAssociated({ address: floating.address })
        return noteDns(this, store, 'floating', [floating.address])
      })
      await settleDnsOrLog(this, named)
    }

    /**
     * Everything is checked before anything is undone (defects-manager C2). The row first, then the hosts: the former one
     * lets go before the new one binds (lessons D5). When the new one cannot be changed the row is put back.
     */
    async associateFloatingIp(
      context: RequestContext,
      floatingAddress: string,
      fixedAddress: string,
    ): Promise<string | null> {
      const { address } = await this.ownFloatingIp(context, floatingAddress)
      const fixed = parseAddress(fixedAddress)
      const { before, host, fixedIpId } = await this.services.database.transaction((store) =>
        this.leadTo(context, store, address, fixed),
      )
      const isNew = before.fixed_ip_id !== fixedIpId || before.host !== host
      const owners = [floatingOwner(address)]
      try {
        if (before.host !== null && before.host !== host) await this.letGo(context, before.host, owners)
        await this.converge(context, host, owners)
        await this.checkLeadsTo(address, fixedIpId, host)
      } catch (error) {
        if (!isNew) throw this.floatingError(error, before)
        await runToTheEnd(async () => {
          await this.leadBack(before, fixedIpId, host)
          await Promise.all([host, before.host].map((each) => this.convergeOrLog(context, each, owners)))
        })
        throw this.floatingError(error, before)
      }
      return isNew ? before.instance_uuid : null
    }

    async disassociateFloatingIp(context: RequestContext, floatingAddress: string): Promise<void> {
      const { address } = await this.ownFloatingIp(context, floatingAddress)
      const before = await this.services.database.transaction(async (store) => {
        const floating = await store.floatingIps.byAddress(address)
        if (!(await store.floatingIps.disassociate(address))) throw new FloatingIpNotAssociated({ address })
        if (floating.host !== null) await store.hostChanges.record(floating.host, [floatingOwner(address)])
        return floating
      })
      await this.convergeOrLog(context, before.host, [floatingOwner(address)])
    }

    /** The checks, and the row. @returns the row as it was, and where it leads now @internal */
    async leadTo(context: RequestContext, store: NetworkStore, address: string, fixed: string) {
      const before = await store.floatingIps.byAddress(address)
      const row = await store.fixedIps.byAddress(fixed)
      if (!row.allocated || row.instance_uuid === null) throw new FixedIpNotAllocated({ address: fixed })
      this.checkOwner(context, `fixed IP ${fixed}`, row.project_id)
      const network = await store.networks.byId(row.network_id)
      const host = this.configuringHost(network, row.instance_host)
      if (host === null) throw new NetworkHostNotSet({ network: network.label })
      if (before.fixed_ip_id !== row.id || before.host !== host) {
        if (!(await store.floatingIps.associate(address, row.id, host)))
          throw new FloatingIpAssociateFailed({ address, reason: 'it is not allocated to a project any more' })
        // On a store with several writers the fixed IP may have been let go until now; from now on it waits for us.
        if (!(await store.fixedIps.byAddress(fixed)).allocated) throw new FixedIpNotAllocated({ address: fixed })
        const hosts = new Set([host, before.host ?? host])
        for (const each of hosts) await store.hostChanges.record(each, [floatingOwner(address)])
      }
      return { before, host, fixedIpId: row.id }
    }

    /** Of two calls at once one may undo what the other found done. @throws {FloatingIpAssociateFailed} @internal */
    async checkLeadsTo(address: string, fixedIpId: number, host: string): Promise<void> {
      const now = await this.services.database.read((store) => store.floatingIps.byAddress(address))
      if (now.fixed_ip_id === fixedIpId && now.host === host) return
      throw new FloatingIpAssociateFailed({ address, reason: 'another call led it elsewhere, or let it go, meanwhile' })
    }

    /** Undoes `leadTo`, unless somebody has led the address elsewhere since. @internal */
    async leadBack(before: FloatingIpDetail, fixedIpId: number, host: string): Promise<void> {
      const { address } = before
      await this.services.database.transaction(async (store) => {
        if (before.fixed_ip_id === null) await store.floatingIps.disassociate(address, fixedIpId)
        else await store.floatingIps.associate(address, before.fixed_ip_id, before.host ?? host, fixedIpId)
        for (const each of new Set([host, before.host ?? host]))
          await store.hostChanges.record(each, [floatingOwner(address)])
      })
    }

    /** A host that is up must let go before another binds; one that is down does it before it serves again. @internal */
    async letGo(context: RequestContext, host: string, owners: readonly string[]): Promise<void> {
      if (host === this.host || (await isUp(this, host))) await this.converge(context, host, owners)
      else this.services.logger.warn('a host that is down had the address', { host, owners })
    }

    /** @throws {FloatingIpNotFoundForAddress} @throws {FloatingIpNotAllocated} @throws {Forbidden} it is another project's @internal */
    async ownFloatingIp(context: RequestContext, text: string): Promise<FloatingIpDetail> {
      const address = parseAddress(text)
      const floating = await this.services.database.read((store) => store.floatingIps.byAddress(address))
      if (floating.project_id === null) throw new FloatingIpNotAllocated({ address })
      this.checkOwner(context, `floating IP ${address}`, floating.project_id)
      return floating
    }

    /** The one failure with a name of its own: the interface is not on this host. @internal */
    floatingError(error: unknown, floating: FloatingIpDetail): unknown {
      if (!(error instanceof HostChangeFailed) || !error.message.includes('Cannot find device')) return error
      const device = floating.interface ?? this.services.flags.public_interface ?? ''
      return new NoFloatingIpInterface({ interface: device, address: floating.address }, { cause: error })
    }
  }
  return WithFloatingIP
}

/** @throws {FloatingIpPoolNotFound} @throws {NoMoreFloatingIps} */
async function takeFromPool(store: NetworkStore, project: string, pool: string, autoAssigned: boolean) {
  const pools = await store.floatingIps.pools()
  if (!pools.includes(pool)) throw new FloatingIpPoolNotFound({ pool, pools })
  return store.floatingIps.allocate(pool, project, autoAssigned)
}
