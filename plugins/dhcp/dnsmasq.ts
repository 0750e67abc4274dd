import {
  type Command,
  coreOptions,
  type DhcpDriver,
  definePlugin,
  dhcpbridgeRef,
  dhcpDriverSlot,
  dhcpLabel,
  type FixedIpDetail,
  type NetworkRow,
  option,
  parseCidr,
  parseUser,
  type Resource,
  sizeOf,
  type Values,
} from 'netloom/contracts'

const options = {
  networks_path: coreOptions.networks_path,
  dhcp_domain: coreOptions.dhcp_domain,
  dhcp_lease_time: option.seconds({
    default: 86400,
    min: 120,
    help: 'Seconds that a lease lasts; a short one shows changes sooner and costs a renewal for each guest every half of it',
  }),
  dhcpbridge: option.optionalPath({
    help: "The helper that dnsmasq runs for each lease event; empty: netloom's own",
  }),
  dns_server: option.addresses({ default: [], help: "Servers that dnsmasq asks; empty: the host's own" }),
  use_network_dns_servers: option.boolean({ default: false, help: "Ask the network's dns1 and dns2 too" }),
  use_single_default_gateway: option.boolean({
    default: false,
    help: 'Only the first interface of an instance is told a default gateway',
  }),
  dnsmasq_config_file: option.optionalPath({ help: 'A dnsmasq configuration of your own' }),
  dnsmasq_user: option.name('user', parseUser, {
    default: 'root',
    help: 'The user that dnsmasq becomes; it must be able to read networks_path',
  }),
}

const READABLE = 0o644
/** Of guests that are told no router. No label of a network has a dot, so none is the same tag. */
const NO_ROUTER = 'no.router'

/** The flags, with the helper that is run. */
type Settings = Omit<Values<typeof options>, 'dhcpbridge'> & { readonly dhcpbridge: string }

/** One dnsmasq for each network. Source: nova linux_net restart_dhcp; dnsmasq(8). */
export class DnsmasqDhcp implements DhcpDriver {
  readonly #flags: Settings

  /** @throws {TypeError} for a helper that dnsmasq cannot run */
  constructor(flags: Settings) {
    const [problem] = helperProblems(flags.dhcpbridge)
    if (problem !== undefined) throw new TypeError(problem)
    this.#flags = flags
  }

  serve(network: NetworkRow, device: string, serverAddress: string): readonly Resource[] {
    const daemon = this.#daemonName(device)
    const open = (protocol: 'udp' | 'tcp', port: number): Resource => ({
      kind: 'accept',
      path: 'input',
      device,
      protocol,
      port,
    })
    return [
      // The router option; the file is read again on SIGHUP.
      {
        kind: 'file',
        path: this.#path(device, 'opts'),
        content: this.#routerOptions(network),
        mode: READABLE,
        reloads: daemon,
      },
      // dnsmasq wants the folder to be there when it starts; it passes over names that begin with a dot.
      { kind: 'file', path: `${this.#path(device, 'hosts')}/.keep`, content: '', mode: READABLE },
      {
        kind: 'daemon',
        name: daemon,
        argv: this.#argv(network, device, serverAddress),
        environment: {
          NETWORK_ID: String(network.id),
          NETLOOM_SPOOL: `${this.#flags.networks_path}/spool`,
          NETLOOM_LEASES: this.#path(device, 'leases'),
          NETLOOM_LEASE_SECONDS: String(this.#flags.dhcp_lease_time),
        },
        pidFile: this.#path(device, 'pid'),
      },
      open('udp', 67),
      open('tcp', 67),
      open('udp', 53),
      open('tcp', 53),
      { kind: 'checksum-fill', device },
    ]
  }

  host(
    _network: NetworkRow,
    device: string,
    { mac, hostname, address, default_route }: FixedIpDetail,
  ): readonly Resource[] {
    if (mac === null) return []
    const name = dhcpLabel(hostname ?? `host-${address.replaceAll('.', '-')}`)
    const domain = this.#flags.dhcp_domain === '' ? '' : `.${this.#flags.dhcp_domain}`
    const tag = this.#flags.use_single_default_gateway && !default_route ? `set:${NO_ROUTER},` : ''
    const path = `${this.#path(device, 'hosts')}/${mac.replaceAll(':', '-')}`
    return [
      {
        kind: 'file',
        path,
        content: `${mac},${tag}${name}${domain},${address}\n`,
        mode: READABLE,
        reloads: this.#daemonName(device),
        addedIsSeen: true,
      },
    ]
  }

  leaseFile(_network: NetworkRow, device: string, leased: readonly FixedIpDetail[]): readonly Resource[] {
    const lines = leased
      .filter((row) => row.lease_mac !== null)
      .map((row) => `${row.lease_mac} ${row.address} ${leaseName(row)} *\n`)
    return [{ kind: 'file', path: this.#path(device, 'leases'), content: lines.join(''), mode: READABLE }]
  }

  release(device: string, address: string, mac: string): readonly Command[] {
    return [{ argv: ['dhcp_release', device, address, mac] }]
  }

  #argv(network: NetworkRow, device: string, serverAddress: string): readonly [string, ...string[]] {
    const { dhcp_domain, dhcp_lease_time, dhcpbridge, dnsmasq_config_file, dnsmasq_user } = this.#flags
    const cidr = parseCidr(network.cidr ?? '0.0.0.0/0')
    const servers = this.#upstream(network)
    const tag = network.label.replace(/[^A-Za-z0-9_-]/g, '-')
    return [
      'dnsmasq',
      '--strict-order',
      '--bind-interfaces',
      `--conf-file=${dnsmasq_config_file ?? ''}`,
      `--user=${dnsmasq_user}`,
      `--pid-file=${this.#path(device, 'pid')}`,
      `--dhcp-optsfile=${this.#path(device, 'opts')}`,
      // Named, so that it hears this device alone: of several servers on one host only one gets a packet that is no broadcast.
      `--interface=${device}`,
      `--listen-address=${serverAddress}`,
      '--except-interface=lo',
      `--dhcp-range=set:${tag},${network.dhcp_start ?? serverAddress},static,${network.netmask ?? ''},${dhcp_lease_time}s`,
      `--dhcp-lease-max=${sizeOf(cidr)}`,
      `--dhcp-hostsdir=${this.#path(device, 'hosts')}`,
      `--dhcp-script=${dhcpbridge}`,
      '--no-hosts',
      '--leasefile-ro',
      '--dhcp-no-override',
      ...(dhcp_domain === '' ? [] : [`--domain=${dhcp_domain}`]),
      ...(servers.length === 0 ? [] : ['--no-resolv', ...servers.map((server) => `--server=${server}`)]),
    ]
  }

  /** Option 3 without a value keeps dnsmasq from telling its own address; with a tag it comes before the one without. */
  #routerOptions({ gateway }: NetworkRow): string {
    if (gateway === null) return '3\n'
    return `${this.#flags.use_single_default_gateway ? `tag:${NO_ROUTER},3\n` : ''}3,${gateway}\n`
  }

  /** Made anew for each network: one network's servers never reach another (defects-linux-net D8). */
  #upstream(network: NetworkRow): readonly string[] {
    const own = this.#flags.use_network_dns_servers
      ? [network.dns1, network.dns2].filter((server) => server !== null)
      : []
    return [...this.#flags.dns_server, ...own]
  }

  #daemonName(device: string): string {
    return `dnsmasq ${device}`
  }

  #path(device: string, suffix: string): string {
    return `${this.#flags.networks_path}/netloom-${device}.${suffix}`
  }
}

/** dnsmasq starts the helper through a shell for `init`, by itself for a lease: only a plain path means the same to both. */
function helperProblems(path: string): readonly string[] {
  if (/^[A-Za-z0-9_./+@:-]+$/.test(path)) return []
  const remedy = 'link the helper to such a path and name that with dhcpbridge'
  return [
    `dnsmasq gives the path ${JSON.stringify(path)} to a shell, so only letters, digits and _-./+@: will do: ${remedy}`,
  ]
}

/** The name goes with the use of the address, not with the lease that outlives it: its instance may be gone by then. */
function leaseName({ allocated, hostname }: FixedIpDetail): string {
  return allocated && hostname !== null ? dhcpLabel(hostname) : '*'
}

/** The helper to run. A `nova.conf` names nova's, which would not know what to do here: it is an old name of ours. */
function helperOf(flag: string | null, own: string): string {
  return flag === null || flag.endsWith('/nova-dhcpbridge') ? own : flag
}

export default definePlugin({
  name: 'dnsmasq',
  summary: 'A dnsmasq for each network',
  provides: dhcpDriverSlot,
  contract: '1.0',
  options,
  programs: { dnsmasq: 'dnsmasq-base', dhcp_release: 'dnsmasq-utils' },
  requires: { ownHelper: dhcpbridgeRef },
  check: ({ dhcpbridge }) => (dhcpbridge === null ? [] : helperProblems(dhcpbridge)),
  create: ({ flags, services }) =>
    new DnsmasqDhcp({ ...flags, dhcpbridge: helperOf(flags.dhcpbridge, services.ownHelper) }),
})
