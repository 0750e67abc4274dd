import {
  definePlugin,
  forwardingOf,
  guestLink,
  interfaceOptions,
  type LinkResource,
  type LinuxNetInterfaceDriver,
  mtuOf,
  type NetworkRow,
  networkDriverSlot,
  option,
  type Resource,
  type VifTarget,
  type VirtualInterfaceRow,
  vlanOptions,
} from 'netloom/contracts'

const options = {
  vlan_interface: vlanOptions.vlan_interface,
  ...interfaceOptions,
  bridge_peer: option.optionalAddress({
    help: "Address that must answer when a network device's own addresses were moved to its bridge, or they go back",
  }),
}

/**
 * A Linux bridge for each network; one on a VLAN has a VLAN device as its port. Source: nova
 * linux_net.LinuxBridgeInterfaceDriver, ensure_vlan_bridge.
 */
export class LinuxBridgeInterfaceDriver implements LinuxNetInterfaceDriver {
  readonly #vlanInterface: string | null
  readonly #forwardsTo: readonly string[]
  readonly #mtuByDefault: number | null
  readonly #peer: string | null

  /**
   * @param vlanInterface carries the VLANs of this host, whatever is stored with a network
   * @param forwardsTo devices with which guests may talk through this host; `all`: any
   * @param mtu of the devices of networks that have none of their own
   * @param peer must answer when addresses were moved to a bridge
   */
  constructor(
    vlanInterface: string | null = null,
    forwardsTo: readonly string[] = ['all'],
    mtu: number | null = null,
    peer: string | null = null,
  ) {
    this.#vlanInterface = vlanInterface
    this.#forwardsTo = forwardsTo
    this.#mtuByDefault = mtu
    this.#peer = peer
  }

  getDev(network: NetworkRow): string {
    return network.bridge ?? ''
  }

  plug(network: NetworkRow, macAddress: string, gateway: boolean): readonly Resource[] {
    const name = this.getDev(network)
    return [
      { kind: 'link', name, type: 'bridge', macAddress, ...this.#mtu(network) },
      ...this.#uplink(network, macAddress),
      forwardingOf(name, gateway, this.#forwardsTo),
    ]
  }

  unplug(network: NetworkRow): readonly string[] {
    const vlan = this.#vlanOf(network)
    return [this.getDev(network), ...(vlan === null ? [] : [vlan.name])]
  }

  attach(
    network: NetworkRow,
    vif: VirtualInterfaceRow,
    target: VifTarget,
    guestDevice: string | null,
  ): readonly Resource[] {
    const port = guestLink(vif, target, guestDevice)
    return [{ ...port, ...this.#mtu(network), master: this.getDev(network), hairpin: true }]
  }

  /** What leads from the bridge to other hosts. */
  #uplink(network: NetworkRow, macAddress: string): readonly Resource[] {
    const master = this.getDev(network)
    const vlan = this.#vlanOf(network)
    // The device below has to be up before the VLAN can be.
    if (vlan !== null) return [device(vlan.parent), { ...vlan, macAddress, master, ...this.#mtu(network) }]
    const name = network.bridge_interface
    if (!name) return []
    const peer = this.#peer === null ? {} : { peer: this.#peer }
    return [
      { ...device(name), master },
      { kind: 'handover', device: name, bridge: master, ...peer },
      // An address of the operator's in the subnet of the gateway stays when the gateway goes (defects-linux-net C12).
      { kind: 'sysctl', key: `net.ipv4.conf.${master.replaceAll('.', '/')}.promote_secondaries`, value: '1' },
    ]
  }

  #mtu(network: NetworkRow): { readonly mtu?: number } {
    return mtuOf(network, this.#mtuByDefault)
  }

  #vlanOf({ vlan, bridge_interface }: NetworkRow): (LinkResource & { readonly parent: string }) | null {
    const parent = this.#vlanInterface ?? bridge_interface
    if (vlan === null || !parent) return null
    return { kind: 'link', name: `vlan${vlan}`, type: 'vlan', parent, vlanId: vlan }
  }
}

/** The operator's. */
function device(name: string): LinkResource {
  return { kind: 'link', name, type: 'existing' }
}

export default definePlugin({
  name: 'bridge',
  summary: 'A Linux bridge for each network, with a VLAN device where it is on a VLAN',
  provides: networkDriverSlot,
  contract: '1.0',
  options,
  // The peer is asked before and after a move.
  programs: ({ bridge_peer }) => (bridge_peer === null ? {} : { ping: 'iputils-ping' }),
  create: ({ flags }) =>
    new LinuxBridgeInterfaceDriver(
      flags.vlan_interface,
      flags.forward_bridge_interface,
      flags.network_device_mtu,
      flags.bridge_peer,
    ),
})
