/**
 * The one table from wire name to method: shape of the arguments, who may call. Names are the original's where it had
 * them. Arguments are checked here, once; what passes is of the type that the method says.
 */
import { z } from 'zod'
import { type FloatingIPOperations, hasFloatingIps, type NetworkOperations } from '../contracts/network-manager.ts'
import type { Dispatch, Json } from '../contracts/rpc.ts'
import { InvalidInput, UnknownMethod } from '../errors/input.ts'
import { AdminRequired, NotSupported } from '../errors/service.ts'
import type { RequestContext } from '../model/request-context.ts'

const text = z.string().max(1024)
const count = z.number().int()
const none = z.strictObject({})
const uuidArgument = z.strictObject({ uuid: text })
const instance = z.strictObject({ instance_uuid: text })
const addressArgument = z.strictObject({ address: text })

const contextShape = z.strictObject({
  user_id: text.nullable(),
  project_id: text.nullable(),
  is_admin: z.boolean(),
  request_id: text,
})

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

const attachVif = z.strictObject({
  instance_uuid: text,
  vif: count.min(0).optional(),
  target: z.strictObject({ kind: z.enum(['netns', 'tap']), name: text }),
})

type Exact<T> = { [K in keyof T]: Exclude<T[K], undefined> }

interface Method {
  readonly arguments: z.ZodType
  /** Operators only. */
  readonly admin: boolean
  run(manager: NetworkOperations, context: RequestContext, args: unknown): Promise<unknown>
}

function method<A extends z.ZodType>(
  args: A,
  run: (manager: NetworkOperations, context: RequestContext, args: Exact<z.output<A>>) => Promise<unknown>,
  admin = false,
): Method {
  return {
    arguments: args,
    admin,
    run: (manager, context, checked) => run(manager, context, checked as Exact<z.output<A>>),
  }
}

function floating<A extends z.ZodType>(
  args: A,
  run: (manager: FloatingIPOperations, context: RequestContext, args: Exact<z.output<A>>) => Promise<unknown>,
  admin = false,
): Method {
  return method(
    args,
    (manager, context, checked) => {
      if (!hasFloatingIps(manager)) throw new NotSupported({ what: 'floating IPs', by: 'this network manager' })
      return run(manager, context, checked)
    },
    admin,
  )
}

const OPERATOR = true

export const rpcMethods: Readonly<Record<string, Method>> = {
  create_networks: method(createNetworks, (m, c, a) => m.createNetworks(c, a), OPERATOR),
  delete_network: method(uuidArgument, (m, c, a) => m.deleteNetwork(c, a.uuid), OPERATOR),
  get_network: method(uuidArgument, (m, c, a) => m.getNetwork(c, a.uuid)),
  get_all_networks: method(none, (m, c) => m.getAllNetworks(c)),
  set_network_host: method(z.strictObject({ network_id: count }), (m, c, a) => m.setNetworkHost(c, a.network_id)),

  allocate_for_instance: method(allocateForInstance, (m, c, a) =>
    m.allocateForInstance(c, a as Parameters<typeof m.allocateForInstance>[1]),
  ),
  deallocate_for_instance: method(instance, (m, c, a) => m.deallocateForInstance(c, a.instance_uuid)),
  get_instance_nw_info: method(instance, (m, c, a) => m.getInstanceNwInfo(c, a.instance_uuid)),
  get_instance: method(instance, (m, c, a) => m.getInstance(c, a.instance_uuid)),
  list_instances: method(none, (m, c) => m.listInstances(c)),
  get_vifs_by_instance: method(instance, (m, c, a) => m.getVifsByInstance(c, a.instance_uuid)),
  attach_vif: method(attachVif, (m, c, a) => m.attachVif(c, a as Parameters<typeof m.attachVif>[1]), OPERATOR),
  detach_vifs: method(instance, (m, c, a) => m.detachVifs(c, a.instance_uuid), OPERATOR),

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

  get_dhcp_leases: method(
    z.strictObject({ network_uuid: text.optional() }),
    (m, c, a) => m.getDhcpLeases(c, a.network_uuid ?? null),
    OPERATOR,
  ),
  list_hosts: method(none, (m, c) => m.listHosts(c), OPERATOR),
  plan_host: method(none, (m, c) => m.planHost(c), OPERATOR),
  reconcile_host: method(none, (m, c) => m.reconcileHost(c), OPERATOR),

  // Between network hosts: the checks were made where the call arrived.
  _rpc_allocate_fixed_ip: method(
    z.strictObject({ instance_uuid: text, network_id: count, virtual_interface_id: count, address: text.optional() }),
    (m, c, a) => m.allocateFixedIp(c, a as Parameters<typeof m.allocateFixedIp>[1]),
  ),
  deallocate_fixed_ip: method(addressArgument, (m, c, a) => m.deallocateFixedIp(c, a.address)),
  _associate_floating_ip: floating(z.strictObject({ floating_address: text, fixed_address: text }), (m, _c, a) =>
    m.associateFloatingIpHere(a.floating_address, a.fixed_address),
  ),
  _disassociate_floating_ip: floating(addressArgument, (m, _c, a) => m.disassociateFloatingIpHere(a.address)),
  reconcile_owners: method(z.strictObject({ owners: z.array(text).max(256) }), (m, _c, a) =>
    m.reconcileOwners(a.owners),
  ),
}

/** What a manager answers on the bus. */
export function dispatcher(manager: NetworkOperations): Dispatch {
  return async (name, message) => {
    const entry = Object.hasOwn(rpcMethods, name) ? rpcMethods[name] : undefined
    if (!entry) throw new UnknownMethod({ method: name })
    const { context: rawContext, ...args } = message
    const context = check(contextShape, rawContext, `context of ${name}`)
    if (entry.admin && !context.is_admin) throw new AdminRequired({ method: name })
    return ((await entry.run(manager, context, check(entry.arguments, args, `arguments of ${name}`))) ?? null) as Json
  }
}

/** @throws {InvalidInput} naming the first thing that is wrong */
function check<A extends z.ZodType>(shape: A, value: unknown, what: string): z.output<A> {
  const result = shape.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const path = issue?.path.join('.') || what
  throw new InvalidInput({
    what: path,
    value: valueAt(value, issue?.path ?? []),
    want: issue?.message ?? 'another form',
  })
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  const found = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value)
  return found === undefined ? null : found
}
