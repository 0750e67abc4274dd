import {
  type CreationDefaults,
  coreOptions,
  definePlugin,
  FloatingIP,
  managerRequires,
  managerServices,
  NetworkManager,
  networkManagerSlot,
  option,
  RPCAllocateFixedIP,
} from 'netloom/contracts'

const options = {
  ...coreOptions,
  flat_network_bridge: option.optionalDevice({ help: 'Bridge device for simple network instances' }),
  flat_interface: option.optionalDevice({ help: 'FlatDHCP will bridge into this interface if set' }),
}

/**
 * Flat networking with DHCP: one DHCP server for each network, which netloom runs on a bridge that it makes. Never
 * injects network settings into the guest. Source: nova/network/manager.py FlatDHCPManager.
 */
export class FlatDHCPManager extends RPCAllocateFixedIP(FloatingIP(NetworkManager)) {
  readonly topology = { managesHost: true, dhcp: true }
  readonly bridge: string | null
  readonly bridgeInterface: string | null

  constructor(
    services: ConstructorParameters<typeof NetworkManager>[0],
    bridge: string | null,
    bridgeInterface: string | null,
  ) {
    super(services)
    this.bridge = bridge
    this.bridgeInterface = bridgeInterface
  }

  override creationDefaults(): CreationDefaults {
    return {
      ...this.services.flags,
      bridge: this.bridge,
      bridge_interface: this.bridgeInterface,
      bridgeFlag: 'flat_network_bridge',
      ownBridge: true,
    }
  }
}

export default definePlugin({
  name: 'flat-dhcp',
  summary: 'Networks on bridges of their own with a DHCP server, NAT and floating IPs',
  provides: networkManagerSlot,
  contract: '1.0',
  options,
  requires: managerRequires,
  create: (environment) =>
    new FlatDHCPManager(
      managerServices(environment),
      environment.flags.flat_network_bridge,
      environment.flags.flat_interface,
    ),
})
