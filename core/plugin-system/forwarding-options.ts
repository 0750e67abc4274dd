/** The flag that says where the devices of networks may forward, for every interface driver. */
import { option } from '../../config/option.ts'
import type { PacketIntent } from '../contracts/resource.ts'

export const forwardingOptions = {
  forward_bridge_interface: option.devices({
    default: ['all'],
    help: 'Devices with which guests of networks that have a gateway may talk through this host, besides those of their own network; all: any',
  }),
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
