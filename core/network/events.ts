/** What happened, for who asks: operators all of it, tenants what is of their project. */
import type { EventsRequest } from '../contracts/network-operations.ts'
import { Forbidden } from '../errors/service.ts'
import { parseAddress } from '../model/address.ts'
import { type AddressKind, type AddressSpan, addressHistory } from '../model/address-history.ts'
import { type EventFilter, type NetworkEvent, parseEventTypes, parseSince } from '../model/events.ts'
import type { FeedPage } from '../model/feed.ts'
import { parseProject, parseUuid } from '../model/names.ts'
import { mayActFor, type RequestContext } from '../model/request-context.ts'
import { feedPage } from './feed-page.ts'
import type { ManagerServices } from './manager-services.ts'

const EVENTS_AT_ONCE = 512

/** @throws {InvalidInput} and its kind, {Forbidden} for another project's */
export async function listEvents(
  { database, clock }: ManagerServices,
  context: RequestContext,
  request: EventsRequest,
): Promise<FeedPage<NetworkEvent>> {
  const { position } = request
  const filter = filterOf(context, request, clock.nowMs())
  const page = await database.read((store) =>
    feedPage(store.events, clock.nowMs(), position, EVENTS_AT_ONCE, (after) =>
      store.events.after(after, EVENTS_AT_ONCE, filter),
    ),
  )
  // Who asks for the oldest that there are has missed nothing.
  return position === 0 ? { ...page, forgotten: false } : page
}

function filterOf(context: RequestContext, request: EventsRequest, nowMs: number): EventFilter {
  const { type, project_id, instance_uuid, address, since } = request
  const asked = project_id === undefined ? null : parseProject(project_id)
  const project = asked ?? (context.is_admin ? null : context.project_id)
  if (!context.is_admin && !mayActFor(context, project)) {
    throw new Forbidden({ what: `project ${project}`, project_id: context.project_id })
  }
  return {
    ...(type !== undefined && { types: parseEventTypes(type) }),
    ...(project !== null && { projectId: project }),
    ...(instance_uuid !== undefined && { instanceUuid: parseUuid(instance_uuid) }),
    ...(address !== undefined && { address: parseAddress(address) }),
    ...(since !== undefined && { since: parseSince(since, nowMs) }),
  }
}

/** @throws {InvalidAddress} */
export async function getAddressHistory(
  { database }: ManagerServices,
  context: RequestContext,
  kind: AddressKind,
  text: string,
): Promise<readonly AddressSpan[]> {
  const address = parseAddress(text)
  const spans = addressHistory(kind, await database.read((store) => store.events.ofAddress(address)))
  return spans.filter((span) => mayActFor(context, span.project_id))
}
