import {
  type Command,
  contains,
  coreOptions,
  definePlugin,
  type FloatingBinding,
  type L3Driver,
  l3LibSlot,
  type NetworkRow,
  option,
  parseCidr,
  type Resource,
  type Values,
  vlanOptions,
} from 'netloom/contracts'

const options = {
  my_ip: coreOptions.my_ip,
  public_interface: coreOptions.public_interface,
  use_ipv6: coreOptions.use_ipv6,
  vpn_ip: vlanOptions.vpn_ip,
  routing_source_ip: option.optionalAddress({
    default: '$my_ip',
    family: 4,
    help: 'Source address of what leaves the cloud without a floating IP; empty: no SNAT',
  }),
  metadata_host: option.optionalAddress({
    default: '$my_ip',
    family: 4,
    help: 'Where requests to 169.254.169.254 go; empty: nowhere',
  }),
  metadata_port: option.port({ default: 8775, help: 'Port of the metadata service' }),
  dmz_cidr: option.cidrs({ default: [], family: 4, help: 'Ranges that guests reach with their own address' }),
  force_snat_range: option.cidrs({
    default: [],
    family: 4,
    help: 'Where guests of a network whose gateway is another machine than its DHCP server get routing_source_ip; all else there has the address of the guest',
  }),
  send_arp_for_ha: option.boolean({ default: true, help: 'Announce addresses by gratuitous ARP when they are bound' }),
  send_arp_for_ha_count: option.integer({ default: 3, min: 0, help: 'Number of announcements' }),
}

const METADATA_ADDRESS = '169.254.169.254'
/** Where the VPN server of a project listens. Source: nova linux_net.ensure_vpn_forward, OpenVPN's port. */
const VPN_PORT = 1194
/** How neighbours find each other. Source: RFC 4861 4.3, 4.4. */
const NEIGHBOUR_DISCOVERY = [135, 136]
const LOOPBACK = parseCidr('127.0.0.0/8')

/** Forwarding, NAT, metadata and floating IPs of one Linux host. Source: nova/network/l3.py LinuxNetL3 and linux_net.py. */
export class LinuxNetL3 implements L3Driver {
  readonly #flags: Values<typeof options>

  constructor(flags: Values<typeof options>) {
    this.#flags = flags
  }

  initialize(): readonly Resource[] {
    const { metadata_host, metadata_port } = this.#flags
    const metadata: readonly Resource[] =
      metadata_host === null
        ? []
        : [
            { kind: 'address', device: 'lo', cidr: `${METADATA_ADDRESS}/32`, scope: 'link' },
            {
              kind: 'port-forward',
              address: METADATA_ADDRESS,
              protocol: 'tcp',
              port: 80,
              to: metadata_host,
              toPort: metadata_port,
            },
            { kind: 'accept', path: 'input', destination: metadata_host, protocol: 'tcp', port: metadata_port },
          ]
    return [
      { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' },
      // Without it a guest's traffic to a neighbour's floating IP is answered past the NAT, on the bridge itself.
      { kind: 'sysctl', key: 'net.bridge.bridge-nf-call-iptables', value: '1', module: 'br_netfilter' },
      ...(this.#flags.use_ipv6
        ? [
            {
              kind: 'sysctl' as const,
              key: 'net.ipv6.conf.all.forwarding',
              value: '1',
              keepsAdvertisedRoutes: true,
            },
          ]
        : []),
      ...metadata,
    ]
  }

  initializeGateway(network: NetworkRow, device: string, address: string | null): readonly Resource[] {
    return [...this.#gatewayV4(network, device, address), ...this.#gatewayV6(network, device)]
  }

  #gatewayV4(network: NetworkRow, device: string, address: string | null): readonly Resource[] {
    const { cidr, broadcast } = network
    if (cidr === null || address === null) return []
    const bound = `${address}/${parseCidr(cidr).prefix}`
    return [
      { kind: 'address', device, cidr: bound, ...(broadcast === null ? {} : { broadcast }) },
      ...this.#sourceNat(network, cidr, address),
    ]
  }

  /** Guests keep their own addresses outside: no NAT. A host's address, not that of all routers (defects-linux-net E18). */
  #gatewayV6({ cidr_v6, gateway_v6 }: NetworkRow, device: string): readonly Resource[] {
    if (!this.#flags.use_ipv6 || cidr_v6 === null || gateway_v6 === null) return []
    return [
      { kind: 'address', device, cidr: `${gateway_v6}/${parseCidr(cidr_v6).prefix}` },
      { kind: 'accept-icmpv6', device, types: NEIGHBOUR_DISCOVERY },
    ]
  }

  addFloatingIp(binding: FloatingBinding): readonly Resource[] {
    const { send_arp_for_ha, send_arp_for_ha_count } = this.#flags
    const device = this.#publicDevice(binding)
    const announce = send_arp_for_ha && send_arp_for_ha_count > 0 ? { announceCount: send_arp_for_ha_count } : {}
    return [
      { kind: 'one-to-one-nat', publicAddress: binding.publicAddress, fixedAddress: binding.fixedAddress, device },
      ...(device === null
        ? []
        : [{ kind: 'address' as const, device, cidr: `${binding.publicAddress}/32`, ...announce }]),
    ]
  }

  /** Source: nova linux_net.ensure_vpn_forward. */
  addVpn(network: NetworkRow): readonly Resource[] {
    const { vpn_public_address: address, vpn_public_port: port, vpn_private_address: server } = network
    if (server === null || port === null) return []
    return [
      {
        kind: 'port-forward',
        address: address ?? this.#flags.vpn_ip,
        protocol: 'udp',
        port,
        to: server,
        toPort: VPN_PORT,
        local: true,
      },
      { kind: 'accept', path: 'forward', destination: server, protocol: 'udp', port: VPN_PORT },
    ]
  }

  forgetConnections({ publicAddress, fixedAddress }: FloatingBinding): readonly Command[] {
    // conntrack ends with 1 when no flow matched.
    const okCodes = [0, 1]
    return [
      { argv: ['conntrack', '-D', '-d', publicAddress], okCodes },
      { argv: ['conntrack', '-D', '-s', fixedAddress, '-q', publicAddress], okCodes },
    ]
  }

  /** What leaves the range gets the host's address; metadata, DMZ and the range itself see the guest's own. */
  #sourceNat({ gateway }: NetworkRow, cidr: string, address: string): readonly Resource[] {
    const { routing_source_ip, metadata_host, dmz_cidr, public_interface, force_snat_range } = this.#flags
    const exempt = (destination: string) => ({ kind: 'nat-exemption' as const, cidr, destination })
    const metadataOutside = metadata_host !== null && !contains(parseCidr(cidr), metadata_host)
    const exemptions = [
      ...(metadataOutside ? [exempt(`${metadata_host}/32`)] : []),
      ...dmz_cidr.map(exempt),
      { ...exempt(cidr), undnatted: true },
    ]
    if (routing_source_ip === null) return exemptions
    const translation = { kind: 'source-nat' as const, cidr, to: routing_source_ip }
    // Another machine is the gateway: what leaves through it is translated there, if at all.
    if (gateway !== null && gateway !== address)
      return [...exemptions, ...force_snat_range.map((destination) => ({ ...translation, destination, device: null }))]
    return [...exemptions, { ...translation, device: public_interface }]
  }

  #publicDevice(binding: FloatingBinding): string | null {
    return binding.interface ?? this.#flags.public_interface
  }
}

export default definePlugin({
  name: 'linux-net',
  summary: 'NAT, metadata and floating IPs on this Linux host',
  provides: l3LibSlot,
  contract: '1.0',
  options,
  programs: { conntrack: 'conntrack', arping: 'iputils-arping' },
  create({ flags, logger }) {
    const { routing_source_ip } = flags
    // `my_ip` is loopback by default where no device was up yet. No refusal: guests may need no way out.
    if (routing_source_ip !== null && contains(LOOPBACK, routing_source_ip)) {
      const remedy = 'set my_ip to the address of this host that others reach'
      logger.warn(`guests have no way out, because routing_source_ip is a loopback address: ${remedy}`, {
        routing_source_ip,
      })
    }
    return new LinuxNetL3(flags)
  },
})
