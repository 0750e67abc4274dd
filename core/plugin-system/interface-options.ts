/** Flags about the devices of networks, which every interface driver reads, and what they mean. */
import { option } from '../../config/option.ts'
import type { LinkResource, PacketIntent } from '../contracts/resource.ts'
import type { NetworkRow, VifTarget, VirtualInterfaceRow } from '../model/rows.ts'

export const interfaceOptions = {
  forward_bridge_interface: option.devices({
    default: ['all'],
    help: 'Devices with which guests of networks that have a gateway may talk through this host, besides those of their own network; all: any',
  }),
  network_device_mtu: option.optionalInteger({
    min: 68,
    max: 65535,
    help: 'MTU of the devices of networks that have none of their own; empty: that of the kernel',
  }),
}

/** @param byDefault of `network_device_mtu` */
export function mtuOf({ mtu }: NetworkRow, byDefault: number | null): { readonly mtu?: number } {
  const wanted = mtu ?? byDefault
  return wanted === null ? {} : { mtu: wanted }
}

/**
 * What may pass through the device of a network.
 * @param gateway false: nothing
 * @param devices of `forward_bridge_interface`
 */
export function forwardingOf(device: string, gateway: boolean, devices: readonly string[]): PacketIntent {
  if (!gateway) return { kind: 'forwarding', device, verdict: 'drop' }
  const limited = devices.includes('all') ? {} : { peers: devices.filter((peer) => peer !== device) }
  return { kind: 'forwarding', device, verdict: 'accept', ...limited }
}

/**
 * A guest's port: a tap for a virtual machine, else a veth pair whose other end is in its namespace.
 * @param guestDevice what that end is called; null: `eth0`
 */
export function guestLink(vif: VirtualInterfaceRow, target: VifTarget, guestDevice: string | null): LinkResource {
  const link = { kind: 'link' as const, name: vif.device ?? target.name }
  if (target.kind === 'tap') return { ...link, type: 'tap' }
  return { ...link, type: 'veth', peer: { name: guestDevice ?? 'eth0', netns: target.name, macAddress: vif.address } }
}
