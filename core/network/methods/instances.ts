/** Instances and their addresses, on the bus. */
import { z } from 'zod'
import type { NetworkOperations } from '../../contracts/network-manager.ts'
import { instanceArgument, type Methods, method, none, text } from './method.ts'

const allocateForInstance = z.strictObject({
  instance_uuid: text,
  project_id: text,
  host: text.optional(),
  hostname: text.optional(),
  rxtx_factor: z.number().optional(),
  requested_networks: z
    .array(z.strictObject({ uuid: text, address: text.optional() }))
    .max(64)
    .optional(),
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
}
