/** Which VLANs the ports of a bridge are on: read by one `bridge -j vlan show`, changed by one `bridge -batch -`. */
import type { BatchLine, Executor, HostResource, HostState, PortVlanResource, Step } from 'netloom/contracts'

/** Runs each line when it is read, and goes on after one that failed. */
export const BRIDGE_BATCH = ['bridge', '-force', '-batch', '-'] as const

export const SHOW_PORT_VLANS = ['bridge', '-j', 'vlan', 'show'] as const

/**
 * Looks only where a VLAN of a port is wanted, or was made before.
 * @param links of the host
 */
export async function lookAtPortVlans(
  executor: Executor,
  asked: readonly HostResource[],
  links: readonly HostResource[],
): Promise<readonly PortVlanResource[]> {
  if (!asked.some(({ kind }) => kind === 'port-vlan')) return []
  return parsePortVlans((await executor.run({ argv: SHOW_PORT_VLANS })).stdout, links)
}

/** A device as bridge(8) prints it. */
interface BridgePort {
  readonly ifname: string
  readonly vlans?: readonly { readonly vlan: number; readonly vlanEnd?: number; readonly flags?: readonly string[] }[]
}

/** Pure. @param text JSON, or nothing when there is no bridge */
export function parsePortVlans(text: string, links: readonly HostResource[]): readonly PortVlanResource[] {
  const bridges = new Set(links.flatMap((link) => (link.kind === 'link' && link.type === 'bridge' ? [link.name] : [])))
  const ports = JSON.parse(text.trim() || '[]') as readonly BridgePort[]
  return ports.flatMap(({ ifname, vlans = [] }) =>
    vlans.flatMap(({ vlan, vlanEnd = vlan, flags = [] }) =>
      Array.from({ length: vlanEnd - vlan + 1 }, (_, index) => ({
        kind: 'port-vlan' as const,
        device: ifname,
        vlanId: vlan + index,
        ...(bridges.has(ifname) ? { self: true } : {}),
        ...(flags.includes('PVID') && flags.includes('Egress Untagged') ? { untagged: true } : {}),
      })),
    ),
  )
}

/** The line that puts a port on a VLAN; it may be on it already. */
export function portVlanText({ device, vlanId, untagged, self }: PortVlanResource): string {
  return [
    'vlan add dev',
    device,
    'vid',
    vlanId,
    ...(untagged ? ['pvid untagged'] : []),
    ...(self ? ['self'] : []),
  ].join(' ')
}

export interface PortVlanLines {
  readonly remove: readonly BatchLine[]
  readonly add: readonly BatchLine[]
}

/** What a port was on is left with the port: nothing is said of one that goes, nor of those of a bridge that does. */
export function portVlanLines(steps: readonly Step[], state: HostState): PortVlanLines {
  const gone = new Set(
    steps.flatMap(({ verb, resource }) => (verb === 'remove' && resource.kind === 'link' ? [resource.name] : [])),
  )
  const isGone = ({ device }: PortVlanResource) => {
    const link = state.resources.get(`link ${device}`)?.resource
    return gone.has(device) || (link?.kind === 'link' && link.master !== undefined && gone.has(link.master))
  }
  const lines = (removing: boolean) =>
    steps.flatMap(({ verb, owner, resource }): BatchLine[] => {
      if (resource.kind !== 'port-vlan' || (verb === 'remove') !== removing) return []
      const { device, vlanId, self, untagged } = resource
      if (!removing) {
        // A bridge of somebody else has put it on the default VLAN, such as that of the host itself. Where this fails, so
        // does the line after it.
        const alone = untagged && !self ? [{ owner, text: `vlan delete dev ${device} vid 1-4094`, harmless: [''] }] : []
        return [...alone, { owner, text: portVlanText(resource) }]
      }
      const text = `vlan delete dev ${device} vid ${vlanId}${self ? ' self' : ''}`
      return isGone(resource) ? [] : [{ owner, text, harmless: ['Cannot find device', 'No such file or directory'] }]
    })
  return { remove: lines(true), add: lines(false) }
}
