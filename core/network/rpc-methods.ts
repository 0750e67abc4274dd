/**
 * The one table from wire name to method: shape of the arguments, who may call. Names are the original's where it had
 * them. Arguments are checked here, once; what passes is of the type that the method says.
 */
import { z } from 'zod'
import {
  type FloatingIPOperations,
  type HostOperations,
  hasFloatingIps,
  type NetworkOperations,
} from '../contracts/network-manager.ts'
import type { AttachRequest } from '../contracts/network-operations.ts'
import type { Dispatch, Json } from '../contracts/rpc.ts'
import { InvalidInput, UnknownMethod } from '../errors/input.ts'
import { AdminRequired, NotSupported } from '../errors/service.ts'
import type { RequestContext } from '../model/request-context.ts'
import { runInRequest } from '../model/request-scope.ts'
import { ownersPage } from './remote-facts.ts'

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

const serviceRow = z.strictObject({
  version: text,
  nodes: text,
  started_at: text,
  busy_since: text.nullable(),
})

const OPERATOR = true

type Exact<T> = { [K in keyof T]: Exclude<T[K], undefined> }

interface Method<T> {
  readonly arguments: z.ZodType
  /** Operators only. */
  readonly admin: boolean
  run(target: T, context: RequestContext, args: unknown): Promise<unknown>
}

type Methods<T> = Readonly<Record<string, Method<T>>>

function method<A extends z.ZodType, T = NetworkOperations>(
  args: A,
  run: (target: T, context: RequestContext, args: Exact<z.output<A>>) => Promise<unknown>,
  admin = false,
): Method<T> {
  return {
    arguments: args,
    admin,
    run: (target, context, checked) => run(target, context, checked as Exact<z.output<A>>),
  }
}

/** A method of every service that works on a host, also of one without a store. */
function onHost<A extends z.ZodType>(
  args: A,
  run: (host: HostOperations, context: RequestContext, args: Exact<z.output<A>>) => Promise<unknown>,
): Method<HostOperations> {
  return method<A, HostOperations>(args, run, OPERATOR)
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

/** A method by which a service without a store gets and tells its facts. */
function ofHost<S extends z.ZodRawShape>(
  shape: S,
  run: (manager: NetworkOperations, args: Exact<z.output<z.ZodObject<S>>> & { host: string }) => Promise<unknown>,
): Method<NetworkOperations> {
  const args = z.strictObject({ ...shape, host: text })
  return method(args, (manager, _context, checked) => run(manager, checked as never), OPERATOR)
}

export const hostMethods: Methods<HostOperations> = {
  attach_vif: onHost(attachVif, (h, c, a) => h.attachVif(c, a as Parameters<typeof h.attachVif>[1])),
  detach_vifs: onHost(instance, (h, c, a) => h.detachVifs(c, a.instance_uuid)),
  plan_host: onHost(none, (h) => h.planHost()),
  reconcile_host: onHost(none, (h) => h.reconcileHost()),
  // Between services: the checks were made where the call arrived, whoever made it.
  reconcile_owners: method(z.strictObject({ owners: z.array(text).max(256) }), (h: HostOperations, _c, a) =>
    h.reconcileOwners(a.owners),
  ),
}

export const rpcMethods: Methods<NetworkOperations> = {
  ...hostMethods,
  create_networks: method(createNetworks, (m, c, a) => m.createNetworks(c, a), OPERATOR),
  delete_network: method(uuidArgument, (m, c, a) => m.deleteNetwork(c, a.uuid), OPERATOR),
  get_network: method(uuidArgument, (m, c, a) => m.getNetwork(c, a.uuid)),
  get_all_networks: method(none, (m, c) => m.getAllNetworks(c)),
  modify_network: method(
    z.strictObject({ uuid: text, host: text.nullable() }),
    (m, c, { uuid, ...changes }) => m.modifyNetwork(c, uuid, changes),
    OPERATOR,
  ),
  set_network_host: method(
    z.strictObject({ network_id: count }),
    (m, c, a) => m.setNetworkHost(c, a.network_id),
    OPERATOR,
  ),

  allocate_for_instance: method(allocateForInstance, (m, c, a) =>
    m.allocateForInstance(c, a as Parameters<typeof m.allocateForInstance>[1]),
  ),
  deallocate_for_instance: method(instance, (m, c, a) => m.deallocateForInstance(c, a.instance_uuid)),
  get_instance_nw_info: method(instance, (m, c, a) => m.getInstanceNwInfo(c, a.instance_uuid)),
  get_instance: method(instance, (m, c, a) => m.getInstance(c, a.instance_uuid)),
  list_instances: method(none, (m, c) => m.listInstances(c)),
  get_vifs_by_instance: method(instance, (m, c, a) => m.getVifsByInstance(c, a.instance_uuid)),

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

  // The facts of a host that has no store of its own.
  host_owners: ofHost({ after: text.nullable() }, (m, a) => ownersPage(m.factsOf(a.host), a.after)),
  host_view: ofHost({ owners: z.array(text).max(256) }, (m, a) => m.factsOf(a.host).view(a.owners)),
  host_changes: ofHost({ position: count.nullable() }, (m, a) => m.factsOf(a.host).changesAfter(a.position)),
  host_lease: ofHost({ address: text, mac: text }, (m, a) => m.factsOf(a.host).recordLease(a.address, a.mac)),
  host_release: ofHost({ address: text, mac: text }, (m, a) => m.factsOf(a.host).recordRelease(a.address, a.mac)),
  host_plug: ofHost({ request: attachVif }, (m, a) => m.factsOf(a.host).plug(a.request as AttachRequest)),
  host_unplug: ofHost({ vif_id: count }, (m, a) => m.factsOf(a.host).unplug(a.vif_id)),
  host_unplug_instance: ofHost({ instance_uuid: text }, (m, a) => m.factsOf(a.host).unplugInstance(a.instance_uuid)),
  host_report: ofHost({ row: serviceRow }, (m, a) => m.factsOf(a.host).report({ ...a.row, host: a.host })),
}

/** What a service answers on the bus: a manager all, a host without a store what concerns the host. */
export function dispatcher<T extends HostOperations>(methods: Methods<T>, target: T): Dispatch {
  return async (name, message) => {
    const entry = Object.hasOwn(methods, name) ? methods[name] : undefined
    if (!entry) throw new UnknownMethod({ method: name })
    const { context: rawContext, ...args } = message
    const context = check(contextShape, rawContext, `context of ${name}`)
    if (entry.admin && !context.is_admin) throw new AdminRequired({ method: name })
    const checked = check(entry.arguments, args, `arguments of ${name}`)
    return ((await runInRequest(context.request_id, () => entry.run(target, context, checked))) ?? null) as Json
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
