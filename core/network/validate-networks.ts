/** Whether an allocation of these networks could be done now; nothing is taken. Source: nova validate_networks. */
import type { NetworkStore } from '../contracts/database.ts'
import type { RequestedNetwork } from '../contracts/network-operations.ts'
import { FixedIpAlreadyInUse, FixedIpInvalid, FixedIpNotFoundForNetwork, FixedIpReserved } from '../errors/address.ts'
import { NetworkHostNotSet, NetworkNotFoundForProject } from '../errors/network.ts'
import { isAddress, parseAddress } from '../model/address.ts'
import { parseUuid } from '../model/names.ts'
import { mayActFor, type RequestContext } from '../model/request-context.ts'
import type { NetworkRow } from '../model/rows.ts'
import { hostFor } from './network-hosts.ts'
import type { NetworkManager } from './network-manager.ts'

/**
 * @throws {NetworkNotFoundForUUID} @throws {NetworkNotFoundForProject} @throws {NetworkHostNotSet} no host has it, and
 *   none that is up would take it @throws {FixedIpInvalid} @throws {FixedIpNotFoundForAddress}
 * @throws {FixedIpNotFoundForNetwork} @throws {FixedIpReserved} @throws {FixedIpAlreadyInUse}
 */
export async function validateNetworks(
  manager: NetworkManager,
  context: RequestContext,
  requested: readonly RequestedNetwork[],
): Promise<void> {
  if (requested.length === 0) return
  const uuids = requested.map(({ uuid }) => parseUuid(uuid))
  for (const { address } of requested) {
    if (address !== undefined && !isAddress(address)) throw new FixedIpInvalid({ address })
  }
  await manager.services.database.read(async (store) => {
    const networks = await store.networks.byUuids(uuids)
    for (const { uuid, project_id } of networks) {
      if (project_id === null || mayActFor(context, project_id)) continue
      throw new NetworkNotFoundForProject({ uuid, project: context.project_id ?? '' })
    }
    await checkHosts(manager, store, networks)
    for (const [index, { address }] of requested.entries()) {
      if (address !== undefined) await checkAddress(store, networks[index]!, parseAddress(address))
    }
  })
}

async function checkHosts(
  manager: NetworkManager,
  store: NetworkStore,
  networks: readonly NetworkRow[],
): Promise<void> {
  const { managesHost } = manager.topology
  const without = networks.find(({ host, multi_host }) => managesHost && host === null && !multi_host)
  if (without === undefined || (await hostFor(manager, store)) !== null) return
  throw new NetworkHostNotSet({ network: without.label })
}

async function checkAddress(store: NetworkStore, network: NetworkRow, address: string): Promise<void> {
  const row = await store.fixedIps.byAddress(address)
  if (row.network_id !== network.id) throw new FixedIpNotFoundForNetwork({ address, network: network.label })
  if (row.reserved) throw new FixedIpReserved({ address })
  if (row.instance_uuid === null && !row.leased && row.host === null) return
  throw new FixedIpAlreadyInUse({ address, instance_uuid: row.instance_uuid })
}
