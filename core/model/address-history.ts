/** Who had an address when, from what happened to it. Pure. */
import type { NetworkEvent } from './events.ts'

/** A time during which one had the address. */
export interface AddressSpan {
  readonly address: string
  readonly project_id: string | null
  /** Null for a floating IP that led nowhere. */
  readonly instance_uuid: string | null
  readonly mac: string | null
  /** What a floating IP led to; null for a fixed IP. */
  readonly fixed_address: string | null
  /** Null: before what is known. */
  readonly from: string | null
  /** Null: to this day. A fixed IP is its last owner's until the lease that it left has ended. */
  readonly until: string | null
}

export const ADDRESS_KINDS = ['fixed', 'floating'] as const
export type AddressKind = (typeof ADDRESS_KINDS)[number]

type Holder = Pick<AddressSpan, 'project_id' | 'instance_uuid' | 'mac' | 'fixed_address'>

/** Who had it after an event (null: nobody), and who had it before as far as the event tells. */
interface Step {
  readonly before: Holder | null
  readonly after: Holder | null
}

/**
 * @param events of one address, in order; the first of them may be forgotten
 * @returns the spans in order of time
 */
export function addressHistory(kind: AddressKind, events: readonly NetworkEvent[]): readonly AddressSpan[] {
  const spans: AddressSpan[] = []
  let open: AddressSpan | null = null
  let isFirst = true
  for (const event of events) {
    const step: Step | null = kind === 'fixed' ? fixedStep(event, open) : floatingStep(event)
    if (step === null) continue
    const { created_at: at } = event
    const address = event.address ?? ''
    if (isFirst && step.before !== null) open = { address, ...step.before, from: null, until: null }
    isFirst = false
    if (open !== null && !sameHolder(open, step.after)) {
      spans.push({ ...open, until: at })
      open = null
    }
    if (open === null && step.after !== null) open = { address, ...step.after, from: at, until: null }
  }
  return open === null ? spans : [...spans, open]
}

/** @returns null for an event of another kind of address */
function floatingStep(event: NetworkEvent): Step | null {
  const { project_id, instance_uuid } = event
  const unled: Holder = { project_id, instance_uuid: null, mac: null, fixed_address: null }
  switch (event.type) {
    case 'network.floating_ip.allocate':
      return { before: null, after: unled }
    case 'network.floating_ip.associate':
      return { before: unled, after: { project_id, instance_uuid, ...event.payload } }
    case 'network.floating_ip.disassociate':
      return { before: { ...unled, instance_uuid, ...event.payload }, after: unled }
    case 'network.floating_ip.deallocate':
      return { before: unled, after: null }
    default:
      return null
  }
}

/** @param open who has it as far as is known: later events may not know any more */
function fixedStep(event: NetworkEvent, open: Holder | null): Step | null {
  const { project_id, instance_uuid } = event
  const named = (mac: string | null): Holder => ({ project_id, instance_uuid, mac, fixed_address: null })
  const kept = (mac: string | null, still: boolean): Step => {
    return { before: named(mac), after: still ? (open ?? named(mac)) : null }
  }
  switch (event.type) {
    case 'network.fixed_ip.allocate':
      return { before: null, after: named(event.payload.mac) }
    case 'network.fixed_ip.deallocate':
      return kept(event.payload.mac, event.payload.leased)
    case 'network.fixed_ip.lease':
      return kept(event.payload.mac, true)
    case 'network.fixed_ip.release':
      return kept(event.payload.mac, !event.payload.free)
    case 'network.fixed_ip.timeout':
      return kept(event.payload.mac, false)
    default:
      return null
  }
}

function sameHolder(a: Holder, b: Holder | null): boolean {
  if (b === null) return false
  return a.project_id === b.project_id && a.instance_uuid === b.instance_uuid && a.fixed_address === b.fixed_address
}
