/** Plugging an instance's interfaces into their networks on this host. */
import type { Attachment, AttachRequest } from '../contracts/network-operations.ts'
import {
  AttachmentTargetInUse,
  NotOnThisHost,
  VirtualInterfaceAttached,
  VirtualInterfaceNotFound,
} from '../errors/index.ts'
import { InvalidInput } from '../errors/input.ts'
import { parseDevice, parseNamespace, parseUuid } from '../model/names.ts'
import type { NetworkRow, VifTarget, VirtualInterfaceRow } from '../model/rows.ts'
import type { NetworkManager } from './network-manager.ts'
import { networkOwner, portOwner } from './owners.ts'

const UNPLUGGED = { target_kind: null, target: null, device: null, guest_device: null } as const

/** @throws {InstanceNotFound} @throws {VirtualInterfaceAttached} @throws {AttachmentTargetInUse} @throws {NotOnThisHost} @throws {HostChangeFailed} */
export async function attachVif(manager: NetworkManager, request: AttachRequest): Promise<Attachment> {
  const { database } = manager.services
  const uuid = parseUuid(request.instance_uuid)
  const index = request.vif ?? 0
  const target = parseTarget(request.target)
  const { vif, before } = await database.transaction(async (store) => {
    const instance = await store.instances.byUuid(uuid)
    const vifs = await store.virtualInterfaces.list({ instanceUuid: uuid })
    const before = vifs[index]
    if (!before) throw new VirtualInterfaceNotFound({ instance_uuid: uuid, index, count: vifs.length })
    const network = await store.networks.byId(before.network_id)
    checkHost(manager, instance.host, network)
    const guestDevice = target.kind === 'netns' ? `eth${index}` : null
    if (before.target !== null) {
      if (before.target_kind === target.kind && before.target === target.name) return { vif: before, before }
      throw new VirtualInterfaceAttached({ mac: before.address, target: before.target })
    }
    const other = await store.virtualInterfaces.byTarget(instance.host, target, guestDevice)
    if (other) throw new AttachmentTargetInUse({ target: target.name, instance_uuid: other.instance_uuid })
    const device = target.kind === 'tap' ? target.name : `tap${before.uuid.slice(0, 11)}`
    const plugged = { target_kind: target.kind, target: target.name, device, guest_device: guestDevice }
    await store.virtualInterfaces.setTarget(before.id, plugged)
    return { vif: { ...before, ...plugged }, before }
  })
  try {
    await manager.reconciler.reconcile([networkOwner(vif.network_id), portOwner(vif.id)])
  } catch (error) {
    if (before.target === null) {
      await database.transaction((store) => store.virtualInterfaces.setTarget(vif.id, UNPLUGGED))
      await manager.reconcileOrLog([portOwner(vif.id)])
    }
    throw error
  }
  return attachment(vif)
}

/** Unplugs all interfaces of the instance; one that is not plugged in is passed over. @throws {InstanceNotFound} */
export async function detachVifs(manager: NetworkManager, instanceUuid: string): Promise<readonly Attachment[]> {
  const plugged = await manager.services.database.transaction(async (store) => {
    const instance = await store.instances.byUuid(instanceUuid)
    if (instance.host !== manager.host)
      throw new NotOnThisHost({ what: `instance ${instanceUuid}`, host: instance.host })
    const vifs = (await store.virtualInterfaces.list({ instanceUuid })).filter((vif) => vif.target !== null)
    for (const vif of vifs) await store.virtualInterfaces.setTarget(vif.id, UNPLUGGED)
    return vifs
  })
  await manager.reconcileOrLog(plugged.map((vif) => portOwner(vif.id)))
  return plugged.map(attachment)
}

function checkHost(manager: NetworkManager, instanceHost: string, network: NetworkRow): void {
  if (instanceHost !== manager.host) throw new NotOnThisHost({ what: 'the instance', host: instanceHost })
  if (network.host !== null && network.host !== manager.host)
    throw new NotOnThisHost({ what: `network ${network.label}`, host: network.host })
}

function parseTarget(target: VifTarget): VifTarget {
  if (target.kind === 'netns') return { kind: 'netns', name: parseNamespace(target.name) }
  if (target.kind === 'tap') return { kind: 'tap', name: parseDevice('tap', target.name) }
  throw new InvalidInput({ what: 'target', value: target.kind, want: 'netns or tap' })
}

function attachment(vif: VirtualInterfaceRow): Attachment {
  return {
    instance_uuid: vif.instance_uuid,
    mac: vif.address,
    device: vif.device ?? '',
    guest_device: vif.guest_device,
    target: vif.target ?? '',
  }
}
