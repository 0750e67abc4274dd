/**
 * Mixin: floating (public) IPs. The checks are done where the call arrives, the rules on the host that serves the
 * network of the fixed IP. Source: nova/network/floating_ips.py FloatingIP.
 */
import { NETWORK_TOPIC } from '../api/network-api.ts'
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
import { parseDevice, parsePool, parseProject, parseUuid } from '../model/names.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import { elevated, type RequestContext } from '../model/request-context.ts'
import type { FloatingIpDetail } from '../model/rows.ts'
import { floatingRange, refuseFixedAddresses } from './floating-range.ts'
import { KeyedLock } from './keyed-lock.ts'
import type { NetworkManager } from './network-manager.ts'
import { floatingOwner } from './owners.ts'
import type { AbstractConstructor } from './rpc-allocate-fixed-ip.ts'

export function FloatingIP<B extends AbstractConstructor<NetworkManager>>(Base: B) {
  abstract class WithFloatingIP extends Base implements FloatingIPOperations {
    /** @internal */
    readonly floatingLocks = new KeyedLock()

    /** The fixed IP first: a floating one needs it. What was taken is let go when a later step fails (defects-manager B2). */
    override async allocateForInstance(context: RequestContext, request: AllocateRequest): Promise<NetworkInfo> {
      const info = await super.allocateForInstance(context, request)
      const fixed = info.flatMap((vif) => vif.network.subnets.flatMap((subnet) => subnet.ips))
      const first = fixed[0]?.address
      if (!this.services.flags.auto_assign_floating_ip || !first || fixed.some((ip) => ip.floating_ips.length > 0))
        return info
      try {
        const address = await this.allocateFloatingIp(elevated(context), {
          project_id: request.project_id,
          auto_assigned: true,
        })
        try {
          await this.associateFloatingIp(elevated(context), address, first)
        } catch (error) {
          await this.deallocateFloatingIp(elevated(context), address)
          throw error
        }
      } catch (error) {
        await this.deallocateForInstance(context, request.instance_uuid)
        throw error
      }
      return this.getInstanceNwInfo(context, request.instance_uuid)
    }

    /** Floating IPs are let go first; one that resists does not keep the others (defects-manager B3). */
    override async deallocateForInstance(
      context: RequestContext,
      instanceUuid: string,
    ): Promise<{ readonly addresses: readonly string[] }> {
      for (const floating of await this.floatingIpsOfInstance(context, instanceUuid)) {
        try {
          await this.disassociateFloatingIp(context, floating.address)
          if (floating.auto_assigned) await this.deallocateFloatingIp(context, floating.address)
        } catch (error) {
          this.services.logger.error('floating IP was not let go', { address: floating.address, error })
        }
      }
      return super.deallocateForInstance(context, instanceUuid)
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
      const row = await this.services.database.transaction(async (store) => {
        const pools = await store.floatingIps.pools()
        if (!pools.includes(pool)) throw new FloatingIpPoolNotFound({ pool, pools })
        return store.floatingIps.allocate(pool, project, request.auto_assigned ?? false)
      })
      return row.address
    }

    async deallocateFloatingIp(context: RequestContext, address: string): Promise<void> {
      const floating = await this.ownFloatingIp(context, address)
      if (floating.fixed_ip_id !== null) throw new FloatingIpAssociated({ address: floating.address })
      const released = await this.services.database.transaction((store) => store.floatingIps.release(floating.address))
      if (!released) throw new FloatingIpAssociated({ address: floating.address })
    }

    /** Everything is checked before anything is undone (defects-manager C2). */
    async associateFloatingIp(
      context: RequestContext,
      floatingAddress: string,
      fixedAddress: string,
    ): Promise<string | null> {
      const floating = await this.ownFloatingIp(context, floatingAddress)
      const fixed = parseAddress(fixedAddress)
      const host = await this.services.database.read(async (store) => {
        const row = await store.fixedIps.byAddress(fixed)
        if (!row.allocated || row.instance_uuid === null) throw new FixedIpNotAllocated({ address: fixed })
        this.checkOwner(context, `fixed IP ${fixed}`, row.project_id)
        const network = await store.networks.byId(row.network_id)
        if (network.host === null) throw new NetworkHostNotSet({ network: network.label })
        return network.host
      })
      if (floating.fixed_address === fixed && floating.host === host) return null
      if (floating.host !== null && floating.host !== host)
        await this.onHost(context, floating.host, 'disassociate', floating.address)
      await this.onHost(context, host, 'associate', floating.address, fixed)
      return floating.instance_uuid
    }

    async disassociateFloatingIp(context: RequestContext, address: string): Promise<void> {
      const floating = await this.ownFloatingIp(context, address)
      if (floating.host === null || floating.fixed_ip_id === null)
        throw new FloatingIpNotAssociated({ address: floating.address })
      await this.onHost(context, floating.host, 'disassociate', floating.address)
    }

    /** Row, then host; when the host cannot be changed the row is put back and the host follows it. */
    associateFloatingIpHere(floatingAddress: string, fixedAddress: string): Promise<void> {
      const { database, l3 } = this.services
      const owner = floatingOwner(floatingAddress)
      return this.floatingLocks.run(floatingAddress, async () => {
        const before = await database.transaction(async (store) => {
          const [floating, fixed] = [
            await store.floatingIps.byAddress(floatingAddress),
            await store.fixedIps.byAddress(fixedAddress),
          ]
          if (!fixed.allocated) throw new FixedIpNotAllocated({ address: fixedAddress })
          if (!(await store.floatingIps.associate(floatingAddress, fixed.id, this.host))) {
            throw new FloatingIpAssociateFailed({
              address: floatingAddress,
              reason: 'it is not allocated to a project any more',
            })
          }
          return floating
        })
        const moved = before.fixed_address !== null && before.fixed_address !== fixedAddress
        const ended = moved
          ? l3.forgetConnections({
              publicAddress: floatingAddress,
              fixedAddress: before.fixed_address!,
              interface: before.interface,
            })
          : []
        try {
          await this.reconciler.reconcile([owner], ended)
        } catch (error) {
          await database.transaction(async (store) => {
            if (before.fixed_ip_id === null) await store.floatingIps.disassociate(floatingAddress)
            else await store.floatingIps.associate(floatingAddress, before.fixed_ip_id, before.host ?? this.host)
          })
          await this.reconcileOrLog([owner])
          throw this.floatingError(error, before)
        }
      })
    }

    disassociateFloatingIpHere(floatingAddress: string): Promise<void> {
      const { database, l3 } = this.services
      return this.floatingLocks.run(floatingAddress, async () => {
        const before = await database.transaction(async (store) => {
          const floating = await store.floatingIps.byAddress(floatingAddress)
          if (!(await store.floatingIps.disassociate(floatingAddress)))
            throw new FloatingIpNotAssociated({ address: floatingAddress })
          return floating
        })
        const binding = {
          publicAddress: floatingAddress,
          fixedAddress: before.fixed_address ?? floatingAddress,
          interface: before.interface,
        }
        await this.reconcileOrLog([floatingOwner(floatingAddress)], l3.forgetConnections(binding))
      })
    }

    /** @internal */
    async onHost(
      context: RequestContext,
      host: string,
      verb: 'associate' | 'disassociate',
      floating: string,
      fixed = '',
    ): Promise<void> {
      if (host === this.host) {
        return verb === 'associate'
          ? this.associateFloatingIpHere(floating, fixed)
          : this.disassociateFloatingIpHere(floating)
      }
      const args = verb === 'associate' ? { floating_address: floating, fixed_address: fixed } : { address: floating }
      const message = { ...args, context: { ...context } }
      await this.services.rpc.call({ topic: NETWORK_TOPIC, server: host }, `_${verb}_floating_ip`, message)
    }

    /** @throws {FloatingIpNotFoundForAddress} @throws {FloatingIpNotAllocated} @throws {Forbidden} it is another project's @internal */
    async ownFloatingIp(context: RequestContext, text: string): Promise<FloatingIpDetail> {
      const address = parseAddress(text)
      const floating = await this.services.database.read((store) => store.floatingIps.byAddress(address))
      if (floating.project_id === null) throw new FloatingIpNotAllocated({ address })
      this.checkOwner(context, `floating IP ${address}`, floating.project_id)
      return floating
    }

    /** @internal */
    async floatingIpsOfInstance(context: RequestContext, instanceUuid: string): Promise<readonly FloatingIpDetail[]> {
      const instance = await this.findInstance(context, parseUuid(instanceUuid))
      const addresses =
        instance?.virtual_interfaces.flatMap((vif) => vif.fixed_ips.flatMap((fixed) => fixed.floating_ips)) ?? []
      return addresses.length === 0 ? [] : this.services.database.read((store) => store.floatingIps.list({ addresses }))
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
