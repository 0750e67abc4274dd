/** Where RabbitMQ is, as the flags say it. */
import { type Option, option } from 'netloom/contracts'

/** One broker, and who we are there. */
export interface Broker {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

/** Brokers of one cluster, tried in turn. */
export interface Brokers {
  readonly list: readonly [Broker, ...Broker[]]
  readonly virtualHost: string
}

/** The flags that say where. */
export interface BrokerFlags {
  readonly rabbit_host: string
  readonly rabbit_port: number
  readonly rabbit_hosts: readonly string[]
  readonly rabbit_userid: string
  readonly rabbit_password: string
  readonly rabbit_virtual_host: string
  readonly transport_url: string | null
}

const WANTED = 'rabbit://USER:PASSWORD@HOST:PORT/VIRTUAL_HOST'

/** `host:port`, an IPv6 address in brackets; never with a password. */
export function placeOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The brokers that the flags name; `transport_url` wins. */
export function brokersOf(flags: BrokerFlags): Brokers {
  const { rabbit_port: port, rabbit_userid: user, rabbit_password: password } = flags
  if (flags.transport_url !== null) return parseTransportUrl(flags.transport_url, { port, user, password })
  const places = flags.rabbit_hosts.map((text) => parsePlace(text, port))
  const [first = { host: flags.rabbit_host, port }, ...others] = places
  const withUser = (place: { host: string; port: number }) => ({ ...place, user, password })
  return { list: [withUser(first), ...others.map(withUser)], virtualHost: flags.rabbit_virtual_host }
}

/** A list of `host:port`. */
export function hostsOption(d: { readonly help: string }): Option<readonly string[]> {
  const list = option.list({ ...d, default: [] })
  return {
    ...list,
    kind: 'list of host:port',
    parse: (raw) => {
      const texts = list.parse(raw)
      for (const text of texts) parsePlace(text, 0)
      return texts
    },
  }
}

/** A `rabbit://` URL; with a password in it, so it is never printed. */
export function transportOption(d: { readonly help: string }): Option<string | null> {
  const text = option.optionalText({ ...d, secret: true })
  return {
    ...text,
    kind: 'rabbit:// URL, may be empty',
    parse: (raw) => {
      const url = text.parse(raw)
      if (url !== null) parseTransportUrl(url, { port: 0, user: '', password: '' })
      return url
    },
  }
}

/** @throws {TypeError} with what is wanted; never with the URL, which holds a password */
function parseTransportUrl(url: string, defaults: Omit<Broker, 'host'>): Brokers {
  const parts = /^rabbit:\/\/([^/]*)(?:\/(.*))?$/.exec(url)
  if (parts === null) throw new TypeError(`must be like ${WANTED}`)
  const [, servers = '', path = ''] = parts
  const [first, ...others] = servers.split(',').map((server) => parseServer(server, defaults))
  return { list: [first!, ...others], virtualHost: decode(path) || '/' }
}

function parseServer(text: string, defaults: Omit<Broker, 'host'>): Broker {
  const at = text.lastIndexOf('@')
  const place = parsePlace(text.slice(at + 1), defaults.port)
  if (at === -1) return { ...defaults, ...place }
  const [user = '', ...password] = text.slice(0, at).split(':')
  return { ...place, user: decode(user), password: decode(password.join(':')) }
}

function parsePlace(text: string, defaultPort: number): { host: string; port: number } {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/.exec(text)
  const port = parts?.[3] === undefined ? defaultPort : Number(parts[3])
  if (parts === null || port > 65535) throw new TypeError('must name brokers as host:port')
  return { host: (parts[1] ?? parts[2])!, port }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TypeError(`must have % only before two hexadecimal digits, like ${WANTED}`)
  }
}
