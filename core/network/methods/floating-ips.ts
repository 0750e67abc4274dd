/** Floating IPs, on the bus. */
import { z } from 'zod'
import { type FloatingIPOperations, hasFloatingIps, type NetworkOperations } from '../../contracts/network-manager.ts'
import { NotSupported } from '../../errors/service.ts'
import type { RequestContext } from '../../model/request-context.ts'
import { addressArgument, type Exact, type Method, type Methods, method, none, OPERATOR, text } from './method.ts'

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
  get_floating_ip_pools: floating(none, (m, c) => m.getFloatingIpPools(c)),
  allocate_floating_ip: floating(z.strictObject({ project_id: text, pool: text.optional() }), (m, c, a) =>
    m.allocateFloatingIp(c, a as { project_id: string }),
  ),
  deallocate_floating_ip: floating(addressArgument, (m, c, a) => m.deallocateFloatingIp(c, a.address)),
  associate_floating_ip: floating(z.strictObject({ floating_address: text, fixed_address: text }), (m, c, a) =>
    m.associateFloatingIp(c, a.floating_address, a.fixed_address),
  ),
  disassociate_floating_ip: floating(addressArgument, (m, c, a) => m.disassociateFloatingIp(c, a.address)),
}

function floating<A extends z.ZodType>(
  args: A,
  run: (manager: FloatingIPOperations, context: RequestContext, args: Exact<z.output<A>>) => Promise<unknown>,
  admin = false,
): Method<NetworkOperations> {
  return method(
    args,
    (manager: NetworkOperations, context, checked) => {
      if (!hasFloatingIps(manager)) throw new NotSupported({ what: 'floating IPs', by: 'this network manager' })
      return run(manager, context, checked)
    },
    admin,
  )
}
