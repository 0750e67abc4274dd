import {
  type CreationDefaults,
  coreOptions,
  definePlugin,
  type FloatingIPReads,
  managerRequires,
  managerServices,
  NetworkManager,
  networkManagerSlot,
  option,
} from 'netloom/contracts'

const options = {
  ...coreOptions,
  flat_network_bridge: option.optionalDevice({ help: 'Bridge device for simple network instances' }),
  flat_interface: option.optionalDevice({ help: 'FlatDHCP will bridge into this interface if set' }),
  flat_injected: option.boolean({
    default: false,
    help: 'Guests of networks that Flat makes get their addresses without DHCP: set in their namespace, or from `instance show --format`',
  }),
}

/**
 * Basic network where no VLANs and no DHCP are used. It leaves the host alone: the operator's bridge must be there on
 * each host. Source: nova/network/manager.py FlatManager.
 */
export class FlatManager extends NetworkManager implements FloatingIPReads {
  readonly topology = { managesHost: false, dhcp: false }
  readonly bridge: string | null
  readonly bridgeInterface: string | null
  readonly injected: boolean

  constructor(
    services: ConstructorParameters<typeof NetworkManager>[0],
    bridge: string | null,
    bridgeInterface: string | null,
    injected = false,
  ) {
    super(services)
    this.injected = injected
    this.bridge = bridge
    this.bridgeInterface = bridgeInterface
  }

  override creationDefaults(): CreationDefaults {
    return {
      ...this.services.flags,
      bridge: this.bridge,
      bridge_interface: this.bridgeInterface,
      bridgeFlag: 'flat_network_bridge',
      injected: this.injected,
      ownBridge: false,
    }
  }

  // It has no floating IPs, and says so to whoever asks for some.

  async getFloatingIp(): Promise<null> {
    return null
  }

  async getFloatingIpByAddress(): Promise<null> {
    return null
  }

  async getFloatingIpsByProject(): Promise<readonly never[]> {
    return []
  }

  async getFloatingIpsByFixedAddress(): Promise<readonly never[]> {
    return []
  }

  async getFloatingIpPools(): Promise<readonly never[]> {
    return []
  }

  async getInstanceIdByFloatingAddress(): Promise<null> {
    return null
  }
}

export default definePlugin({
  name: 'flat',
  summary: "Simple networks on the operator's own bridge, without DHCP",
  provides: networkManagerSlot,
  contract: '1.0',
  options,
  requires: managerRequires,
  create: (environment) =>
    new FlatManager(
      managerServices(environment),
      environment.flags.flat_network_bridge,
      environment.flags.flat_interface,
      environment.flags.flat_injected,
    ),
})
