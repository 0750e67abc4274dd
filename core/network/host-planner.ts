/** Facts -> what the host should look like. Pure: the plugins decide, this only asks them in order. */
import type { DhcpDriver, L3Driver, LinuxNetInterfaceDriver } from '../contracts/host.ts'
import type { Contribution, Resource } from '../contracts/resource.ts'
import { gatewayMac } from '../model/mac.ts'
import type { FixedIpDetail, NetworkRow } from '../model/rows.ts'
import type { HostView } from './host-view.ts'
import { floatingOwner, HOST_OWNER, leasesOwner, networkOwner, portOwner, vifOwner } from './owners.ts'

/** What a kind of manager does on its hosts. */
export interface Topology {
  /** Makes the network's devices, gateway, NAT and metadata; false leaves the host to its operator. */
  readonly managesHost: boolean
  /** Serves DHCP. */
  readonly dhcp: boolean
}

export interface PlannerPlugins {
  readonly interfaceDriver: LinuxNetInterfaceDriver
  readonly l3: L3Driver
  readonly dhcp: DhcpDriver
}

/** The address of the gateway or DHCP server that this host has in the network. */
export function serverAddressOf(network: NetworkRow): string | null {
  return network.dhcp_server ?? network.gateway
}

/** A contribution for each owner that has facts in the view; who asked for an owner without one clears it. */
export function planHost(view: HostView, plugins: PlannerPlugins, topology: Topology): readonly Contribution[] {
  const { interfaceDriver, l3 } = plugins
  const contributions: Contribution[] = []
  const add = (owner: string, resources: readonly Resource[]) => {
    if (resources.length > 0) contributions.push({ owner, resources })
  }
  if (topology.managesHost) {
    add(HOST_OWNER, l3.initialize())
    for (const id of view.plannedNetworkIds)
      add(networkOwner(id), planNetwork(view.networks.get(id)!, view.host, plugins, topology))
  }
  if (topology.dhcp) {
    for (const id of view.leasePlannedNetworkIds) {
      const network = view.networks.get(id)!
      if (!network.enable_dhcp) continue
      const leases = view.leases.filter((row) => row.network_id === id)
      add(leasesOwner(id), plugins.dhcp.leaseFile(network, interfaceDriver.getDev(network), leases))
    }
    for (const guest of firstAddresses(view.guests)) {
      const network = view.networks.get(guest.network_id)!
      if (!network.enable_dhcp) continue
      add(vifOwner(guest.virtual_interface_id!), plugins.dhcp.host(network, interfaceDriver.getDev(network), guest))
    }
  }
  for (const vif of view.ports) {
    const target = { kind: vif.target_kind!, name: vif.target! }
    add(portOwner(vif.id), interfaceDriver.attach(view.networks.get(vif.network_id)!, vif, target, vif.guest_device))
  }
  if (topology.managesHost) {
    for (const floating of view.floatingIps) {
      const binding = {
        publicAddress: floating.address,
        fixedAddress: floating.fixed_address!,
        interface: floating.interface,
      }
      add(floatingOwner(floating.address), l3.addFloatingIp(binding))
    }
  }
  return contributions
}

function planNetwork(
  network: NetworkRow,
  host: string,
  plugins: PlannerPlugins,
  topology: Topology,
): readonly Resource[] {
  const device = plugins.interfaceDriver.getDev(network)
  const removable = new Set(plugins.interfaceDriver.unplug(network))
  const server = serverAddressOf(network)
  const links = plugins.interfaceDriver.plug(network, gatewayMac(host, network.uuid), network.gateway !== null)
  return [
    ...links.map((resource) =>
      resource.kind === 'link' && !removable.has(resource.name) ? { ...resource, keep: true } : resource,
    ),
    ...plugins.l3.initializeGateway(network, device, server),
    ...(topology.dhcp && network.enable_dhcp && server !== null ? plugins.dhcp.serve(network, device, server) : []),
  ]
}

/** DHCP serves one address for each MAC, the first (defects-linux-net D6). */
function firstAddresses(guests: readonly FixedIpDetail[]): readonly FixedIpDetail[] {
  const first = new Map<number, FixedIpDetail>()
  for (const guest of guests) {
    if (guest.virtual_interface_id !== null && !first.has(guest.virtual_interface_id))
      first.set(guest.virtual_interface_id, guest)
  }
  return [...first.values()]
}
