/**
 * Mixin: an address is taken and let go together with the host that serves its network, because that host configures
 * DHCP: the row is written where the call arrived, the host is told over the bus. Source: nova/network/manager.py
 * RPCAllocateFixedIP.
 */
import type { NetworkStore } from '../contracts/database.ts'
import type { NetworkRow } from '../model/rows.ts'
import type { ChangedOwners } from './changed-owners.ts'
import { servingHost } from './host-view.ts'
import { claimNetwork } from './network-hosts.ts'
import type { NetworkManager } from './network-manager.ts'

// biome-ignore lint/suspicious/noExplicitAny: TypeScript's rule for mixin constructors
export type AbstractConstructor<T = object> = abstract new (...args: any[]) => T

export function RPCAllocateFixedIP<B extends AbstractConstructor<NetworkManager>>(Base: B) {
  abstract class WithRpcAllocateFixedIp extends Base {
    /** Each network by itself: the host of one never stands for another's (defects-manager A9). */
    override configuringHost(network: NetworkRow, instanceHost: string | null): string | null {
      return servingHost(network, instanceHost)
    }

    override async networkWithHost(
      store: NetworkStore,
      network: NetworkRow,
      changes: ChangedOwners,
    ): Promise<NetworkRow> {
      return network.multi_host ? network : claimNetwork(this, store, network, changes)
    }
  }
  return WithRpcAllocateFixedIp
}
