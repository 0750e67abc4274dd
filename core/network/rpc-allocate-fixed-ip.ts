/**
 * Mixin: an address is taken and let go together with the host that serves its network, because that host configures
 * DHCP: the row is written where the call arrived, the host is told over the bus. Source: nova/network/manager.py
 * RPCAllocateFixedIP.
 */
import type { RequestContext } from '../model/request-context.ts'
import type { NetworkRow } from '../model/rows.ts'
import type { Compensation } from './compensation.ts'
import { allocateFixedIp } from './fixed-ips.ts'
import { servingHost } from './host-view.ts'
import type { NetworkManager } from './network-manager.ts'
import { fixedIpRequest, type Nic } from './nics.ts'

// biome-ignore lint/suspicious/noExplicitAny: TypeScript's rule for mixin constructors
export type AbstractConstructor<T = object> = abstract new (...args: any[]) => T

export function RPCAllocateFixedIP<B extends AbstractConstructor<NetworkManager>>(Base: B) {
  abstract class WithRpcAllocateFixedIp extends Base {
    override configuringHost(network: NetworkRow, instanceHost: string | null): string | null {
      return servingHost(network, instanceHost)
    }

    /** All are waited for before the first error is raised, so that nothing is allocated after the call returned (defects-manager A10). */
    override async allocateFixedIps(
      context: RequestContext,
      nics: readonly Nic[],
      compensation: Compensation,
    ): Promise<void> {
      const outcomes = await Promise.allSettled(
        nics.map(async (nic) => {
          // Each network by itself: the host of one never stands for another's (defects-manager A9).
          const { id, host, multi_host } = nic.network
          if (host === null && !multi_host) await this.setNetworkHost(context, id)
          await allocateFixedIp(this, context, fixedIpRequest(nic), compensation)
        }),
      )
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed) throw failed.reason
    }
  }
  return WithRpcAllocateFixedIp
}
