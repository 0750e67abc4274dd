import {
  definePlugin,
  type LinuxNetInterfaceDriver,
  type NetworkRow,
  networkDriverSlot,
  type Resource,
  type VifTarget,
  type VirtualInterfaceRow,
} from 'netloom/contracts'

/** A Linux bridge for each network. Source: nova linux_net.LinuxBridgeInterfaceDriver. */
export class LinuxBridgeInterfaceDriver implements LinuxNetInterfaceDriver {
  getDev(network: NetworkRow): string {
    return network.bridge ?? ''
  }

  plug(network: NetworkRow, macAddress: string, gateway: boolean): readonly Resource[] {
    const name = this.getDev(network)
    const mtu = network.mtu === null ? {} : { mtu: network.mtu }
    return [
      { kind: 'link', name, type: 'bridge', macAddress, ...mtu },
      ...(network.bridge_interface
        ? [{ kind: 'link' as const, name: network.bridge_interface, type: 'existing' as const, master: name }]
        : []),
      { kind: 'forwarding', device: name, verdict: gateway ? 'accept' : 'drop' },
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
    const port = { kind: 'link' as const, name: vif.device ?? target.name, master: this.getDev(network), hairpin: true }
    const mtu = network.mtu === null ? {} : { mtu: network.mtu }
    if (target.kind === 'tap') return [{ ...port, ...mtu, type: 'tap' }]
    return [
      {
        ...port,
        ...mtu,
        type: 'veth',
        peer: { name: guestDevice ?? 'eth0', netns: target.name, macAddress: vif.address },
      },
    ]
  }
}

export default definePlugin({
  name: 'bridge',
  summary: 'A Linux bridge for each network',
  provides: networkDriverSlot,
  contract: '1.0',
  create: () => new LinuxBridgeInterfaceDriver(),
})
