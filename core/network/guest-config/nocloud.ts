/**
 * A NoCloud seed: the files by which cloud-init configures a guest without DHCP or a metadata service. They are JSON,
 * which is YAML too and needs no quoting rules of its own. Pure. Source: cloud-init's documentation of the data source
 * NoCloud and of network configuration version 2.
 */
import { parseHostname, parseUuid } from '../../model/names.ts'
import type { NetworkInfo } from '../../model/network-info.ts'
import { type GuestInterface, guestInterfaces } from './guest-interfaces.ts'

/** Names and contents of files. */
export type NoCloudSeed = Readonly<Record<'meta-data' | 'network-config' | 'user-data', string>>

/** @throws {InvalidInput} for a bad value */
export function noCloudSeed(
  instance: { readonly uuid: string; readonly hostname: string },
  info: NetworkInfo,
): NoCloudSeed {
  const uuid = parseUuid(instance.uuid)
  return {
    'meta-data': document({ 'instance-id': uuid, 'local-hostname': parseHostname(instance.hostname) }),
    'network-config': document({ version: 2, ethernets: ethernets(guestInterfaces(info)) }),
    'user-data': '#cloud-config\n{}\n',
  }
}

function document(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

function ethernets(interfaces: readonly GuestInterface[]): object {
  return Object.fromEntries(
    interfaces.map(({ name, mac, subnets, nameServers }) => {
      const fixed = subnets.filter((subnet) => !subnet.dhcp)
      const addresses = fixed.flatMap((subnet) =>
        subnet.addresses.map((address) => `${address}/${subnet.block.prefix}`),
      )
      const routes = fixed.flatMap(({ version, gateway, routes }) => [
        ...(gateway === null ? [] : [{ to: version === 4 ? '0.0.0.0/0' : '::/0', via: gateway }]),
        ...routes.map(({ to, via }) => ({ to: to.text, via })),
      ])
      return [
        name,
        {
          match: { macaddress: mac },
          'set-name': name,
          ...(subnets.some((subnet) => subnet.dhcp) ? { dhcp4: true } : {}),
          ...(addresses.length > 0 ? { addresses } : {}),
          ...(routes.length > 0 ? { routes } : {}),
          ...(fixed.length > 0 && nameServers.length > 0 ? { nameservers: { addresses: nameServers } } : {}),
        },
      ]
    }),
  )
}
