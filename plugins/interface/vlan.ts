import { createHash } from 'node:crypto'
import {
  coreOptions,
  definePlugin,
  forwardingOf,
  gatewayMac,
  guestLink,
  interfaceOptions,
  type LinuxNetInterfaceDriver,
  mtuOf,
  type NetworkRow,
  networkDriverSlot,
  type PortVlanResource,
  type Resource,
  type VifTarget,
  type VirtualInterfaceRow,
  vlanOptions,
} from 'netloom/contracts'
import { LinuxBridgeInterfaceDriver } from './bridge.ts'

const options = {
  host: coreOptions.host,
  vlan_interface: vlanOptions.vlan_interface,
  ...interfaceOptions,
}

/** That of Ethernet. Left to the kernel, a gateway would take that of the bridge. */
const DEFAULT_MTU = 1500

/**
 * The most that a bridge takes. It is a switch here: what may pass is said by its ports. Left to the kernel, its MTU would
 * be that of its smallest port, and no gateway on it could have more.
 */
const BRIDGE_MTU = 65535

/** Source: IFNAMSIZ of linux/if.h, less the byte that ends it. */
const MAX_DEVICE_LENGTH = 15

interface Trunk {
  readonly parent: string
  readonly bridge: string
  readonly vlan: number
}

/**
 * One bridge for each trunk, which keeps networks apart by their VLANs: guests are untagged ports of it, the trunk carries
 * the tags, and a VLAN device on the bridge is the gateway. A thousand networks take one bridge, and a network that no trunk
 * carries has one of its own. nova had a bridge for each network.
 */
export class LinuxVlanBridgeInterfaceDriver implements LinuxNetInterfaceDriver {
  readonly #host: string
  readonly #vlanInterface: string | null
  readonly #forwardsTo: readonly string[]
  readonly #mtuByDefault: number | null
  readonly #apart: LinuxBridgeInterfaceDriver

  /**
   * @param host its name, of which the MAC addresses of its bridges are made
   * @param vlanInterface the trunk of this host, whatever is stored with a network
   * @param forwardsTo devices with which guests may talk through this host; `all`: any
   * @param mtu of the devices of networks that have none of their own
   */
  constructor(
    host: string,
    vlanInterface: string | null = null,
    forwardsTo: readonly string[] = ['all'],
    mtu: number | null = null,
  ) {
    this.#host = host
    this.#vlanInterface = vlanInterface
    this.#forwardsTo = forwardsTo
    this.#mtuByDefault = mtu
    this.#apart = new LinuxBridgeInterfaceDriver(vlanInterface, forwardsTo, mtu)
  }

  getDev(network: NetworkRow): string {
    const trunk = this.#trunkOf(network)
    return trunk === null ? this.#apart.getDev(network) : `vlan${trunk.vlan}`
  }

  /** The gateways of all networks of a trunk have the MAC address of its bridge: what is sent there is flooded to no port. */
  plug(network: NetworkRow, macAddress: string, gateway: boolean): readonly Resource[] {
    const trunk = this.#trunkOf(network)
    if (trunk === null) return this.#apart.plug(network, macAddress, gateway)
    const { parent, bridge, vlan } = trunk
    const name = this.getDev(network)
    return [
      {
        kind: 'link',
        name: bridge,
        type: 'bridge',
        vlanFiltering: true,
        macAddress: gatewayMac(this.#host, parent),
        mtu: BRIDGE_MTU,
      },
      { kind: 'link', name: parent, type: 'existing', master: bridge },
      { kind: 'port-vlan', device: parent, vlanId: vlan },
      { kind: 'port-vlan', device: bridge, vlanId: vlan, self: true },
      {
        kind: 'link',
        name,
        type: 'vlan',
        parent: bridge,
        vlanId: vlan,
        ...mtuOf(network, this.#mtuByDefault ?? DEFAULT_MTU),
      },
      // A neighbour on another host answers past the gateway, under a tag; its answer is of a floating IP all the same.
      { kind: 'sysctl', key: 'net.bridge.bridge-nf-filter-vlan-tagged', value: '1', module: 'br_netfilter' },
      { kind: 'forwarding', device: bridge, verdict: 'within' },
      forwardingOf(name, gateway, this.#forwardsTo),
    ]
  }

  /** The bridge goes with the last of its networks. */
  unplug(network: NetworkRow): readonly string[] {
    const trunk = this.#trunkOf(network)
    return trunk === null ? this.#apart.unplug(network) : [this.getDev(network), trunk.bridge]
  }

  attach(
    network: NetworkRow,
    vif: VirtualInterfaceRow,
    target: VifTarget,
    guestDevice: string | null,
  ): readonly Resource[] {
    const trunk = this.#trunkOf(network)
    if (trunk === null) return this.#apart.attach(network, vif, target, guestDevice)
    const port = guestLink(vif, target, guestDevice)
    const access: PortVlanResource = { kind: 'port-vlan', device: port.name, vlanId: trunk.vlan, untagged: true }
    return [{ ...port, ...mtuOf(network, this.#mtuByDefault), master: trunk.bridge, hairpin: true }, access]
  }

  #trunkOf({ vlan, bridge_interface }: NetworkRow): Trunk | null {
    const parent = this.#vlanInterface ?? bridge_interface
    return vlan === null || !parent ? null : { parent, bridge: bridgeOf(parent), vlan }
  }
}

/** `br-` and the name of the trunk, or where that is too long the beginning of its hash. */
function bridgeOf(trunk: string): string {
  const name = `br-${trunk}`
  if (name.length <= MAX_DEVICE_LENGTH) return name
  return `br-${createHash('sha256').update(trunk).digest('hex')}`.slice(0, MAX_DEVICE_LENGTH)
}

export default definePlugin({
  name: 'vlan',
  summary: 'One bridge for each trunk, which keeps networks apart by their VLANs',
  provides: networkDriverSlot,
  contract: '1.0',
  options,
  programs: { bridge: 'iproute2' },
  create: ({ flags }) =>
    new LinuxVlanBridgeInterfaceDriver(
      flags.host,
      flags.vlan_interface,
      flags.forward_bridge_interface,
      flags.network_device_mtu,
    ),
})
