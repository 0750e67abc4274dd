/**
 * Mixin: an address is taken and let go on the host that serves its network, because that host configures DHCP.
 * Source: nova/network/manager.py RPCAllocateFixedIP.
 */
import { NETWORK_TOPIC } from '../api/network-api.ts'
import type { JsonObject } from '../contracts/rpc.ts'
import { NetworkHostNotSet } from '../errors/network.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { NetworkRow } from '../model/rows.ts'
import type { Compensation } from './compensation.ts'
import type { NetworkManager } from './network-manager.ts'
import { fixedIpRequest, type Nic } from './nics.ts'

// biome-ignore lint/suspicious/noExplicitAny: TypeScript's rule for mixin constructors
export type AbstractConstructor<T = object> = abstract new (...args: any[]) => T

export function RPCAllocateFixedIP<B extends AbstractConstructor<NetworkManager>>(Base: B) {
  abstract class WithRpcAllocateFixedIp extends Base {
    /** All are waited for before the first error is raised, so that nothing is allocated after the call returned (defects-manager A10). */
    override async allocateFixedIps(
      context: RequestContext,
      nics: readonly Nic[],
      compensation: Compensation,
    ): Promise<void> {
      const outcomes = await Promise.allSettled(
        nics.map(async (nic) => {
          const address = await this.allocateOnHost(context, nic, await this.hostOf(context, nic.network))
          compensation.push(`deallocate ${address}`, () => this.deallocateFixedIp(context, address))
        }),
      )
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed) throw failed.reason
    }

    override async deallocateFixedIp(context: RequestContext, address: string): Promise<void> {
      const { database, rpc } = this.services
      const host = await database.read(async (store) => {
        const row = await store.fixedIps.byAddress(address)
        return (await store.networks.byId(row.network_id)).host
      })
      if (host === null || host === this.host) return super.deallocateFixedIp(context, address)
      await rpc.call({ topic: NETWORK_TOPIC, server: host }, 'deallocate_fixed_ip', message(context, { address }))
    }

    /** The host of the network; one that has none is taken by whichever network host answers. @internal */
    async hostOf(context: RequestContext, network: NetworkRow): Promise<string> {
      if (network.host !== null) return network.host
      const host = await this.services.rpc.call(
        { topic: NETWORK_TOPIC },
        'set_network_host',
        message(context, { network_id: network.id }),
      )
      if (typeof host !== 'string') throw new NetworkHostNotSet({ network: network.label })
      return host
    }

    /** @internal */
    async allocateOnHost(context: RequestContext, nic: Nic, host: string): Promise<string> {
      const request = fixedIpRequest(nic)
      if (host === this.host) return this.allocateFixedIp(context, request)
      const args = message(context, { ...request })
      return (await this.services.rpc.call(
        { topic: NETWORK_TOPIC, server: host },
        '_rpc_allocate_fixed_ip',
        args,
      )) as string
    }
  }
  return WithRpcAllocateFixedIp
}

function message(context: RequestContext, args: JsonObject): JsonObject {
  return { ...args, context: { ...context } }
}
