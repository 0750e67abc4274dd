/**
 * What happened to networks and addresses: one type for each kind of change, written with the change. Names are the
 * original's notifications and others in their style. Source: nova/network/floating_ips.py and manager.py, notify.
 */
import { InvalidInput } from '../errors/input.ts'

/** What each kind tells besides whom and what it concerns. A MAC address is null when its interface is gone. */
export interface EventPayloads {
  'network.network.create': { readonly label: string; readonly cidr: string | null; readonly cidr_v6: string | null }
  'network.network.delete': { readonly label: string; readonly cidr: string | null; readonly cidr_v6: string | null }
  /** Another host serves it from now on, `host` of the event; null: none. */
  'network.network.modify': { readonly label: string; readonly previous_host: string | null }
  'network.fixed_ip.allocate': { readonly mac: string | null }
  /** `leased`: it is held until its lease ends, which is a `release` or a `timeout`. */
  'network.fixed_ip.deallocate': { readonly mac: string | null; readonly leased: boolean }
  'network.fixed_ip.lease': { readonly mac: string }
  /** The lease ended; `free`: nobody holds the address from now on. */
  'network.fixed_ip.release': { readonly mac: string; readonly free: boolean }
  /** A deallocated address whose lease was never given back is free. */
  'network.fixed_ip.timeout': { readonly mac: string | null }
  'network.floating_ip.allocate': { readonly pool: string; readonly auto_assigned: boolean }
  'network.floating_ip.deallocate': { readonly pool: string; readonly auto_assigned: boolean }
  'network.floating_ip.associate': { readonly fixed_address: string; readonly mac: string | null }
  'network.floating_ip.disassociate': { readonly fixed_address: string | null }
  'network.instance.attach': { readonly mac: string; readonly target: string }
  'network.instance.detach': { readonly mac: string; readonly target: string }
}

export type EventType = keyof EventPayloads

const KINDS: Readonly<Record<EventType, true>> = {
  'network.network.create': true,
  'network.network.delete': true,
  'network.network.modify': true,
  'network.fixed_ip.allocate': true,
  'network.fixed_ip.deallocate': true,
  'network.fixed_ip.lease': true,
  'network.fixed_ip.release': true,
  'network.fixed_ip.timeout': true,
  'network.floating_ip.allocate': true,
  'network.floating_ip.deallocate': true,
  'network.floating_ip.associate': true,
  'network.floating_ip.disassociate': true,
  'network.instance.attach': true,
  'network.instance.detach': true,
}

/** @param text a kind, or the beginning of some up to a dot, such as `network.floating_ip` @throws {InvalidInput} */
export function parseEventTypes(text: string): readonly EventType[] {
  const all = Object.keys(KINDS) as EventType[]
  const found = all.filter((type) => type === text || type.startsWith(`${text}.`))
  if (found.length > 0) return found
  throw new InvalidInput({ what: 'event type', value: text, want: `one of ${all.join(', ')}, or their beginning` })
}

/** Whom and what an event concerns; null is "none", or "not known". */
export interface EventSubject {
  readonly project_id: string | null
  readonly instance_uuid: string | null
  /** The fixed or the floating IP. */
  readonly address: string | null
  readonly network_uuid: string | null
  readonly host: string | null
}

interface EventOf<T extends EventType> extends EventSubject {
  /** Rises; one with a lower number may appear later, when its transaction took longer. */
  readonly id: number
  /** ISO 8601 text in UTC with milliseconds, by the clock of who wrote it. */
  readonly created_at: string
  readonly type: T
  readonly payload: EventPayloads[T]
  /** The request that it is part of; null for what a service does by itself. */
  readonly request_id: string | null
  readonly user_id: string | null
}

/** One thing that happened. */
export type NetworkEvent = { readonly [T in EventType]: EventOf<T> }[EventType]

/** What whoever makes a change says of it; what is left out of the subject is null. */
export type EventDraft = {
  readonly [T in EventType]: Partial<EventSubject> & { readonly type: T; readonly payload: EventPayloads[T] }
}[EventType]

/** An event before the store has numbered it. */
export type NewEvent = { readonly [T in EventType]: Omit<EventOf<T>, 'id' | 'created_at'> }[EventType]

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * @param text a time of ISO 8601 (UTC unless it says otherwise), or how long ago: `30m`, `2h`, `7d`
 * @returns the time as events have it @throws {InvalidInput}
 */
export function parseSince(text: string, nowMs: number): string {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  if (amount !== undefined) return new Date(Math.max(0, nowMs - Number(amount) * UNIT_MS[unit!]!)).toISOString()
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)
  const ms = isTime
    ? Date.parse(/T.*(Z|[+-]\d\d:\d\d)$/.test(text) || !text.includes('T') ? text : `${text}Z`)
    : Number.NaN
  if (!Number.isNaN(ms)) return new Date(ms).toISOString()
  throw new InvalidInput({
    what: 'time',
    value: text,
    want: 'a time like 2026-11-01T12:00:00Z, or how long ago: 30m, 2h, 7d',
  })
}

/** Which events: all conditions given must hold. */
export interface EventFilter {
  readonly types?: readonly EventType[]
  readonly projectId?: string
  readonly instanceUuid?: string
  readonly address?: string
  /** Not before this time, as `created_at` has it. */
  readonly since?: string
}

/** The whole event from what was said of it. */
export function eventOf(draft: EventDraft, by: Pick<NetworkEvent, 'request_id' | 'user_id'>): NewEvent {
  const nobody: EventSubject = { project_id: null, instance_uuid: null, address: null, network_uuid: null, host: null }
  return { ...nobody, ...draft, request_id: by.request_id, user_id: by.user_id } as NewEvent
}
