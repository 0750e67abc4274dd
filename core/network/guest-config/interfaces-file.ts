/** Debian's /etc/network/interfaces. Pure. Source: interfaces(5); nova/virt/interfaces.template. */
import { netmaskOf } from '../../model/address.ts'
import type { NetworkInfo } from '../../model/network-info.ts'
import { broadcastOf, type GuestInterface, type GuestSubnet, guestInterfaces } from './guest-interfaces.ts'

/** The file with all interfaces of a guest; one with DHCP asks for its address. @throws {InvalidInput} for a bad value */
export function interfacesFile(info: NetworkInfo): string {
  const loopback = ['auto lo', 'iface lo inet loopback']
  const stanzas = guestInterfaces(info).flatMap((each) => {
    const [first = [], ...others] = stanzasOf(each)
    return [[`auto ${each.name}`, ...first], ...others]
  })
  return `${[loopback, ...stanzas].map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function stanzasOf({ name, subnets, nameServers }: GuestInterface): readonly (readonly string[])[] {
  if (subnets.length === 0) return [[`iface ${name} inet manual`]]
  const stanzas = subnets.flatMap((subnet) => {
    const family = subnet.version === 4 ? 'inet' : 'inet6'
    if (subnet.dhcp) return [[`iface ${name} ${family} dhcp`]]
    return subnet.addresses.map((address, index) => [
      `iface ${name} ${family} static`,
      ...addressLines(subnet, address),
      ...(index === 0 ? routeLines(subnet) : []),
    ])
  })
  const [first, ...others] = stanzas
  const isDhcp = first![0]!.endsWith(' dhcp')
  if (isDhcp || nameServers.length === 0) return stanzas
  return [[...first!, `    dns-nameservers ${nameServers.join(' ')}`], ...others]
}

function addressLines({ version, block }: GuestSubnet, address: string): readonly string[] {
  const netmask = version === 4 ? netmaskOf(block) : String(block.prefix)
  const broadcast = version === 4 ? [`    broadcast ${broadcastOf(block)}`] : []
  return [`    address ${address}`, `    netmask ${netmask}`, ...broadcast]
}

function routeLines({ gateway, routes }: GuestSubnet): readonly string[] {
  return [
    ...(gateway === null ? [] : [`    gateway ${gateway}`]),
    ...routes.map(({ to, via }) => `    up ip route replace ${to.text} via ${via} dev $IFACE`),
  ]
}
