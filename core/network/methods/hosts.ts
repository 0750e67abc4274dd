/** Hosts, on the bus: what each does for itself, and the facts of those without a store. */
import { z } from 'zod'
import type { HostOperations, NetworkOperations } from '../../contracts/network-manager.ts'
import type { AttachRequest } from '../../contracts/network-operations.ts'
import type { RequestContext } from '../../model/request-context.ts'
import { ownersPage } from '../remote-facts.ts'
import {
  count,
  type Exact,
  instanceArgument,
  type Method,
  type Methods,
  method,
  none,
  OPERATOR,
  text,
} from './method.ts'

const attachVif = z.strictObject({
  instance_uuid: text,
  vif: count.min(0).optional(),
  target: z.strictObject({ kind: z.enum(['netns', 'tap']), name: text }),
})

const leaseEvent = z.strictObject({ address: text, mac: text })

const serviceRow = z.strictObject({
  version: text,
  nodes: text,
  started_at: text,
  busy_since: text.nullable(),
})

/** Of every service that works on a host, also of one without a store. */
export const hostMethods: Methods<HostOperations> = {
  attach_vif: onHost(attachVif, (h, c, a) => h.attachVif(c, a as Parameters<typeof h.attachVif>[1])),
  detach_vifs: onHost(instanceArgument, (h, c, a) => h.detachVifs(c, a.instance_uuid)),
  plan_host: onHost(none, (h) => h.planHost()),
  reconcile_host: onHost(none, (h) => h.reconcileHost()),
  lease_fixed_ip: onHost(leaseEvent, (h, _c, a) => h.leaseFixedIp(a.address, a.mac)),
  release_fixed_ip: onHost(leaseEvent, (h, _c, a) => h.releaseFixedIp(a.address, a.mac)),
  // Between services: the checks were made where the call arrived, whoever made it.
  reconcile_owners: method(z.strictObject({ owners: z.array(text).max(256) }), (h: HostOperations, _c, a) =>
    h.reconcileOwners(a.owners),
  ),
}

/** What a service with a store knows of hosts. */
export const hostFactsMethods: Methods<NetworkOperations> = {
  list_hosts: method(none, (m, c) => m.listHosts(c), OPERATOR),

  host_owners: ofHost({ after: text.nullable() }, (m, a) => ownersPage(m.factsOf(a.host), a.after)),
  host_view: ofHost({ owners: z.array(text).max(256) }, (m, a) => m.factsOf(a.host).view(a.owners)),
  host_changes: ofHost({ position: count.nullable() }, (m, a) => m.factsOf(a.host).changesAfter(a.position)),
  host_lease: ofHost({ address: text, mac: text }, (m, a) => m.factsOf(a.host).recordLease(a.address, a.mac)),
  host_release: ofHost({ address: text, mac: text }, (m, a) => m.factsOf(a.host).recordRelease(a.address, a.mac)),
  host_plug: ofHost({ request: attachVif }, (m, a) => m.factsOf(a.host).plug(a.request as AttachRequest)),
  host_unplug: ofHost({ vif_id: count }, (m, a) => m.factsOf(a.host).unplug(a.vif_id)),
  host_unplug_instance: ofHost({ instance_uuid: text }, (m, a) => m.factsOf(a.host).unplugInstance(a.instance_uuid)),
  host_missing: ofHost({ vif_ids: z.array(count).max(65_536) }, (m, a) => m.factsOf(a.host).reportMissing(a.vif_ids)),
  host_report: ofHost({ row: serviceRow }, (m, a) => m.factsOf(a.host).report({ ...a.row, host: a.host })),
}

/** A method of every service that works on a host, also of one without a store. */
function onHost<A extends z.ZodType>(
  args: A,
  run: (host: HostOperations, context: RequestContext, args: Exact<z.output<A>>) => Promise<unknown>,
): Method<HostOperations> {
  return method<A, HostOperations>(args, run, OPERATOR)
}

/** A method by which a service without a store gets and tells its facts. */
function ofHost<S extends z.ZodRawShape>(
  shape: S,
  run: (manager: NetworkOperations, args: Exact<z.output<z.ZodObject<S>>> & { host: string }) => Promise<unknown>,
): Method<NetworkOperations> {
  const args = z.strictObject({ ...shape, host: text })
  return method(args, (manager, _context, checked) => run(manager, checked as never), OPERATOR)
}
