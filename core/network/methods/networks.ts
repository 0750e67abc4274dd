/** Networks, on the bus. */
import { z } from 'zod'
import type { NetworkOperations } from '../../contracts/network-manager.ts'
import { count, type Methods, method, none, OPERATOR, text, uuidArgument } from './method.ts'

const createNetworks = z
  .strictObject({
    label: text,
    cidr: text,
    cidr_v6: text,
    num_networks: count,
    network_size: count,
    multi_host: z.boolean(),
    gateway: text,
    gateway_v6: text,
    bridge: text,
    bridge_interface: text,
    dns1: text,
    dns2: text,
    fixed_cidr: text,
    allowed_start: text,
    allowed_end: text,
    vlan: count,
    vlan_start: count,
    vpn_start: count,
    project_id: text,
    uuid: text,
    mtu: count,
    dhcp_server: text,
  })
  .partial()

export const networkMethods: Methods<NetworkOperations> = {
  create_networks: method(createNetworks, (m, c, a) => m.createNetworks(c, a), OPERATOR),
  delete_network: method(uuidArgument, (m, c, a) => m.deleteNetwork(c, a.uuid), OPERATOR),
  get_network: method(uuidArgument, (m, c, a) => m.getNetwork(c, a.uuid)),
  get_all_networks: method(none, (m, c) => m.getAllNetworks(c)),
  modify_network: method(
    z.strictObject({ uuid: text, host: text.nullable().optional(), project_id: text.nullable().optional() }),
    (m, c, { uuid, ...changes }) => m.modifyNetwork(c, uuid, changes as Parameters<typeof m.modifyNetwork>[2]),
    OPERATOR,
  ),
  disassociate_network: method(uuidArgument, (m, c, a) => m.disassociateNetwork(c, a.uuid), OPERATOR),
  add_network_to_project: method(
    z.strictObject({ project_id: text, network_uuid: text.nullable() }),
    (m, c, a) => m.addNetworkToProject(c, a.project_id, a.network_uuid),
    OPERATOR,
  ),
  scrub_project: method(z.strictObject({ project_id: text }), (m, c, a) => m.scrubProject(c, a.project_id), OPERATOR),
  change_vpn: method(
    z.strictObject({ project_id: text, address: text.nullable(), port: count }),
    (m, c, a) => m.changeVpn(c, a),
    OPERATOR,
  ),
  set_network_host: method(
    z.strictObject({ network_id: count }),
    (m, c, a) => m.setNetworkHost(c, a.network_id),
    OPERATOR,
  ),
  get_dhcp_leases: method(
    z.strictObject({ network_uuid: text.optional() }),
    (m, c, a) => m.getDhcpLeases(c, a.network_uuid ?? null),
    OPERATOR,
  ),
}
