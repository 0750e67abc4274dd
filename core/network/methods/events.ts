/** What happened, on the bus. */
import { z } from 'zod'
import type { NetworkOperations } from '../../contracts/network-manager.ts'
import { ADDRESS_KINDS } from '../../model/address-history.ts'
import { count, type Methods, method, text } from './method.ts'

const listEvents = z.strictObject({
  position: count.min(0).nullable(),
  type: text.optional(),
  project_id: text.optional(),
  instance_uuid: text.optional(),
  address: text.optional(),
  since: text.optional(),
})

const addressHistory = z.strictObject({ kind: z.enum(ADDRESS_KINDS), address: text })

export const eventMethods: Methods<NetworkOperations> = {
  list_events: method(listEvents, (m, c, a) => m.listEvents(c, a as Parameters<typeof m.listEvents>[1])),
  get_address_history: method(addressHistory, (m, c, a) => m.getAddressHistory(c, a.kind, a.address)),
}
