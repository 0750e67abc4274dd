/** Instances that live in the guests' namespaces of a cloud. */
import { randomUUID } from 'node:crypto'
import type { NetworkApi } from '../../../core/api/network-api.ts'
import { type TestCloud, until } from './test-cloud.ts'

export interface Guest {
  readonly uuid: string
  readonly mac: string
  readonly address: string
}

/** Allocates an instance, plugs it into the namespace of this name, and takes its lease. */
export async function allocateGuest(cloud: TestCloud, api: NetworkApi, name: string): Promise<Guest> {
  const guest = await plugGuest(cloud, api, name)
  const got = await cloud.lease(name)
  if (got !== guest.address) throw new Error(`${name} got ${got}, not ${guest.address}`)
  await until(async () => (await leaseOf(api, guest.address)) !== undefined, `the lease of ${name} is not known`)
  return guest
}

/**
 * The same without a lease.
 * @param network its one network; default: all of them
 */
export async function plugGuest(cloud: TestCloud, api: NetworkApi, name: string, network?: string): Promise<Guest> {
  const uuid = randomUUID()
  const requested = network === undefined ? {} : { requested_networks: [{ uuid: network }] }
  const [vif] = await api.allocateForInstance({ instance_uuid: uuid, project_id: 'demo', hostname: name, ...requested })
  const target = { kind: 'netns', name: cloud.namespaces.fullName(name) } as const
  await api.attach(cloud.host.name, { instance_uuid: uuid, target })
  return { uuid, mac: vif?.address ?? '', address: vif?.network.subnets[0]?.ips[0]?.address ?? '' }
}

export async function leaseOf(api: NetworkApi, address: string) {
  return (await api.getDhcpLeases()).find((lease) => lease.address === address)
}
