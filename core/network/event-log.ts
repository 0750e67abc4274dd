/**
 * What happened: written in the transaction of the change, told when it is committed. The table is the record, from
 * which nothing is missing; the message and the log line after it are for who wants to know at once.
 */
import type { DatabaseDriver, NetworkStore } from '../contracts/database.ts'
import type { Logger } from '../contracts/ports.ts'
import type { JsonObject, RpcDriver } from '../contracts/rpc.ts'
import { type EventDraft, eventOf, type NewEvent } from '../model/events.ts'
import { currentRequestId, currentUserId } from '../model/request-scope.ts'

/** Where events are told: whoever serves this topic gets a fan-out cast `events` with `{events}` for each change. */
export const NOTIFICATIONS_TOPIC = 'notifications'

export interface EventServices {
  readonly database: DatabaseDriver
  readonly rpc: RpcDriver
  readonly logger: Logger
}

/** Says what the transaction has changed. To be called after the row is changed, and only if it was. */
export type Emit = (draft: EventDraft) => void

/** A transaction with the events that it made: all of it, or nothing. Throws as `transaction` does. */
export async function recorded<T>(
  services: EventServices,
  work: (store: NetworkStore, emit: Emit) => Promise<T>,
): Promise<T> {
  const by = { request_id: currentRequestId() ?? null, user_id: currentUserId() ?? null }
  let events: NewEvent[] = []
  const result = await services.database.transaction(async (store) => {
    // The work may be done again: what an earlier attempt said has not happened.
    events = []
    const outcome = await work(store, (draft) => events.push(eventOf(draft, by)))
    if (events.length > 0) await store.events.append(events)
    return outcome
  })
  if (events.length > 0) tell(services, events)
  return result
}

/** Nobody waits for it: a bus that is away, or has no listener, must not hinder the operation. */
function tell({ rpc, logger }: EventServices, events: readonly NewEvent[]): void {
  for (const { type, request_id: _, ...event } of events) logger.info(type, { event })
  rpc
    .fanout(NOTIFICATIONS_TOPIC, 'events', { events } as unknown as JsonObject)
    .catch((error: unknown) => logger.debug('events were not told on the bus', { error }))
}
