/** Whose a network is: associated with a project and taken from it, and where its VPN server is reached. */
import type { NetworkStore } from '../contracts/database.ts'
import type { ChangeVpnRequest, NetworkChanges } from '../contracts/network-operations.ts'
import { InvalidInput } from '../errors/input.ts'
import { NetworkInUse, VpnInUse } from '../errors/network.ts'
import { parseAddress, versionOf } from '../model/address.ts'
import { parseProject, parseUuid } from '../model/names.ts'
import type { RequestContext } from '../model/request-context.ts'
import type { NetworkRow } from '../model/rows.ts'
import { type ChangedOwners, changeRows, recordedChange } from './changed-owners.ts'
import { giveNetwork, settleMove } from './network-hosts.ts'
import type { NetworkManager } from './network-manager.ts'
import { networkOwner } from './owners.ts'

/** Project and host in one transaction. @throws what `associate` and `giveNetwork` do: then nothing has changed */
export async function modifyNetwork(
  manager: NetworkManager,
  context: RequestContext,
  uuid: string,
  { host, project_id }: NetworkChanges,
): Promise<void> {
  const project = project_id == null ? project_id : parseProject(project_id)
  const { result: from } = await recordedChange(manager, async (store, changes) => {
    const network = await store.networks.byUuid(uuid)
    if (project === null) await store.networks.disassociate(network.id)
    else if (project !== undefined) await store.networks.associate(project, { networkId: network.id, force: true })
    return host === undefined ? null : giveNetwork(manager, store, network, host, changes)
  })
  if (host !== undefined) await settleMove(manager, context, from, host)
}

/** From its project and its host (defects-manager C13). @throws {NetworkNotFoundForUUID} */
export function disassociateNetwork(manager: NetworkManager, context: RequestContext, uuid: string): Promise<void> {
  return changeRows(manager, context, async (store, changes) =>
    makeNobodys(manager, store, await store.networks.byUuid(uuid), changes),
  )
}

async function makeNobodys(
  manager: NetworkManager,
  store: NetworkStore,
  network: NetworkRow,
  changes: ChangedOwners,
): Promise<void> {
  await store.networks.disassociate(network.id)
  if (!network.multi_host) await giveNetwork(manager, store, network, null, changes)
}

/** @param uuid null: the first that is free. @throws {NoMoreNetworks} @throws {NetworkHasProject} @throws {NetworkNotFoundForUUID} */
export function addNetworkToProject(
  manager: NetworkManager,
  projectId: string,
  uuid: string | null,
): Promise<NetworkRow> {
  const project = parseProject(projectId)
  const wanted = uuid === null ? null : parseUuid(uuid)
  return manager.services.database.transaction(async (store) => {
    const network = wanted === null ? {} : { networkId: (await store.networks.byUuid(wanted)).id }
    return store.networks.associate(project, { ...network, force: true })
  })
}

/** All of its networks or none. Source: nova-manage project scrub. @returns them as they are now @throws {NetworkInUse} */
export async function scrubProject(
  manager: NetworkManager,
  context: RequestContext,
  projectId: string,
): Promise<readonly NetworkRow[]> {
  const project = parseProject(projectId)
  return changeRows(manager, context, async (store, changes) => {
    const own = (await store.networks.list()).filter((network) => network.project_id === project)
    const instances = await store.instances.list({ projectId: project })
    const vifs = instances.flatMap((instance) => instance.virtual_interfaces)
    for (const network of own) {
      const addresses = vifs.filter((vif) => vif.network_id === network.id).length
      if (addresses > 0) throw new NetworkInUse({ network: network.label, addresses })
      await makeNobodys(manager, store, network, changes)
    }
    return own.length === 0 ? [] : store.networks.list(own.map(({ id }) => id))
  })
}

/** @throws {InvalidInput} @throws {VpnInUse} @throws {NoMoreNetworks} it had none, and none is free */
export async function changeVpn(
  manager: NetworkManager,
  context: RequestContext,
  request: ChangeVpnRequest,
): Promise<readonly NetworkRow[]> {
  const project = parseProject(request.project_id)
  const address = request.address === null ? null : publicAddress(request.address)
  return changeRows(manager, context, async (store, changes) => {
    await store.networks.lock()
    await store.networks.associate(project)
    const all = await store.networks.list()
    const own = all.filter((network) => network.project_id === project && network.vpn_private_address !== null)
    const others = all.filter(({ id }) => !own.some((mine) => mine.id === id))
    for (const [index, network] of own.entries()) {
      const port = publicPort(request.port + index)
      refuseTaken(others, address, port)
      await store.networks.setVpn(network.id, address, port)
      for (const host of await hostsOf(store, network)) changes.add(host, networkOwner(network.id))
    }
    return store.networks.list(own.map(({ id }) => id))
  })
}

/** The hosts that are gateways of the network. */
async function hostsOf(store: NetworkStore, network: NetworkRow): Promise<readonly string[]> {
  if (!network.multi_host) return network.host === null ? [] : [network.host]
  return (await store.fixedIps.ofHosts({ networkId: network.id })).map((row) => row.host!)
}

function refuseTaken(others: readonly NetworkRow[], address: string | null, port: number): void {
  const other = others.find((row) => row.vpn_public_port === port && row.vpn_public_address === address)
  if (other) throw new VpnInUse({ address, port, network: other.label })
}

function publicAddress(text: string): string {
  const address = parseAddress(text)
  if (versionOf(address) === 4) return address
  throw new InvalidInput({ what: 'address', value: text, want: 'an IPv4 address: VPN servers are reached by NAT' })
}

function publicPort(port: number): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw new InvalidInput({ what: 'port', value: port, want: '1 to 65535' })
}
