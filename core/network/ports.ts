/** Which namespace or tap an interface is plugged into, as rows. The transactions of attach and detach. */
import type { NetworkStore } from '../contracts/database.ts'
import type { Plugged } from '../contracts/host-facts.ts'
import type { AttachRequest } from '../contracts/network-operations.ts'
import {
  AttachmentTargetInUse,
  NotOnThisHost,
  VirtualInterfaceAttached,
  VirtualInterfaceNotFound,
} from '../errors/index.ts'
import { InvalidInput } from '../errors/input.ts'
import { parseDevice, parseNamespace, parseUuid } from '../model/names.ts'
import type { VifTarget, VirtualInterfaceRow } from '../model/rows.ts'
import { networkOwner, portOwner } from './owners.ts'

const UNPLUGGED = { target_kind: null, target: null, device: null, guest_device: null } as const

/** @throws {InstanceNotFound} @throws {VirtualInterfaceAttached} @throws {AttachmentTargetInUse} @throws {NotOnThisHost} */
export async function plugVif(store: NetworkStore, host: string, request: AttachRequest): Promise<Plugged> {
  const uuid = parseUuid(request.instance_uuid)
  const index = request.vif ?? 0
  const target = parseTarget(request.target)
  // Of several that attach the same instance each finds what the one before it did.
  await store.instances.lock(uuid)
  const instance = await store.instances.byUuid(uuid)
  if (instance.host !== host) throw new NotOnThisHost({ what: 'the instance', host: instance.host })
  const vifs = await store.virtualInterfaces.list({ instanceUuid: uuid })
  const vif = vifs[index]
  if (!vif) throw new VirtualInterfaceNotFound({ instance_uuid: uuid, index, count: vifs.length })
  if (vif.target !== null) {
    if (vif.target_kind === target.kind && vif.target === target.name) return { vif, repeated: true }
    throw new VirtualInterfaceAttached({ mac: vif.address, target: vif.target })
  }
  const guestDevice = target.kind === 'netns' ? `eth${index}` : null
  const other = await store.virtualInterfaces.byTarget(host, target, guestDevice)
  if (other) throw new AttachmentTargetInUse({ target: target.name, instance_uuid: other.instance_uuid })
  const device = target.kind === 'tap' ? target.name : `tap${vif.uuid.slice(0, 11)}`
  const plug = { target_kind: target.kind, target: target.name, device, guest_device: guestDevice }
  await store.virtualInterfaces.setTarget(vif.id, plug)
  await store.hostChanges.record(host, [networkOwner(vif.network_id), portOwner(vif.id)])
  return { vif: { ...vif, ...plug }, repeated: false }
}

export async function unplugVif(store: NetworkStore, host: string, vifId: number): Promise<void> {
  await store.virtualInterfaces.setTarget(vifId, UNPLUGGED)
  await store.hostChanges.record(host, [portOwner(vifId)])
}

/** @returns the interfaces that were plugged in, as they were. @throws {InstanceNotFound} @throws {NotOnThisHost} */
export async function unplugInstance(
  store: NetworkStore,
  host: string,
  instanceUuid: string,
): Promise<readonly VirtualInterfaceRow[]> {
  const uuid = parseUuid(instanceUuid)
  const instance = await store.instances.byUuid(uuid)
  if (instance.host !== host) throw new NotOnThisHost({ what: `instance ${uuid}`, host: instance.host })
  const plugged = (await store.virtualInterfaces.list({ instanceUuid: uuid })).filter((vif) => vif.target !== null)
  for (const vif of plugged) await unplugVif(store, host, vif.id)
  return plugged
}

function parseTarget(target: VifTarget): VifTarget {
  if (target.kind === 'netns') return { kind: 'netns', name: parseNamespace(target.name) }
  if (target.kind === 'tap') return { kind: 'tap', name: parseDevice('tap', target.name) }
  throw new InvalidInput({ what: 'target', value: target.kind, want: 'netns or tap' })
}
