/** Fixed IPs and the pools that they are of, on the bus. */
import { z } from 'zod'
import type { NetworkOperations } from '../../contracts/network-manager.ts'
import { addressArgument, type Methods, method, OPERATOR, text } from './method.ts'

const rangeArgument = z.strictObject({ range: text })

export const fixedIpMethods: Methods<NetworkOperations> = {
  get_fixed_ip_by_address: method(addressArgument, (m, c, a) => m.getFixedIpByAddress(c, a.address)),
  list_fixed_ips: method(
    z.strictObject({ network_uuid: text, host: text }).partial(),
    (m, c, a) => m.listFixedIps(c, a),
    OPERATOR,
  ),
  list_free_fixed_ips: method(
    z.strictObject({ network_uuid: text.optional() }),
    (m, c, a) => m.listFreeFixedIps(c, a.network_uuid ?? null),
    OPERATOR,
  ),
  reserve_fixed_ips: method(rangeArgument, (m, c, a) => m.reserveFixedIps(c, a.range), OPERATOR),
  unreserve_fixed_ips: method(rangeArgument, (m, c, a) => m.unreserveFixedIps(c, a.range), OPERATOR),
}
