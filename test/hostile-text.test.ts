/**
 * Text of users and of flags ends in argument vectors, in files of dnsmasq, in batches of ip and in rules. Whatever it
 * is, it is refused, or it is one field there (defects-linux-net G2, G3, lessons B8).
 */
import fc from 'fast-check'
import {
  type FirewallDriver,
  type HostResource,
  type HostView,
  isPacketIntent,
  type Operation,
  type Plugin,
  parseDevice,
  parseNamespace,
  parsePool,
} from 'netloom/contracts'
import { aFixedIp, aFloatingIp, aNetwork, aVirtualInterface, silentLogger } from 'netloom/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { gather, type Registry } from '../config/registry.ts'
import { parseCommandLine } from '../config/sources.ts'
import { validate } from '../config/validate.ts'
import { selectPlugins } from '../core/bin/plugin-selection.ts'
import { type PlannerPlugins, planHost } from '../core/network/host-planner.ts'
import { planNetworks } from '../core/network/network-creation.ts'
import { parseAllocateRequest } from '../core/network/nics.ts'
import iptables from '../drivers/firewall/iptables.ts'
import nftables from '../drivers/firewall/nftables.ts'
import { hostOperations } from '../drivers/host/linux/operations.ts'
import dnsmasq from '../plugins/dhcp/dnsmasq.ts'
import bridge from '../plugins/interface/bridge.ts'
import linuxNet from '../plugins/l3/linux-net.ts'

/** A value of each flag that has none by default. */
const GIVEN: Readonly<Record<string, string>> = {
  flat_network_bridge: 'br100',
  flat_interface: 'eth1',
  public_interface: 'eth0',
  dnsmasq_config_file: '/etc/dnsmasq.conf',
  dhcpbridge: '/usr/lib/netloom-dhcpbridge',
  dns_server: '192.0.2.53',
  dmz_cidr: '198.51.100.0/24',
  fixed_range: '10.0.0.0/24',
  use_network_dns_servers: 'true',
}
const facts = {
  hostname: 'node1',
  primary_address: '192.0.2.1',
  default_state_path: '/var/lib/netloom',
  default_run_path: '/run/netloom',
}

/** What a user names. */
const NAMES = {
  label: 'private',
  bridge: 'br100',
  project: 'acme',
  hostname: 'web1',
  host: 'node1',
  pool: 'nova',
  interface: 'eth0',
  tap: 'tap1',
  netns: 'web1',
}
type Names = typeof NAMES

/** A text that is right, with something in, before or after it that means something to a shell, a file or a rule. */
function hostile(right: string): fc.Arbitrary<string> {
  const evil = fc.constantFrom(
    ...[
      ',',
      '\n',
      '\r\n',
      '\0',
      '\t',
      ' ',
      '  ',
      '=',
      '#',
      ';',
      '"',
      "'",
      '`',
      '\\',
      '/',
      '..',
      '-',
      '--',
      '%',
      '*',
      '+',
      '!',
    ],
    ...[
      '$$(id)',
      ',set:evil',
      ' -j ACCEPT',
      '\n-A INPUT -j ACCEPT',
      '\nCOMMIT',
      '--dhcp-script=/bin/sh',
      'ü',
      '\u2028',
      '\u202e',
    ],
  )
  const at = fc.integer({ min: 0, max: right.length })
  const spliced = fc.tuple(at, evil).map(([i, text]) => right.slice(0, i) + text + right.slice(i))
  return fc.oneof(
    spliced,
    spliced.map((text) => text.repeat(40)),
    fc.string({ unit: 'binary' }),
    evil,
  )
}

let registry: Registry
let known: Registry
beforeAll(async () => {
  const selection = await selectPlugins([], facts)
  registry = gather(selection.selected)
  known = gather(selection.known)
})

/** All flags, one of them with this text; null when that is refused. */
function flagsWith(flag?: string, text?: string): Readonly<Record<string, unknown>> | null {
  const given = { ...GIVEN, ...(flag === undefined ? {} : { [flag]: text }) }
  const settings = [parseCommandLine(Object.entries(given).map(([name, value]) => `--${name}=${value}`))]
  const { values, problems } = validate({ registry, known, settings, facts })
  const errors = problems.filter(({ level }) => level === 'error')
  for (const { flag: of, message } of errors) expect(`${of}: ${message}`).toMatch(/\w+: .+/)
  return errors.length === 0 ? values : null
}

function make<T>(plugin: Plugin, flags: Readonly<Record<string, unknown>>): T {
  const services = { ownHelper: '/usr/lib/netloom-dhcpbridge' }
  return plugin.create({ flags, services, logger: silentLogger }) as T
}

/** What a host with one network, one guest and one floating IP is given. @throws {InvalidInput} */
function viewOf(flags: Readonly<Record<string, unknown>>, names: Names): HostView {
  const { flat_network_bridge, flat_interface } = flags as Record<string, string>
  const kind = { bridge: flat_network_bridge!, bridge_interface: flat_interface!, bridgeFlag: null, ownBridge: true }
  const defaults = { ...(flags as unknown as Parameters<typeof planNetworks>[1]), ...kind }
  const request = { label: names.label, bridge: names.bridge, project_id: names.project, multi_host: false }
  const [made] = planNetworks(request, defaults, [], () => aNetwork().uuid)
  const { hostname, host } = parseAllocateRequest(
    { instance_uuid: aFixedIp().instance_uuid!, project_id: names.project, hostname: names.hostname, host: names.host },
    'node1',
  )
  const guest = aFixedIp({ hostname, mac: 'fa:16:3e:00:00:01', leased: true, lease_mac: 'fa:16:3e:00:00:01' })
  const port = { network_id: 1, device: parseDevice('tap', names.tap), target: names.tap }
  const pool = parsePool(names.pool)
  return {
    host,
    topology: { managesHost: true, dhcp: true },
    networks: [aNetwork({ ...made, id: 1, host })],
    hostAddresses: [],
    plannedNetworkIds: [1],
    leasePlannedNetworkIds: [1],
    injected: [],
    guests: [guest],
    leases: [guest],
    ports: [
      aVirtualInterface({ ...port, target_kind: 'tap' }),
      aVirtualInterface({ ...port, id: 2, target_kind: 'netns', target: parseNamespace(names.netns), device: 'tap2' }),
    ],
    floatingIps: [
      aFloatingIp({ pool, interface: parseDevice('interface', names.interface), fixed_address: '10.0.0.2' }),
    ],
  }
}

/** All that is run and written for it, without the text: how many words, fields and lines, of which options. */
function shapeOf(flags: Readonly<Record<string, unknown>>, names: Names): readonly string[] {
  const plugins: PlannerPlugins = {
    interfaceDriver: make(bridge, flags),
    l3: make(linuxNet, flags),
    dhcp: make(dnsmasq, flags),
  }
  const wanted = planHost(viewOf(flags, names), plugins)
  const steps = wanted.flatMap(({ owner, resources }) =>
    resources
      .filter((resource): resource is HostResource => !isPacketIntent(resource))
      .map((resource) => ({ verb: 'add' as const, owner, resource })),
  )
  const host = hostOperations(steps, { resources: new Map(), namespaces: new Set([names.netns]) })
  // A chain of the administrator's is only for iptables.
  const drivers = [make<FirewallDriver>(iptables, flags), make<FirewallDriver>(nftables, flags)]
  const rules = drivers.flatMap((driver) => driver.change(wanted, ['', '']).commands)
  return [
    ...host.flatMap(shapeOfOperation),
    ...rules.flatMap(({ input }) => linesOf(input ?? '').map((line) => `rule: ${wordsOf(line)}`)),
  ]
}

function shapeOfOperation(operation: Operation): readonly string[] {
  switch (operation.kind) {
    case 'batch':
      return operation.lines.flatMap(({ text }) => linesOf(text).map((line) => `ip: ${wordsOf(line)}`))
    case 'write-file':
      return linesOf(operation.content).map((line) => `file: ${line.split(/[ ,]/).length} fields`)
    case 'start-daemon':
      return operation.daemon.argv.map((word) => {
        const [name, ...value] = word.split('=')
        // Of those used, the one option of dnsmasq that is a list.
        const fields = name === '--dhcp-range' ? value.join('=').split(',').length : 1
        return `dnsmasq: ${name} ${fields} ${linesOf(word).length === 1}`
      })
    default:
      return [operation.kind]
  }
}

function linesOf(text: string): readonly string[] {
  return text.split(/[\n\r\0]/)
}

/** How many words, and which of them are options. */
function wordsOf(line: string): string {
  return line
    .split(' ')
    .map((word) => (word.startsWith('-') ? word : 'x'))
    .join(' ')
}

describe('flags', () => {
  test('the flags of the test are rendered', () => {
    const flags = flagsWith()
    expect(flags).not.toBeNull()
    expect(shapeOf(flags!, NAMES).length).toBeGreaterThan(60)
  })

  test('hostile text in any flag is refused, or is one field', () => {
    const usual = flagsWith()!
    const shape = shapeOf(usual, NAMES)
    const accepted = new Set<string>()
    for (const [flag, { option }] of registry.declarations) {
      const value = usual[flag]
      if (typeof value !== 'string' || option.kind === 'plugin') continue
      fc.assert(
        fc.property(hostile(value), (text) => {
          const flags = flagsWith(flag, text)
          // No value at all is another shape, and a right one.
          if (flags === null || flags[flag] === '' || flags[flag] === null) return
          accepted.add(flag)
          expect(shapeOf(flags, NAMES)).toEqual(shape)
        }),
      )
    }
    expect([...accepted]).toEqual(
      expect.arrayContaining(['state_path', 'networks_path', 'dnsmasq_config_file', 'host']),
    )
  })

  test('a list of addresses or blocks has nothing else in it', () => {
    for (const flag of ['dns_server', 'dmz_cidr']) {
      fc.assert(
        fc.property(hostile(GIVEN[flag]!), (text) => {
          for (const word of (flagsWith(flag, text)?.[flag] ?? []) as string[]) expect(word).toMatch(/^[0-9a-f.:/]+$/)
        }),
      )
    }
  })
})

describe('names that users give', () => {
  test.each(Object.keys(NAMES) as (keyof Names)[])(
    'hostile text as %s is refused, or is one field (defects-linux-net G1)',
    (name) => {
      const flags = flagsWith()!
      const shape = shapeOf(flags, NAMES)
      fc.assert(
        fc.property(hostile(NAMES[name]), (text) => {
          let given: readonly string[]
          try {
            given = shapeOf(flags, { ...NAMES, [name]: text })
          } catch (error) {
            expect(error).toMatchObject({ exitStatus: 2 })
            return
          }
          expect(given).toEqual(shape)
        }),
        { numRuns: 200 },
      )
    },
  )
})
