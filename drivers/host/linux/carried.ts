/** Reads what a device carries: `ip -j -d address show` and `ip -j -d route show table all`. Pure. */
import type { Carried, CarriedAddress, CarriedRoute } from 'netloom/contracts'

/** Both families: of all tables `ip` shows both. */
export const SHOW_ROUTES = ['ip', '-j', '-d', 'route', 'show', 'table', 'all'] as const

/** `ip` prints this for a lifetime without end. */
const FOREVER = 4_294_967_295

interface IpAddress {
  readonly family?: string
  readonly local?: string
  /** The other end of a point-to-point address. */
  readonly address?: string
  readonly prefixlen?: number
  readonly broadcast?: string
  readonly scope?: string
  readonly label?: string
  readonly metric?: number
  readonly valid_life_time?: number
  readonly preferred_life_time?: number
  readonly dadfailed?: boolean
  readonly [flag: string]: unknown
}

interface IpHop {
  readonly dev?: string
  readonly gateway?: string
  readonly via?: { readonly family: string; readonly host: string }
  readonly weight?: number
  readonly flags?: readonly string[]
}

interface IpRoute extends IpHop {
  readonly type?: string
  readonly dst: string
  readonly protocol?: string
  readonly scope?: string
  readonly table?: string
  readonly prefsrc?: string
  readonly metric?: number
  readonly metrics?: readonly Readonly<Record<string, unknown>>[]
  readonly expires?: number
  /** Of IPv6 routes, all of them. */
  readonly pref?: string
  readonly nexthops?: readonly IpHop[]
}

/** Flags of an address that can be given to it; the others say how it fares or follow from what is given. */
const ADDRESS_FLAGS = ['home', 'mngtmpaddr', 'noprefixroute', 'autojoin']
const ROUTE_PARTS = [
  ...['dev', 'gateway', 'via', 'flags', 'type', 'dst', 'protocol', 'scope', 'table', 'prefsrc', 'metric', 'metrics'],
  ...['expires', 'pref', 'nexthops'],
]

/**
 * @param device whose name it is
 * @param addresses JSON of all links
 * @param isOthers false for an address that netloom gave it, or wants on it
 * @returns in the order in which they have to be added: the kernel shows the newest of IPv6 first
 */
export function carriedAddresses(
  device: string,
  addresses: string,
  isOthers: (cidr: string) => boolean,
): readonly CarriedAddress[] {
  const links = parse<{ readonly ifname: string; readonly addr_info?: readonly IpAddress[] }>(addresses)
  const own = links
    .filter(({ ifname }) => ifname === device)
    .flatMap(({ addr_info = [] }) => addr_info)
    .filter(({ family, local, scope }) => local !== undefined && !(family === 'inet6' && scope === 'link'))
    .filter(({ local, prefixlen }) => isOthers(`${local}/${prefixlen}`))
  const ofFamily = (name: string) => own.filter(({ family }) => family === name)
  return [...ofFamily('inet'), ...ofFamily('inet6').toReversed()].map((address) => addressOf(device, address))
}

/**
 * Routes that the kernel makes with an address come and go with it, and are none of these.
 * @param routes JSON of all tables
 */
export function carriedBy(device: string, addresses: readonly CarriedAddress[], routes: string): Carried {
  const own = parse<IpRoute>(routes).filter(
    ({ dev, protocol, nexthops = [] }) =>
      protocol !== 'kernel' && (dev === device || nexthops.some((hop) => hop.dev === device)),
  )
  const obstacles = own.flatMap((route) => obstacleOf(device, route) ?? [])
  const carried = { addresses, routes: own.map((route) => routeOf(route)) }
  return obstacles.length === 0 ? carried : { ...carried, obstacle: obstacles.join(', ') }
}

function addressOf(device: string, address: IpAddress): CarriedAddress {
  const { local, prefixlen, broadcast, scope, label, metric, family, dadfailed } = address
  const { valid_life_time: valid = FOREVER, preferred_life_time: preferred = FOREVER } = address
  const suffix = label?.startsWith(`${device}:`) ? label.slice(device.length) : undefined
  return {
    cidr: `${local}/${prefixlen}`,
    words: words(
      address.address === undefined ? `${local}/${prefixlen}` : `${local} peer ${address.address}/${prefixlen}`,
      given('broadcast', broadcast),
      family === 'inet' && scope !== 'global' ? given('scope', scope) : '',
      given('metric', metric),
      valid === FOREVER ? '' : `valid_lft ${valid}`,
      preferred === FOREVER ? '' : `preferred_lft ${preferred}`,
      ...ADDRESS_FLAGS.filter((flag) => address[flag] === true),
      // It is ours already: nobody has to be asked, and a route may name it as its source at once.
      family === 'inet6' && dadfailed !== true ? 'nodad' : '',
    ),
    ...(suffix === undefined ? {} : { label: suffix }),
  }
}

function routeOf(route: IpRoute): CarriedRoute {
  const {
    type = 'unicast',
    dst,
    protocol,
    scope,
    table,
    prefsrc,
    metric,
    metrics = [],
    expires,
    pref,
    nexthops,
  } = route
  const isV6 = pref !== undefined || dst.includes(':')
  const target = dst === 'default' ? (isV6 ? '::/0' : '0.0.0.0/0') : dst
  const rest = words(
    nexthops ? '' : gatewayOf(route),
    nexthops ? '' : onlinkOf(route),
    given('proto', protocol),
    isV6 ? '' : given('scope', scope),
    given('table', table),
    given('src', prefsrc),
    given('metric', metric),
    given('expires', expires),
    given('pref', pref),
    ...metrics.flatMap((some) => Object.entries(some).map(([name, value]) => `${name} ${value}`)),
  )
  return {
    destination: dst,
    words: words(type === 'unicast' ? '' : type, target, rest),
    ...(nexthops ? { hops: nexthops.map((hop) => ({ before: gatewayOf(hop), after: afterHop(hop) })) } : {}),
  }
}

function afterHop(hop: IpHop): string {
  return words(given('weight', hop.weight), onlinkOf(hop))
}

function gatewayOf({ gateway, via }: IpHop): string {
  return via ? `via ${via.family} ${via.host}` : given('via', gateway)
}

function onlinkOf({ flags = [] }: IpHop): string {
  return flags.includes('onlink') ? 'onlink' : ''
}

/** A route that cannot be said again in full is better left alone than said by half. */
function obstacleOf(device: string, route: IpRoute): string | null {
  const unknown = Object.keys(route).filter((key) => !ROUTE_PARTS.includes(key))
  const odd = (route.metrics ?? []).flatMap((some) =>
    Object.entries(some).flatMap(([name, value]) => (typeof value === 'number' ? [] : [name])),
  )
  const reasons = [...unknown, ...odd].map((name) => `has \`${name}\``)
  if (route.nexthops?.some(({ dev }) => dev !== device)) reasons.push('also leads elsewhere')
  return reasons.length === 0 ? null : `its route ${route.dst}, which ${reasons.join(' and ')}`
}

function parse<T>(text: string): readonly T[] {
  return (text.trim() === '' ? [] : JSON.parse(text)) as readonly T[]
}

function given(word: string, value: string | number | undefined): string {
  return value === undefined ? '' : `${word} ${value}`
}

function words(...parts: readonly string[]): string {
  return parts.filter(Boolean).join(' ')
}
