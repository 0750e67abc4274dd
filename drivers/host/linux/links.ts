/** Reads `ip -j -d address show`: all links and addresses of a host by one process. Pure. */
import { type AddressResource, CommandFailed, type HostResource, type LinkResource } from 'netloom/contracts'

/** A link as iproute2 prints it; only what is read here. */
interface IpLink {
  readonly ifname: string
  readonly flags: readonly string[]
  readonly mtu: number
  readonly master?: string
  /** The device that carries it. */
  readonly link?: string
  readonly address?: string
  readonly linkinfo?: {
    readonly info_kind?: string
    readonly info_data?: { readonly type?: string; readonly id?: number; readonly vlan_filtering?: number }
    readonly info_slave_kind?: string
    readonly info_slave_data?: { readonly hairpin?: boolean }
  }
  readonly addr_info?: readonly {
    readonly local?: string
    readonly prefixlen?: number
    readonly broadcast?: string
    readonly scope?: string
  }[]
}

/** `-d` brings the kind of a link and whether a bridge port sends frames back. */
export const SHOW_ADDRESSES = ['ip', '-j', '-d', 'address', 'show'] as const

/**
 * @param text JSON
 * @returns each link followed by its addresses
 * @throws {CommandFailed} of no text: who took that for a host without links would take away what guests are plugged into
 */
export function parseLinks(text: string): readonly HostResource[] {
  if (text.trim() === '') throw new CommandFailed({ argv: SHOW_ADDRESSES, code: 0, stderr: 'it printed nothing' })
  const links = JSON.parse(text) as readonly IpLink[]
  return links.flatMap((link) => [linkOf(link), ...addressesOf(link)])
}

/** A link that is down tells none of the attributes that can be set, so that all of them are set when it is brought up. */
function linkOf(link: IpLink): LinkResource {
  const base = { kind: 'link', name: link.ifname, type: typeOf(link), ...vlanOf(link) } as const
  if (!link.flags.includes('UP')) return { ...base, down: true }
  const port = link.linkinfo?.info_slave_kind === 'bridge'
  return {
    ...base,
    mtu: link.mtu,
    ...(link.linkinfo?.info_data?.vlan_filtering === 1 ? { vlanFiltering: true } : {}),
    ...(link.address === undefined ? {} : { macAddress: link.address }),
    ...(link.master === undefined ? {} : { master: link.master }),
    ...(port ? { hairpin: link.linkinfo?.info_slave_data?.hairpin === true } : {}),
  }
}

function vlanOf({ link, linkinfo }: IpLink): Pick<LinkResource, 'parent' | 'vlanId'> {
  if (linkinfo?.info_kind !== 'vlan') return {}
  const { id } = linkinfo.info_data ?? {}
  return { ...(link === undefined ? {} : { parent: link }), ...(id === undefined ? {} : { vlanId: id }) }
}

function typeOf({ linkinfo }: IpLink): LinkResource['type'] {
  if (linkinfo?.info_kind === 'bridge') return 'bridge'
  if (linkinfo?.info_kind === 'vlan') return 'vlan'
  if (linkinfo?.info_kind === 'veth') return 'veth'
  return linkinfo?.info_kind === 'tun' && linkinfo.info_data?.type === 'tap' ? 'tap' : 'existing'
}

function addressesOf(link: IpLink): readonly AddressResource[] {
  return (link.addr_info ?? []).flatMap(({ local, prefixlen, broadcast, scope }) =>
    local === undefined
      ? []
      : [
          {
            kind: 'address',
            device: link.ifname,
            cidr: `${local}/${prefixlen}`,
            ...(broadcast === undefined ? {} : { broadcast }),
            ...(scope === 'link' ? { scope } : {}),
          } as const,
        ],
  )
}
