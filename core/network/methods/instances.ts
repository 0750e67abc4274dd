/** Instances and their addresses, on the bus. */
import { z } from 'zod'
import type { NetworkOperations } from '../../contracts/network-manager.ts'
import type { IpFilter, RequestedNetwork } from '../../contracts/network-operations.ts'
import { count, instanceArgument, type Methods, method, none, OPERATOR, text } from './method.ts'

const requestedNetworks = z.array(z.strictObject({ uuid: text, address: text.optional() })).max(64)

const allocateForInstance = z.strictObject({
  instance_uuid: text,
  project_id: text,
  host: text.optional(),
  hostname: text.optional(),
  rxtx_factor: z.number().optional(),
  requested_networks: requestedNetworks.optional(),
  macs: z.array(text).max(64).optional(),
  vpn: z.boolean().optional(),
})

export const instanceMethods: Methods<NetworkOperations> = {
  allocate_for_instance: method(allocateForInstance, (m, c, a) =>
    m.allocateForInstance(c, a as Parameters<typeof m.allocateForInstance>[1]),
  ),
  deallocate_for_instance: method(
    z.strictObject({ instance_uuid: text, fixed_ips: z.array(text).max(256).optional() }),
    (m, c, a) => m.deallocateForInstance(c, a.instance_uuid, a.fixed_ips),
  ),
  get_instance_nw_info: method(instanceArgument, (m, c, a) => m.getInstanceNwInfo(c, a.instance_uuid)),
  get_instance: method(instanceArgument, (m, c, a) => m.getInstance(c, a.instance_uuid)),
  list_instances: method(none, (m, c) => m.listInstances(c)),
  get_vifs_by_instance: method(instanceArgument, (m, c, a) => m.getVifsByInstance(c, a.instance_uuid)),
  get_vif_by_mac_address: method(z.strictObject({ mac_address: text }), (m, c, a) =>
    m.getVifByMacAddress(c, a.mac_address),
  ),
  get_fixed_ip: method(z.strictObject({ id: count.min(1) }), (m, c, a) => m.getFixedIp(c, a.id)),
  get_instance_uuids_by_ip_filter: method(
    z.strictObject({ filters: z.strictObject({ ip: text, ip6: text, fixed_ip: text, name: text }).partial() }),
    (m, c, a) => m.getInstanceUuidsByIpFilter(c, a.filters as IpFilter),
  ),
  validate_networks: method(z.strictObject({ networks: requestedNetworks }), (m, c, a) =>
    m.validateNetworks(c, a.networks as readonly RequestedNetwork[]),
  ),
  add_fixed_ip_to_instance: method(z.strictObject({ instance_uuid: text, network_uuid: text }), (m, c, a) =>
    m.addFixedIpToInstance(c, a.instance_uuid, a.network_uuid),
  ),
  remove_fixed_ip_from_instance: method(z.strictObject({ instance_uuid: text, address: text }), (m, c, a) =>
    m.removeFixedIpFromInstance(c, a.instance_uuid, a.address),
  ),
  setup_networks_on_host: method(
    z.strictObject({ instance_uuid: text, host: text, teardown: z.boolean().optional() }),
    (m, c, a) => m.setupNetworksOnHost(c, a.instance_uuid, a.host, a.teardown),
    OPERATOR,
  ),
}
