/** Packet intents as rules, in the chains in which nova had them. */
import { type Contribution, FloatingIpAssociateFailed, isPacketIntent, type PacketIntent } from 'netloom/contracts'
import type { IptablesManager, IptablesTable } from './iptables-manager.ts'
import {
  anyAddress,
  comingBy,
  destinationNat,
  destinationPort,
  from,
  icmpv6Type,
  invalid,
  ipv4Address,
  ipv4Block,
  leavingBy,
  portNumber,
  ruleText,
  sourceNat,
  to,
} from './rule-parts.ts'

export interface IntentSettings {
  /** The target of what is not to be forwarded: `DROP`, `REJECT` or a chain of the administrator's. */
  readonly dropAction: string
  /** Filter rules that hold for any address are made for IPv6 too (defects-linux-net A29). */
  readonly useIpv6: boolean
}

/** The intents of a kind. */
export type Intent<K extends PacketIntent['kind']> = Extract<PacketIntent, { kind: K }>

/** Who leads a public address where. */
export interface Mapping {
  readonly owner: string
  readonly fixed: string
}

/**
 * Adds the rules of all intents, owner by owner in the order given.
 * @throws {InvalidInput} on a value that is not of its kind; it names the owner
 * @throws {FloatingIpAssociateFailed} on one public address for two fixed ones or two owners (defects-linux-net A21)
 */
export function addIntents(
  manager: IptablesManager,
  contributions: readonly Contribution[],
  settings: IntentSettings,
): void {
  const mapped = new Map<string, Mapping>()
  for (const { owner, resources } of contributions) {
    for (const intent of resources) {
      if (!isPacketIntent(intent)) continue
      if (intent.kind === 'one-to-one-nat') claim(mapped, owner, intent)
      addIntent(manager, owner, intent, settings)
    }
  }
  // After all that may pass, whichever network it is of.
  for (const { owner, resources } of contributions) {
    for (const intent of resources)
      if (intent.kind === 'forwarding') addForwardingLimit(manager, owner, intent, settings)
  }
}

/**
 * A public address leads to one fixed address, and one owner says so.
 * @param mapped by public address, those of owners before; this one is added
 * @throws {FloatingIpAssociateFailed} when another has it (defects-linux-net A21)
 */
export function claim(mapped: Map<string, Mapping>, owner: string, intent: Intent<'one-to-one-nat'>): void {
  const address = ipv4Address(owner, intent.publicAddress)
  const fixed = ipv4Address(owner, intent.fixedAddress)
  const first = mapped.get(address)
  if (first && (first.owner !== owner || first.fixed !== fixed)) {
    const reason = `${first.owner} maps it to ${first.fixed} and ${owner} to ${fixed}`
    throw new FloatingIpAssociateFailed({ address, reason })
  }
  mapped.set(address, { owner, fixed })
}

function addIntent(manager: IptablesManager, owner: string, intent: PacketIntent, settings: IntentSettings): void {
  const { nat } = manager.ipv4
  switch (intent.kind) {
    case 'one-to-one-nat':
      addOneToOneNat(nat, owner, intent)
      break
    case 'source-nat':
      addSourceNat(nat, owner, intent)
      break
    case 'nat-exemption':
      addNatExemption(nat, owner, intent)
      break
    case 'port-forward':
      addPortForward(nat, owner, intent)
      break
    case 'accept':
      addAccept(manager, owner, intent, settings)
      break
    case 'accept-icmpv6':
      if (settings.useIpv6) addAcceptIcmpv6(manager.ipv6.filter, owner, intent)
      break
    case 'forwarding':
      addForwarding(manager, owner, intent, settings)
      break
    case 'checksum-fill':
      addChecksumFill(manager.ipv4.mangle, owner, intent)
  }
}

/** Source: nova linux_net.floating_forward_rules. */
function addOneToOneNat(nat: IptablesTable, owner: string, intent: Intent<'one-to-one-nat'>): void {
  const address = ipv4Address(owner, intent.publicAddress)
  const fixed = ipv4Address(owner, intent.fixedAddress)
  const device = intent.device === null ? '' : leavingBy(owner, intent.device)
  nat.addCanonicalRule('PREROUTING', ruleText(to(address), destinationNat(fixed)))
  nat.addCanonicalRule('OUTPUT', ruleText(to(address), destinationNat(fixed)))
  // A guest that reaches its own floating address sees it as the source too, whatever device that leaves by.
  if (device !== '') nat.addCanonicalRule('float-snat', ruleText(from(fixed), to(fixed), sourceNat(address)))
  nat.addCanonicalRule('float-snat', ruleText(from(fixed), device, sourceNat(address)))
  nat.addCanonicalRule('POSTROUTING', ruleText(from(fixed), '-m conntrack --ctstate DNAT', sourceNat(address)))
}

/** Source: nova linux_net.add_snat_rule. */
function addSourceNat(nat: IptablesTable, owner: string, intent: Intent<'source-nat'>): void {
  const source = from(ipv4Block(owner, intent.cidr))
  const device = intent.device === null ? '' : leavingBy(owner, intent.device)
  const destination = intent.destination === undefined ? '' : to(ipv4Block(owner, intent.destination))
  nat.addCanonicalRule('snat', ruleText(source, destination, device, sourceNat(ipv4Address(owner, intent.to))))
}

/**
 * Exemptions come before the rules for guests that reach floating IPs (`--ctstate DNAT`), whichever owner came first: a
 * request to the metadata address was translated as well, and must keep its source, by which the metadata service knows
 * the guest. An exemption that is `undnatted` passes over what was translated, so there the order is all one.
 */
function addNatExemption(nat: IptablesTable, owner: string, intent: Intent<'nat-exemption'>): void {
  const source = from(ipv4Block(owner, intent.cidr))
  const destination = to(ipv4Block(owner, intent.destination))
  const state = intent.undnatted ? '-m conntrack ! --ctstate DNAT' : ''
  nat.addCanonicalRule('POSTROUTING', ruleText(source, destination, state, '-j ACCEPT'), true)
}

/** The kernel drops what another host sends to 127.0.0.1: it is redirected instead (defects-linux-net A28). */
function addPortForward(nat: IptablesTable, owner: string, intent: Intent<'port-forward'>): void {
  const target = ipv4Address(owner, intent.to)
  const port = portNumber(owner, intent.toPort)
  const action = target === '127.0.0.1' ? `-j REDIRECT --to-ports ${port}` : destinationNat(`${target}:${port}`)
  const destination = to(ipv4Address(owner, intent.address))
  const text = ruleText(destination, destinationPort(owner, intent.protocol, intent.port), action)
  nat.addCanonicalRule('PREROUTING', text)
  if (intent.local) nat.addCanonicalRule('OUTPUT', text)
}

function addAccept(manager: IptablesManager, owner: string, intent: Intent<'accept'>, settings: IntentSettings): void {
  const { path } = intent
  if (path !== 'input' && path !== 'forward') throw invalid(owner, 'path', path, 'input or forward')
  const chain = path === 'input' ? 'INPUT' : 'FORWARD'
  const parseDestination = settings.useIpv6 ? anyAddress : ipv4Address
  const address = intent.destination === undefined ? null : parseDestination(owner, intent.destination)
  // What was redirected to this host has the address of the device by which it came.
  const isLoopback = address === '127.0.0.1' || address === '::1'
  const text = ruleText(
    address === null || isLoopback ? '' : to(address),
    intent.device === undefined ? '' : comingBy(owner, intent.device),
    destinationPort(owner, intent.protocol, intent.port),
    isLoopback ? '-m addrtype --dst-type LOCAL' : '',
    '-j ACCEPT',
  )
  const isIpv6 = address?.includes(':') ?? false
  if (!isIpv6) manager.ipv4.filter.addCanonicalRule(chain, text)
  if (isIpv6 || (address === null && settings.useIpv6)) manager.ipv6.filter.addCanonicalRule(chain, text)
}

/** IPv4 needs no such thing: ARP passes no filter of IP. */
function addAcceptIcmpv6(filter: IptablesTable, owner: string, intent: Intent<'accept-icmpv6'>): void {
  for (const type of intent.types) {
    filter.addCanonicalRule('INPUT', ruleText(comingBy(owner, intent.device), icmpv6Type(owner, type), '-j ACCEPT'))
  }
}

/**
 * What must not be forwarded is said before what may, whichever network came first: else a network with a gateway would
 * reach into one without. Source: nova linux_net.get_gateway_rules.
 */
function addForwarding(
  manager: IptablesManager,
  owner: string,
  intent: Intent<'forwarding'>,
  settings: IntentSettings,
): void {
  const isDrop = intent.verdict === 'drop'
  if (!['accept', 'drop', 'within'].includes(intent.verdict))
    throw invalid(owner, 'verdict', intent.verdict, 'accept, drop or within')
  const { device, peers = intent.verdict === 'within' ? [] : undefined } = intent
  if (peers !== undefined && !Array.isArray(peers)) throw invalid(owner, 'peers', peers, 'a list of devices')
  for (const { filter, dropped } of forwardingFamilies(manager, settings)) {
    if (isDrop || peers === undefined) {
      const action = isDrop ? dropped : '-j ACCEPT'
      filter.addCanonicalRule('FORWARD', ruleText(comingBy(owner, device), action), isDrop)
      filter.addCanonicalRule('FORWARD', ruleText(leavingBy(owner, device), action), isDrop)
      continue
    }
    for (const peer of peers) {
      filter.addCanonicalRule('FORWARD', ruleText(comingBy(owner, device), leavingBy(owner, peer), '-j ACCEPT'))
      filter.addCanonicalRule('FORWARD', ruleText(comingBy(owner, peer), leavingBy(owner, device), '-j ACCEPT'))
    }
    filter.addCanonicalRule('FORWARD', ruleText(comingBy(owner, device), leavingBy(owner, device), '-j ACCEPT'))
  }
}

/** What comes from or goes to a device that is forwarded with some others only. */
function addForwardingLimit(
  manager: IptablesManager,
  owner: string,
  { device, verdict, peers }: Intent<'forwarding'>,
  settings: IntentSettings,
): void {
  if (verdict !== 'accept' || peers === undefined) return
  for (const { filter, dropped } of forwardingFamilies(manager, settings)) {
    filter.addCanonicalRule('FORWARD', ruleText(comingBy(owner, device), dropped))
    filter.addCanonicalRule('FORWARD', ruleText(leavingBy(owner, device), dropped))
  }
}

/** The tables that say what is forwarded, and the target of what is not, as it is printed there. */
function forwardingFamilies(manager: IptablesManager, { dropAction, useIpv6 }: IntentSettings) {
  const target = (reject: string) => `-j ${dropAction === 'REJECT' ? `REJECT --reject-with ${reject}` : dropAction}`
  return [
    { filter: manager.ipv4.filter, dropped: target('icmp-port-unreachable') },
    ...(useIpv6 ? [{ filter: manager.ipv6.filter, dropped: target('icmp6-port-unreachable') }] : []),
  ]
}

/** Guests drop DHCP answers whose checksum was left to a network card. Source: nova linux_net.add_dhcp_mangle_rule. */
function addChecksumFill(mangle: IptablesTable, owner: string, intent: Intent<'checksum-fill'>): void {
  const device = leavingBy(owner, intent.device)
  mangle.addCanonicalRule(
    'POSTROUTING',
    ruleText(device, destinationPort(owner, 'udp', 68), '-j CHECKSUM --checksum-fill'),
  )
}
