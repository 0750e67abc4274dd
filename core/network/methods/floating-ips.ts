/** Floating IPs, on the bus. */
import { z } from 'zod'
import {
  type FloatingIPOperations,
  type FloatingIPReads,
  type FloatingIpExpectation,
  hasFloatingIpReads,
  hasFloatingIps,
  type NetworkOperations,
} from '../../contracts/network-manager.ts'
import type { MigrationRequest } from '../../contracts/network-operations.ts'
import { NotSupported } from '../../errors/service.ts'
import type { RequestContext } from '../../model/request-context.ts'
import {
  addressArgument,
  count,
  type Exact,
  type Method,
  type Methods,
  method,
  none,
  OPERATOR,
  text,
} from './method.ts'

const NO_FLOATING_IPS = { what: 'floating IPs', by: 'this network manager' }

/** What a caller may say of the floating IP that it means. */
const expectation = { project_id: text.optional(), affect_auto_assigned: z.boolean().optional() }

const migration = z.strictObject({ instance_uuid: text, source: text.optional(), dest: text })

export const floatingMethods: Methods<NetworkOperations> = {
  create_floating_ips: floating(
    z.strictObject({ range: text, pool: text, interface: text }).partial(),
    (m, c, a) => m.createFloatingIps(c, a),
    OPERATOR,
  ),
  delete_floating_ips: floating(
    z.strictObject({ range: text }),
    (m, c, a) => m.deleteFloatingIps(c, a.range),
    OPERATOR,
  ),
  list_floating_ips: floating(none, (m, c) => m.listFloatingIps(c)),
  allocate_floating_ip: floating(z.strictObject({ project_id: text, pool: text.optional() }), (m, c, a) =>
    m.allocateFloatingIp(c, a as { project_id: string }),
  ),
  deallocate_floating_ip: floating(z.strictObject({ address: text, ...expectation }), (m, c, a) =>
    m.deallocateFloatingIp(c, a.address, expected(a)),
  ),
  associate_floating_ip: floating(
    z.strictObject({ floating_address: text, fixed_address: text, ...expectation }),
    (m, c, a) => m.associateFloatingIp(c, a.floating_address, a.fixed_address, expected(a)),
  ),
  disassociate_floating_ip: floating(z.strictObject({ address: text, ...expectation }), (m, c, a) =>
    m.disassociateFloatingIp(c, a.address, expected(a)),
  ),
  migrate_instance_start: floating(migration, (m, c, a) => m.migrateInstanceStart(c, a as MigrationRequest), OPERATOR),
  migrate_instance_finish: floating(
    migration,
    (m, c, a) => m.migrateInstanceFinish(c, a as MigrationRequest),
    OPERATOR,
  ),

  get_floating_ip: reading(z.strictObject({ id: count.min(1) }), (m, c, a) => m.getFloatingIp(c, a.id)),
  get_floating_ip_by_address: reading(addressArgument, (m, c, a) => m.getFloatingIpByAddress(c, a.address)),
  get_floating_ips_by_project: reading(z.strictObject({ project_id: text.optional() }), (m, c, a) =>
    m.getFloatingIpsByProject(c, a.project_id),
  ),
  get_floating_ips_by_fixed_address: reading(addressArgument, (m, c, a) =>
    m.getFloatingIpsByFixedAddress(c, a.address),
  ),
  get_floating_ip_pools: reading(none, (m, c) => m.getFloatingIpPools(c)),
  // Its name before 2012.2.
  get_floating_pools: reading(none, (m, c) => m.getFloatingIpPools(c)),
  get_instance_id_by_floating_address: reading(addressArgument, (m, c, a) =>
    m.getInstanceIdByFloatingAddress(c, a.address),
  ),
}

function expected(args: {
  project_id?: string | undefined
  affect_auto_assigned?: boolean | undefined
}): FloatingIpExpectation {
  return { projectId: args.project_id, affectAutoAssigned: args.affect_auto_assigned }
}

/** A question to a manager that can be asked about floating IPs. */
function reading<A extends z.ZodType>(
  args: A,
  run: (manager: FloatingIPReads, context: RequestContext, args: Exact<z.output<A>>) => Promise<unknown>,
): Method<NetworkOperations> {
  return method(args, (manager: NetworkOperations, context, checked) => {
    if (!hasFloatingIpReads(manager)) throw new NotSupported(NO_FLOATING_IPS)
    return run(manager, context, checked)
  })
}

function floating<A extends z.ZodType>(
  args: A,
  run: (manager: FloatingIPOperations, context: RequestContext, args: Exact<z.output<A>>) => Promise<unknown>,
  admin = false,
): Method<NetworkOperations> {
  return method(
    args,
    (manager: NetworkOperations, context, checked) => {
      if (!hasFloatingIps(manager)) throw new NotSupported(NO_FLOATING_IPS)
      return run(manager, context, checked)
    },
    admin,
  )
}
