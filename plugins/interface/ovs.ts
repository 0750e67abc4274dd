import {
  definePlugin,
  forwardingOf,
  guestLink,
  interfaceOptions,
  type LinuxNetInterfaceDriver,
  mtuOf,
  type NetworkRow,
  networkDriverSlot,
  type OvsFlowResource,
  type OvsPortResource,
  option,
  parseDevice,
  type Resource,
  type VifTarget,
  type VirtualInterfaceRow,
} from 'netloom/contracts'

const options = {
  ...interfaceOptions,
  linuxnet_ovs_integration_bridge: option.name('device', (text) => parseDevice('device', text), {
    default: 'br-int',
    help: 'Open vSwitch bridge of the operator that guests and gateways are ports of; netloom neither makes nor deletes it',
  }),
}

/**
 * Ports of one Open vSwitch bridge, apart by the tags of their networks' VLANs. What leads from that bridge to other hosts
 * is the operator's. Source: nova linux_net.LinuxOVSInterfaceDriver.
 */
export class LinuxOVSInterfaceDriver implements LinuxNetInterfaceDriver {
  readonly #bridge: string
  readonly #forwardsTo: readonly string[]
  readonly #mtuByDefault: number | null

  /**
   * @param bridge the integration bridge
   * @param forwardsTo devices with which guests may talk through this host; `all`: any
   * @param mtu of the devices of networks that have none of their own
   */
  constructor(bridge: string, forwardsTo: readonly string[] = ['all'], mtu: number | null = null) {
    this.#bridge = bridge
    this.#forwardsTo = forwardsTo
    this.#mtuByDefault = mtu
  }

  /** The port that the switch makes for this host to be the network's gateway. */
  getDev({ uuid }: NetworkRow): string {
    return `gw-${uuid.slice(0, 11)}`
  }

  /** Of a network without a gateway only its DHCP server can be reached. */
  plug(network: NetworkRow, macAddress: string, gateway: boolean): readonly Resource[] {
    const name = this.getDev(network)
    const mtu = mtuOf(network, this.#mtuByDefault)
    return [
      {
        ...this.#port(name, network, { 'iface-id': name, 'iface-status': 'active', 'attached-mac': macAddress }),
        internal: true,
        ...mtu,
      },
      { kind: 'link', name, type: 'internal', macAddress, ...mtu },
      ...(gateway ? [] : this.#onlyDhcp(macAddress)),
      forwardingOf(name, gateway, this.#forwardsTo),
    ]
  }

  unplug(network: NetworkRow): readonly string[] {
    return [this.getDev(network)]
  }

  attach(
    network: NetworkRow,
    vif: VirtualInterfaceRow,
    target: VifTarget,
    guestDevice: string | null,
  ): readonly Resource[] {
    const link = guestLink(vif, target, guestDevice)
    const { name } = link
    return [
      { ...link, ...mtuOf(network, this.#mtuByDefault) },
      this.#port(name, network, {
        'iface-id': vif.uuid,
        'iface-status': 'active',
        'attached-mac': vif.address,
        'vm-uuid': vif.instance_uuid,
      }),
      ...onlySwitched(name),
    ]
  }

  #port(name: string, { vlan }: NetworkRow, externalIds: Readonly<Record<string, string>>): OvsPortResource {
    return { kind: 'ovs-port', name, bridge: this.#bridge, ...(vlan === null ? {} : { tag: vlan }), externalIds }
  }

  /**
   * nova dropped whatever passed the bridge but DHCP, of all networks on it and between guests too. This is about what
   * is sent to the gateway's device alone; without ARP its server could answer no renewal.
   */
  #onlyDhcp(macAddress: string): readonly OvsFlowResource[] {
    const flow = { kind: 'ovs-flow' as const, bridge: this.#bridge }
    const here = `dl_dst=${macAddress}`
    return [
      { ...flow, priority: 1, match: [here], actions: 'drop' },
      { ...flow, priority: 2, match: ['udp', here, 'tp_dst=67'], actions: 'normal' },
      { ...flow, priority: 2, match: ['arp', here], actions: 'normal' },
    ]
  }
}

/**
 * Where a process switches frames the kernel sees them too, on the port itself: without these it would answer ARP for
 * each of its addresses there, and pass on what no flow let pass. Source: Open vSwitch, userspace datapath.
 */
function onlySwitched(device: string): readonly Resource[] {
  const settings = `net.ipv4.conf.${device.replaceAll('.', '/')}`
  return [
    { kind: 'sysctl', key: `${settings}.arp_ignore`, value: '8' },
    { kind: 'sysctl', key: `${settings}.rp_filter`, value: '1' },
  ]
}

export default definePlugin({
  name: 'ovs',
  summary: "Tagged ports of the operator's Open vSwitch bridge",
  provides: networkDriverSlot,
  contract: '1.0',
  options,
  programs: { 'ovs-vsctl': 'openvswitch-switch', 'ovs-ofctl': 'openvswitch-switch', ethtool: 'ethtool' },
  create: ({ flags }) =>
    new LinuxOVSInterfaceDriver(
      flags.linuxnet_ovs_integration_bridge,
      flags.forward_bridge_interface,
      flags.network_device_mtu,
    ),
})
