import type { NetworkStore } from 'netloom/contracts'
import type { TableContext } from './statements.ts'
import { DnsChanges } from './tables/dns-changes.ts'
import { DnsDomains } from './tables/dns-domains.ts'
import { Events } from './tables/events.ts'
import { FixedIps } from './tables/fixed-ips.ts'
import { FloatingIps } from './tables/floating-ips.ts'
import { HostChanges } from './tables/host-changes.ts'
import { Instances } from './tables/instances.ts'
import { Networks } from './tables/networks.ts'
import { Pools } from './tables/pools.ts'
import { Projects } from './tables/projects.ts'
import { Services } from './tables/services.ts'
import { VirtualInterfaces } from './tables/virtual-interfaces.ts'

/** The tables, as one transaction sees them. */
export function openStore(context: TableContext): NetworkStore {
  return {
    networks: new Networks(context),
    fixedIps: new FixedIps(context),
    pools: new Pools(context),
    floatingIps: new FloatingIps(context),
    virtualInterfaces: new VirtualInterfaces(context),
    instances: new Instances(context),
    services: new Services(context),
    hostChanges: new HostChanges(context),
    events: new Events(context),
    projects: new Projects(context),
    dnsDomains: new DnsDomains(context),
    dnsChanges: new DnsChanges(context),
  }
}
