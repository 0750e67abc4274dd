import {
  coreOptions,
  definePlugin,
  eui64Address,
  type Logger,
  makesAddresses,
  type NetworkRow,
  type Resource,
  type RouterAdvertDriver,
  raDriverSlot,
  type Values,
} from 'netloom/contracts'

const options = { networks_path: coreOptions.networks_path, use_ipv6: coreOptions.use_ipv6 }

/** radvd refuses a file that others can write. */
const READABLE = 0o644
/** Devices that its file cannot name: numbers and words of its language, in quotes too. */
const UNSPEAKABLE = /^(\d+|on|off|low|medium|high|infinity|interface|prefix|route|clients|abro)$/
const LINK_LOCAL = 'fe80::/64'
const ROUTER_SOLICITATION = 133
/** Seconds that guests keep the default route when they hear nothing: longer than a daemon that died stays away (`reconcile_interval`). */
const ROUTER_SECONDS = 180
/** Those of RFC 4861 6.2.1 would be 30 and 7 days; a prefix that is gone should not stay for so long. */
const VALID_SECONDS = 86_400
const PREFERRED_SECONDS = 14_400

/** One radvd for each network. Source: nova linux_net.update_ra; radvd.conf(5). */
export class RadvdRouterAdvert implements RouterAdvertDriver {
  readonly #flags: Values<typeof options>
  readonly #logger: Logger

  constructor(flags: Values<typeof options>, logger: Logger) {
    this.#flags = flags
    this.#logger = logger
  }

  serve(network: NetworkRow, device: string, macAddress: string, forwards: boolean): readonly Resource[] {
    const { label, cidr_v6: prefix } = network
    if (!this.#flags.use_ipv6 || prefix === null) return []
    if (!makesAddresses(prefix)) {
      const remedy = 'make the network anew with a /64'
      this.#logger.warn(`guests make IPv6 addresses of a /64 only, so ${prefix} is not advertised: ${remedy}`, {
        label,
      })
      return []
    }
    if (UNSPEAKABLE.test(device)) {
      const remedy = 'give the network a bridge of another name'
      this.#logger.warn(`radvd cannot name the device ${device}, so nothing is advertised on it: ${remedy}`, { label })
      return []
    }
    const name = `radvd ${device}`
    const config = `${this.#flags.networks_path}/netloom-${device}.radvd`
    const pidFile = `${config}-pid`
    return [
      // The one that the kernel makes too, but usable at once: radvd is silent until then, and guests ask again after 4 s.
      { kind: 'address', device, cidr: `${eui64Address(LINK_LOCAL, macAddress)}/64` },
      { kind: 'file', path: config, content: configText(network, device, forwards), mode: READABLE, reloads: name },
      {
        kind: 'daemon',
        name,
        argv: ['radvd', `--config=${config}`, `--pidfile=${pidFile}`, '--logmethod=syslog'],
        environment: {},
        pidFile,
      },
      { kind: 'accept-icmpv6', device, types: [ROUTER_SOLICITATION] },
    ]
  }
}

/** The MTU is said when it is the network's own; guests have that of their device otherwise (lessons E2). */
function configText({ cidr_v6, mtu }: NetworkRow, device: string, forwards: boolean): string {
  const lines = [
    `interface ${device}`,
    '{',
    '  AdvSendAdvert on;',
    '  MinRtrAdvInterval 3;',
    '  MaxRtrAdvInterval 10;',
    `  AdvDefaultLifetime ${forwards ? ROUTER_SECONDS : 0};`,
    ...(mtu === null ? [] : [`  AdvLinkMTU ${mtu};`]),
    `  prefix ${cidr_v6}`,
    '  {',
    '    AdvOnLink on;',
    '    AdvAutonomous on;',
    `    AdvValidLifetime ${VALID_SECONDS};`,
    `    AdvPreferredLifetime ${PREFERRED_SECONDS};`,
    '  };',
    '};',
  ]
  return `${lines.join('\n')}\n`
}

export default definePlugin({
  name: 'radvd',
  summary: 'A radvd for each network with IPv6',
  provides: raDriverSlot,
  contract: '1.0',
  options,
  programs: ({ use_ipv6 }): Readonly<Record<string, string>> => (use_ipv6 ? { radvd: 'radvd' } : {}),
  create: ({ flags, logger }) => new RadvdRouterAdvert(flags, logger),
})
