/** Instances by their addresses. Source: nova get_instance_uuids_by_ip_filter. */
import type { InstanceAddress, IpFilter } from '../contracts/network-operations.ts'
import { InvalidInput } from '../errors/input.ts'
import { parseAddress, versionOf } from '../model/address.ts'
import { fixedIpsOf } from '../model/network-info.ts'
import { mayActFor, type RequestContext } from '../model/request-context.ts'
import type { NetworkManager } from './network-manager.ts'

const LONGEST_PATTERN = 256

/** Whether a text matches from its beginning on. */
type Matches = (text: string) => boolean

/**
 * One for each address that `fixed_ip` is, or that `ip` (IPv4, fixed or floating) or `ip6` matches; all of an instance
 * when none of them is given. `name` leaves out instances whose hostname does not match. Two statements at most, one for
 * an exact address alone (defects-manager G3). @throws {InvalidInput} no filter, or no regular expression of RE2's kind
 */
export async function getInstanceUuidsByIpFilter(
  manager: NetworkManager,
  context: RequestContext,
  filter: IpFilter,
): Promise<readonly InstanceAddress[]> {
  const { ip, ip6, fixed_ip, name } = filter
  if ([ip, ip6, fixed_ip, name].every((part) => part === undefined)) {
    throw new InvalidInput({ what: 'filters', value: filter, want: 'at least one of ip, ip6, fixed_ip and name' })
  }
  const named = await matcher('name', name)
  const exact = fixed_ip === undefined ? undefined : parseAddress(fixed_ip)
  if (exact !== undefined && ip === undefined && ip6 === undefined) return holderOf(manager, context, exact, named)
  const v4 = await matcher('ip', ip)
  const v6 = await matcher('ip6', ip6)
  const all = ip === undefined && ip6 === undefined
  const isWanted = (address: string, isFixed: boolean) =>
    all ||
    (isFixed && address === exact) ||
    (versionOf(address) === 4 ? ip !== undefined && v4(address) : ip6 !== undefined && v6(address))
  return (await addressesOf(manager, context, named))
    .filter(({ address, isFixed }) => isWanted(address, isFixed))
    .map(({ instance_uuid, address }) => ({ instance_uuid, ip: address }))
}

async function holderOf(
  { services: { database } }: NetworkManager,
  context: RequestContext,
  address: string,
  named: Matches,
): Promise<readonly InstanceAddress[]> {
  const rows = await database.read((store) => store.fixedIps.list({ addresses: [address], allocated: true }))
  return rows
    .filter(({ project_id, hostname }) => mayActFor(context, project_id) && named(hostname ?? ''))
    .flatMap(({ instance_uuid }) => (instance_uuid === null ? [] : [{ instance_uuid, ip: address }]))
}

/** Every address of the instances that the caller may see, as callers are told them. */
async function addressesOf(manager: NetworkManager, context: RequestContext, named: Matches) {
  const filter = context.is_admin || context.project_id === null ? {} : { projectId: context.project_id }
  const { instances, networks } = await manager.services.database.read(async (store) => ({
    instances: await store.instances.list(filter),
    networks: await store.networks.list(),
  }))
  return instances
    .filter(({ hostname }) => named(hostname))
    .flatMap((instance) =>
      fixedIpsOf(manager.buildNetworkInfoModel(instance, networks, []))
        .flatMap((fixed) => [fixed, ...fixed.floating_ips])
        .flatMap(({ address, type }) =>
          address === null ? [] : [{ instance_uuid: instance.uuid, address, isFixed: type === 'fixed' }],
        ),
    )
}

/** RE2 takes time that grows with the text only, whatever a caller thinks up; JavaScript's own expressions do not. */
async function matcher(what: string, pattern: string | undefined): Promise<Matches> {
  if (pattern === undefined) return () => true
  const refused = (want: string) => new InvalidInput({ what, value: pattern, want })
  if (pattern.length > LONGEST_PATTERN) throw refused(`at most ${LONGEST_PATTERN} characters`)
  const { RE2JS } = await import('re2js')
  try {
    const compiled = RE2JS.compile(pattern)
    return (text) => compiled.matcher(text).lookingAt()
  } catch (error) {
    throw refused(`a regular expression without look-around and references (${(error as Error).message})`)
  }
}
