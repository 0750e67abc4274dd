import {
  addNetworkToProject,
  type ChangeVpnRequest,
  type CreationDefaults,
  changeVpn,
  coreOptions,
  definePlugin,
  FloatingIP,
  managerRequires,
  managerServices,
  NetworkManager,
  type NetworkRow,
  type NetworkStore,
  networkManagerSlot,
  option,
  type RequestContext,
  RPCAllocateFixedIP,
  type VlanDefaults,
  vlanOptions,
} from 'netloom/contracts'

const options = {
  ...coreOptions,
  ...vlanOptions,
  vlan_start: option.integer({ default: 100, min: 1, max: 4094, help: 'First VLAN for private networks' }),
  vpn_start: option.port({ default: 1000, help: 'First VPN port for private networks' }),
  cnt_vpn_clients: option.integer({
    default: 0,
    min: 0,
    max: 65535,
    help: 'Number of addresses reserved for VPN clients, at the top of each network',
  }),
}

/**
 * A VLAN for each project: its first instance gets it a network of its own, with a DHCP server and a place for a VPN
 * server by which the project is reached from outside. Source: nova/network/manager.py VlanManager.
 */
export class VlanManager extends RPCAllocateFixedIP(FloatingIP(NetworkManager)) {
  readonly topology = { managesHost: true, dhcp: true }
  readonly vlanDefaults: VlanDefaults
  readonly vlanInterface: string | null

  constructor(
    services: ConstructorParameters<typeof NetworkManager>[0],
    vlanDefaults: VlanDefaults,
    vlanInterface: string | null,
  ) {
    super(services)
    this.vlanDefaults = vlanDefaults
    this.vlanInterface = vlanInterface
  }

  override creationDefaults(): CreationDefaults {
    return {
      ...this.services.flags,
      bridge: null,
      bridgeFlag: null,
      ownBridge: true,
      bridge_interface: this.vlanInterface,
      vlan: this.vlanDefaults,
    }
  }

  /** All that the project has; its first one is taken when it has none. Source: project_get_networks. */
  override async networksForProject(store: NetworkStore, projectId: string): Promise<readonly NetworkRow[]> {
    const own = (await store.networks.list()).filter((network) => network.project_id === projectId)
    return own.length > 0 ? own : [await store.networks.associate(projectId)]
  }

  /** What is nobody's yet is not everybody's (defects-manager E2). */
  override mayUse(network: NetworkRow, projectId: string | null): boolean {
    return network.project_id !== null && network.project_id === projectId
  }

  override addNetworkToProject(_context: RequestContext, project: string, uuid: string | null): Promise<NetworkRow> {
    return addNetworkToProject(this, project, uuid)
  }

  override changeVpn(context: RequestContext, request: ChangeVpnRequest): Promise<readonly NetworkRow[]> {
    return changeVpn(this, context, request)
  }
}

export default definePlugin({
  name: 'vlan',
  summary: 'A network on a VLAN of its own for each project, with DHCP, NAT, floating IPs and a VPN',
  provides: networkManagerSlot,
  contract: '1.0',
  options,
  requires: managerRequires,
  create: (environment) => {
    const { vlan_start, vpn_start, cnt_vpn_clients, vlan_interface, vpn_ip, my_ip } = environment.flags
    // An address of this host is none of another's: then each network has that of the host which serves it.
    const vlan = { vlan_start, vpn_start, cnt_vpn_clients, vpn_ip: vpn_ip === my_ip ? null : vpn_ip }
    return new VlanManager(managerServices(environment), vlan, vlan_interface)
  },
})
