/**
 * Packet intents as elements of sets and maps, with a lookup of the same cost however many there are. The rules that look
 * them up are always the same; only exemptions and networks' ways out are rules, as their blocks may overlap.
 */
import { type Contribution, isPacketIntent, type PacketIntent } from 'netloom/contracts'
import { claim, type Intent, type Mapping } from '../intent-rules.ts'
import { deviceName, invalid, ipv4Address, ipv4Block, portNumber, protocolName } from '../rule-parts.ts'

export interface NftablesSettings {
  /** What is done with what is not to be forwarded. */
  readonly dropAction: 'DROP' | 'REJECT'
  /** What is not to be forwarded is not forwarded by IPv6 either (defects-linux-net A29). */
  readonly useIpv6: boolean
}

/** Sets and maps, with the type that they are declared with. */
const SETS = {
  /** Public address to fixed address. */
  floating: 'map floating { type ipv4_addr : ipv4_addr; }',
  /** Fixed address to the public address that traffic has which reached it through a floating IP. */
  floating_source: 'map floating_source { type ipv4_addr : ipv4_addr; }',
  /** The same for all other traffic, by the device that it leaves by. */
  floating_by_device: 'map floating_by_device { type ipv4_addr . ifname : ipv4_addr; }',
  /** And for floating IPs without a device. */
  floating_anywhere: 'map floating_anywhere { type ipv4_addr : ipv4_addr; }',
  forwards: 'map forwards { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }',
  redirects: 'map redirects { type ipv4_addr . inet_proto . inet_service : inet_service; }',
  local_forwards: 'map local_forwards { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }',
  local_redirects: 'map local_redirects { type ipv4_addr . inet_proto . inet_service : inet_service; }',
  not_forwarded: 'set not_forwarded { type ifname; }',
  /** Devices that are forwarded with some others only; what else is forwarded all the same is in the next three. */
  limited: 'set limited { type ifname; }',
  forwarded: 'set forwarded { type ifname; }',
  forwarded_pairs: 'set forwarded_pairs { type ifname . ifname; }',
  forwarded_to: 'set forwarded_to { type ipv4_addr . inet_proto . inet_service; }',
} as const
export type SetName = keyof typeof SETS

const KEY_TYPES = new Map<string, readonly string[]>(
  Object.entries(SETS).map(([name, declaration]) => [
    name,
    /type ([\w. ]+)/.exec(declaration)![1]!.trim().split(' . '),
  ]),
)

/** Of what the keys of a set consist, such as `ipv4_addr` and `ifname`. */
export function keyTypes(set: string): readonly string[] {
  return KEY_TYPES.get(set) ?? []
}

/** Chains whose rules come and go. In `exemptions` their order is all one, as each only accepts. */
export const RULE_CHAINS = ['exemptions', 'source_nat'] as const
export type RuleChain = (typeof RULE_CHAINS)[number]

export interface WantedTable {
  /** How each set is declared. */
  readonly sets: Readonly<Record<SetName, string>>
  readonly elements: Readonly<Record<SetName, Map<string, string>>>
  /** Chains with the rules that are always there, in the order in which they are made. */
  readonly chains: ReadonlyMap<string, { readonly hook: string; readonly rules: readonly string[] }>
  readonly rules: Readonly<Record<RuleChain, Set<string>>>
}

/** Ten before those of others, as the jumps of the iptables driver come before others' rules. */
const HOOKS = {
  prerouting: 'nat prerouting -110 accept',
  output: 'nat output -110 accept',
  postrouting: 'nat postrouting 90 accept',
  forward: 'filter forward -10 accept',
}

/**
 * What is wanted of all owners. Where two want different things of one key, the first has it.
 * @throws {InvalidInput} on a value that is not of its kind; it names the owner
 * @throws {FloatingIpAssociateFailed} on one public address for two fixed ones or two owners (defects-linux-net A21)
 */
export function wantedTable(contributions: readonly Contribution[], settings: NftablesSettings): WantedTable {
  const elements = Object.fromEntries(Object.keys(SETS).map((name) => [name, new Map()])) as WantedTable['elements']
  const table = {
    sets: SETS,
    elements,
    chains: frame(settings),
    rules: { exemptions: new Set<string>(), source_nat: new Set<string>() },
  }
  const mapped = new Map<string, Mapping>()
  for (const { owner, resources } of contributions) {
    for (const intent of resources) {
      if (!isPacketIntent(intent)) continue
      if (intent.kind === 'one-to-one-nat') claim(mapped, owner, intent)
      addIntent(table, owner, intent)
    }
  }
  return table
}

function frame({ dropAction, useIpv6 }: NftablesSettings): WantedTable['chains'] {
  const drop = `counter ${dropAction === 'REJECT' ? 'reject' : 'drop'}`
  const family = useIpv6 ? '' : 'meta nfproto ipv4 '
  const place = 'ip daddr . meta l4proto . th dport map'
  const toPorts = (prefix: string) => [
    `meta l4proto { tcp, udp } redirect to :${place} @${prefix}redirects`,
    `meta l4proto { tcp, udp } dnat ip to ${place} @${prefix}forwards`,
  ]
  const toFixed = 'dnat ip to ip daddr map @floating'
  return new Map([
    ['exemptions', { hook: '', rules: [] }],
    ['source_nat', { hook: '', rules: [] }],
    ['prerouting', { hook: HOOKS.prerouting, rules: [...toPorts(''), toFixed] }],
    ['output', { hook: HOOKS.output, rules: [...toPorts('local_'), toFixed] }],
    [
      'postrouting',
      {
        hook: HOOKS.postrouting,
        rules: [
          // First, so that the metadata service sees fixed addresses.
          'jump exemptions',
          'ct status dnat snat ip to ip saddr map @floating_source',
          'snat ip to ip saddr . oifname map @floating_by_device',
          'snat ip to ip saddr map @floating_anywhere',
          'jump source_nat',
        ],
      },
    ],
    [
      'forward',
      {
        hook: HOOKS.forward,
        rules: [
          `${family}iifname @not_forwarded ${drop}`,
          `${family}oifname @not_forwarded ${drop}`,
          'iifname @forwarded accept',
          'oifname @forwarded accept',
          'iifname . oifname @forwarded_pairs accept',
          'ip daddr . meta l4proto . th dport @forwarded_to accept',
          `${family}iifname @limited ${drop}`,
          `${family}oifname @limited ${drop}`,
        ],
      },
    ],
  ])
}

function addIntent({ elements, rules }: WantedTable, owner: string, intent: PacketIntent): void {
  switch (intent.kind) {
    case 'one-to-one-nat':
      addOneToOneNat(elements, owner, intent)
      break
    case 'source-nat': {
      const device = intent.device === null ? '' : `oifname "${deviceName(owner, intent.device)}"`
      const source = block('saddr', ipv4Block(owner, intent.cidr))
      const destination = intent.destination === undefined ? '' : block('daddr', ipv4Block(owner, intent.destination))
      const action = `counter snat ip to ${ipv4Address(owner, intent.to)}`
      rules.source_nat.add(ruleWords(source, destination, device, action))
      break
    }
    case 'nat-exemption': {
      const source = block('saddr', ipv4Block(owner, intent.cidr))
      const destination = block('daddr', ipv4Block(owner, intent.destination))
      const state = intent.undnatted ? 'ct status & dnat == 0' : ''
      rules.exemptions.add(ruleWords('meta nfproto ipv4', source, destination, state, 'counter accept'))
      break
    }
    case 'port-forward':
      addPortForward(elements, owner, intent)
      break
    case 'forwarding':
      addForwarding(elements, owner, intent)
      break
    case 'accept':
      addAccept(elements, owner, intent)
      break
    // This table drops nothing that comes to the host, and no statement fills checksums.
    case 'accept-icmpv6':
    case 'checksum-fill':
      break
  }
}

/**
 * A guest that reaches its own floating address was translated on the way and gets its source by that, whatever device it
 * leaves by, so the rule that nova had for it is not needed.
 */
function addOneToOneNat(elements: WantedTable['elements'], owner: string, intent: Intent<'one-to-one-nat'>): void {
  const address = ipv4Address(owner, intent.publicAddress)
  const fixed = ipv4Address(owner, intent.fixedAddress)
  putFirst(elements.floating, address, fixed)
  putFirst(elements.floating_source, fixed, address)
  // One without a device that came before has all of its traffic.
  if (elements.floating_anywhere.has(fixed)) return
  if (intent.device === null) putFirst(elements.floating_anywhere, fixed, address)
  else putFirst(elements.floating_by_device, `${fixed} . ${deviceName(owner, intent.device)}`, address)
}

/** The kernel drops what another host sends to 127.0.0.1: it is redirected instead (defects-linux-net A28). */
function addPortForward(elements: WantedTable['elements'], owner: string, intent: Intent<'port-forward'>): void {
  const target = ipv4Address(owner, intent.to)
  const port = portNumber(owner, intent.toPort)
  const from = [
    ipv4Address(owner, intent.address),
    protocolName(owner, intent.protocol),
    portNumber(owner, intent.port),
  ]
  const key = from.join(' . ')
  const isRedirect = target === '127.0.0.1'
  const value = isRedirect ? `${port}` : `${target} . ${port}`
  putFirst(isRedirect ? elements.redirects : elements.forwards, key, value)
  if (intent.local) putFirst(isRedirect ? elements.local_redirects : elements.local_forwards, key, value)
}

function addForwarding(elements: WantedTable['elements'], owner: string, intent: Intent<'forwarding'>): void {
  const device = deviceName(owner, intent.device)
  const { verdict, peers } = intent
  if (verdict === 'drop') putFirst(elements.not_forwarded, device, '')
  else if (verdict === 'within') putFirst(elements.forwarded_pairs, `${device} . ${device}`, '')
  else if (verdict !== 'accept') throw invalid(owner, 'verdict', verdict, 'accept, drop or within')
  else if (peers === undefined) putFirst(elements.forwarded, device, '')
  else if (!Array.isArray(peers)) throw invalid(owner, 'peers', peers, 'a list of devices')
  else {
    putFirst(elements.limited, device, '')
    putFirst(elements.forwarded_pairs, `${device} . ${device}`, '')
    for (const peer of peers.map((name) => deviceName(owner, name))) {
      putFirst(elements.forwarded_pairs, `${device} . ${peer}`, '')
      putFirst(elements.forwarded_pairs, `${peer} . ${device}`, '')
    }
  }
}

/**
 * An accept in one table keeps no other from dropping: only what this one would drop itself matters, which is the way to a
 * server behind a device that is forwarded with some others only.
 */
function addAccept(elements: WantedTable['elements'], owner: string, intent: Intent<'accept'>): void {
  if (intent.path !== 'forward' || intent.destination === undefined) return
  const key = [
    ipv4Address(owner, intent.destination),
    protocolName(owner, intent.protocol),
    portNumber(owner, intent.port),
  ]
  putFirst(elements.forwarded_to, key.join(' . '), '')
}

function putFirst(elements: Map<string, string>, key: string, value: string): void {
  if (!elements.has(key)) elements.set(key, value)
}

function block(side: 'saddr' | 'daddr', text: string): string {
  return text === '0.0.0.0/0' ? '' : `ip ${side} ${text}`
}

function ruleWords(...parts: readonly string[]): string {
  return parts.filter(Boolean).join(' ')
}
