/** Facts -> what the host should look like. Pure: the plugins decide, this only asks them in order. */
import type { DhcpDriver, L3Driver, LinuxNetInterfaceDriver, RouterAdvertDriver } from '../contracts/host.ts'
import type { HostView } from '../contracts/host-facts.ts'
import type { Contribution, Resource } from '../contracts/resource.ts'
import { eui64Address, makesAddresses } from '../model/ipv6.ts'
import { gatewayMac } from '../model/mac.ts'
import type { FixedIpDetail, NetworkRow } from '../model/rows.ts'
import { withGuestSettings } from './guest-config/namespace.ts'
import { serverAddressOn } from './host-view.ts'
import { floatingOwner, HOST_OWNER, leasesOwner, networkOwner, portOwner, vifOwner } from './owners.ts'

export interface PlannerPlugins {
  readonly interfaceDriver: LinuxNetInterfaceDriver
  readonly l3: L3Driver
  readonly dhcp: DhcpDriver
  readonly routerAdvert: RouterAdvertDriver
}

/** A contribution for each owner that has facts in the view; who asked for an owner without one clears it. */
export function planHost(view: HostView, plugins: PlannerPlugins): readonly Contribution[] {
  const { interfaceDriver, l3, dhcp } = plugins
  const { topology } = view
  const networks = new Map(view.networks.map((network) => [network.id, network]))
  const contributions: Contribution[] = []
  const add = (owner: string, resources: readonly Resource[]) => {
    if (resources.length > 0) contributions.push({ owner, resources })
  }
  if (topology.managesHost) {
    add(HOST_OWNER, l3.initialize())
    for (const id of view.plannedNetworkIds) add(networkOwner(id), planNetwork(networks.get(id)!, view, plugins))
  }
  if (topology.dhcp) {
    for (const id of view.leasePlannedNetworkIds) {
      const network = networks.get(id)!
      if (!network.enable_dhcp) continue
      const leases = view.leases.filter((row) => row.network_id === id)
      add(leasesOwner(id), dhcp.leaseFile(network, interfaceDriver.getDev(network), leases))
    }
    for (const guest of firstAddresses(view.guests)) {
      const network = networks.get(guest.network_id)!
      if (!network.enable_dhcp) continue
      add(vifOwner(guest.virtual_interface_id!), dhcp.host(network, interfaceDriver.getDev(network), guest))
    }
  }
  for (const vif of view.ports) {
    const target = { kind: vif.target_kind!, name: vif.target! }
    const network = networks.get(vif.network_id)!
    const resources = interfaceDriver.attach(network, vif, target, vif.guest_device)
    const addresses = view.injected.filter((row) => row.virtual_interface_id === vif.id)
    add(portOwner(vif.id), addresses.length > 0 ? withGuestSettings(resources, network, addresses) : resources)
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

/** Where guests are plugged in but another host is the gateway, only the devices and the way through them. */
function planNetwork(row: NetworkRow, view: HostView, plugins: PlannerPlugins): readonly Resource[] {
  const { interfaceDriver, l3, dhcp, routerAdvert } = plugins
  const server = serverAddressOn(row, view)
  // Without IPv4 no address of the network's is a host's: of a multi_host one each host with guests is the gateway.
  const serves = row.multi_host ? server !== null || row.cidr === null : row.host === view.host
  const mac = gatewayMac(view.host, row.uuid)
  const network = row.multi_host && serves ? withOwnGateway(row, server, mac) : row
  const device = interfaceDriver.getDev(network)
  const removable = new Set(interfaceDriver.unplug(network))
  const forwards = !serves || (row.cidr === null ? network.gateway_v6 : network.gateway) !== null
  const links = interfaceDriver
    .plug(network, mac, forwards)
    .map((resource) =>
      resource.kind === 'link' && !removable.has(resource.name) ? { ...resource, keep: true } : resource,
    )
  if (!serves) return links
  return [
    ...links,
    ...l3.initializeGateway(network, device, server),
    ...(server === null ? [] : (l3.addVpn?.(network) ?? [])),
    ...(view.topology.dhcp && network.enable_dhcp && server !== null ? dhcp.serve(network, device, server) : []),
    ...routerAdvert.serve(network, device, mac, forwards),
  ]
}

/**
 * Of a multi_host network each host is the gateway of its own guests, under addresses of its own. That of IPv6 is made
 * of its MAC address: hosts on one segment would find each other's duplicate, and guests take the advertised route by
 * the link-local address anyway.
 */
function withOwnGateway(row: NetworkRow, server: string | null, mac: string): NetworkRow {
  const { cidr_v6 } = row
  const own = cidr_v6 !== null && makesAddresses(cidr_v6) ? eui64Address(cidr_v6, mac) : row.gateway_v6
  return { ...row, gateway: server, dhcp_server: server, gateway_v6: own }
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
