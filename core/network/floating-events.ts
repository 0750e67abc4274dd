/** What is said of floating IPs. A move is two events: it leads nowhere, then elsewhere. */
import type { EventDraft } from '../model/events.ts'
import type { FixedIpDetail, FloatingIpDetail } from '../model/rows.ts'

/** It was taken from its pool, or given back. */
export function poolEvent(
  type: 'network.floating_ip.allocate' | 'network.floating_ip.deallocate',
  { address, project_id, pool, auto_assigned }: FloatingIpDetail,
): EventDraft {
  return { type, address, project_id, payload: { pool, auto_assigned } }
}

/** @param before the row as it was while it led somewhere */
export function disassociateEvent(before: FloatingIpDetail): EventDraft {
  const { address, project_id, instance_uuid, host, fixed_address } = before
  const type = 'network.floating_ip.disassociate'
  return { type, address, project_id, instance_uuid, host, payload: { fixed_address } }
}

/** It leads to a fixed IP now; nothing when only its host changed. */
export function ledEvents(
  before: FloatingIpDetail,
  fixed: FixedIpDetail,
  networkUuid: string,
  host: string,
): readonly EventDraft[] {
  if (before.fixed_ip_id === fixed.id) return []
  const { address, project_id } = before
  const { address: fixed_address, instance_uuid, mac } = fixed
  const subject = { address, project_id, instance_uuid, network_uuid: networkUuid, host }
  const led: EventDraft = { type: 'network.floating_ip.associate', ...subject, payload: { fixed_address, mac } }
  return before.fixed_ip_id === null ? [led] : [disassociateEvent(before), led]
}
