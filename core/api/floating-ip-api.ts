/** The part of the client that is about floating IPs. */
import type { FloatingIpExpectation } from '../contracts/network-manager.ts'
import type { FloatingIpRange, FloatingIpSummary } from '../contracts/network-operations.ts'
import { ApiCaller } from './api-caller.ts'

export abstract class FloatingIpApi extends ApiCaller {
  /** Adds a range (one address, or a block without its network and broadcast address) to a pool. @returns how many */
  createFloatingIps(request: FloatingIpRange): Promise<{ readonly pool: string; readonly addresses: number }> {
    return this.call('create_floating_ips', request)
  }

  /** @throws {FloatingIpInUse} @throws {FloatingIpNotFoundForAddress} @returns how many */
  deleteFloatingIps(range: string): Promise<{ readonly addresses: number }> {
    return this.call('delete_floating_ips', { range })
  }

  /** All to operators, their own to tenants. */
  listFloatingIps(): Promise<readonly FloatingIpSummary[]> {
    return this.call('list_floating_ips')
  }

  getFloatingIpPools(): Promise<readonly { readonly name: string }[]> {
    return this.call('get_floating_ip_pools')
  }

  /** @throws {FloatingIpPoolNotFound} @throws {NoMoreFloatingIps} @returns the address */
  allocateFloatingIp(request: { readonly project_id: string; readonly pool?: string }): Promise<string> {
    return this.call('allocate_floating_ip', request)
  }

  /** @throws {FloatingIpAssociated} @throws {Forbidden} @throws {CannotDisassociateAutoAssignedFloatingIP} */
  deallocateFloatingIp(address: string, expectation?: FloatingIpExpectation): Promise<void> {
    return this.call('deallocate_floating_ip', { address, ...wireExpectation(expectation) })
  }

  /** @returns the instance that the address led to before. @throws {Forbidden} @throws {FixedIpNotFoundForAddress} */
  associateFloatingIp(
    floatingAddress: string,
    fixedAddress: string,
    expectation?: FloatingIpExpectation,
  ): Promise<string | null> {
    const addresses = { floating_address: floatingAddress, fixed_address: fixedAddress }
    return this.call('associate_floating_ip', { ...addresses, ...wireExpectation(expectation) })
  }

  /** @throws {FloatingIpNotAssociated} @throws {Forbidden} @throws {CannotDisassociateAutoAssignedFloatingIP} */
  disassociateFloatingIp(address: string, expectation?: FloatingIpExpectation): Promise<void> {
    return this.call('disassociate_floating_ip', { address, ...wireExpectation(expectation) })
  }

  /** Null where the manager has no floating IPs. @throws {FloatingIpNotFound} also for another project's */
  getFloatingIp(id: number): Promise<FloatingIpSummary | null> {
    return this.call('get_floating_ip', { id })
  }

  /** Likewise. @throws {FloatingIpNotFoundForAddress} @throws {Forbidden} */
  getFloatingIpByAddress(address: string): Promise<FloatingIpSummary | null> {
    return this.call('get_floating_ip_by_address', { address })
  }

  /** Less those that were given with an instance. @param project default: the caller's */
  getFloatingIpsByProject(project?: string): Promise<readonly FloatingIpSummary[]> {
    return this.call('get_floating_ips_by_project', project === undefined ? {} : { project_id: project })
  }

  /** @returns the addresses that lead to a fixed IP. @throws {FixedIpNotFoundForAddress} @throws {Forbidden} */
  getFloatingIpsByFixedAddress(address: string): Promise<readonly string[]> {
    return this.call('get_floating_ips_by_fixed_address', { address })
  }

  /** @returns the instance that the address leads to, null for none */
  getInstanceIdByFloatingAddress(address: string): Promise<string | null> {
    return this.call('get_instance_id_by_floating_address', { address })
  }
}

/** As the bus names it. */
function wireExpectation({ projectId, affectAutoAssigned }: FloatingIpExpectation = {}): object {
  return {
    ...(projectId === undefined ? {} : { project_id: projectId }),
    ...(affectAutoAssigned === undefined ? {} : { affect_auto_assigned: affectAutoAssigned }),
  }
}
