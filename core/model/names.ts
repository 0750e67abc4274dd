/**
 * Names that come from users and end in files, argument vectors or the kernel. Each check accepts a closed set of
 * characters, so that nothing that passes can add a field, a line or an option anywhere (defects-linux-net G2).
 */
import { createHash } from 'node:crypto'
import { InvalidInput, InvalidUUID, LabelTooLong } from '../errors/input.ts'

function check(what: string, value: string, pattern: RegExp, want: string): string {
  if (!pattern.test(value)) throw new InvalidInput({ what, value, want })
  return value
}

/** @returns the UUID in lower case. @throws {InvalidUUID} */
export function parseUuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new InvalidUUID({ uuid: text })
  return text.toLowerCase()
}

/** A network device: what Linux takes (15 bytes) less what would have to be quoted. @throws {InvalidInput} */
export function parseDevice(what: string, text: string): string {
  return check(
    what,
    text,
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/,
    'a device name of 1 to 15 letters, digits, ".", "_" or "-"',
  )
}

/** A network namespace, a name under /run/netns. @throws {InvalidInput} */
export function parseNamespace(text: string): string {
  return check(
    'network namespace',
    text,
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/,
    'letters, digits, ".", "_" or "-", beginning with no "." or "-"',
  )
}

/** A machine: network host or compute host. @throws {InvalidInput} */
export function parseHost(text: string): string {
  return check('host', text, /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, '1 to 63 letters, digits, ".", "_" or "-"')
}

/** The name of an instance. @throws {InvalidInput} */
export function parseHostname(text: string): string {
  return check(
    'hostname',
    text,
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/,
    '1 to 255 letters, digits, ".", "_" or "-", beginning with a letter or digit',
  )
}

/** A project (tenant). @throws {InvalidInput} */
export function parseProject(text: string): string {
  return check('project', text, /^[A-Za-z0-9][A-Za-z0-9._@-]{0,254}$/, '1 to 255 letters, digits, ".", "_", "@" or "-"')
}

/** A pool of floating IPs. @throws {InvalidInput} */
export function parsePool(text: string): string {
  return check('pool', text, /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/, '1 to 255 letters, digits, ".", "_" or "-"')
}

/** An availability zone. @throws {InvalidInput} */
export function parseZone(text: string): string {
  return check(
    'availability zone',
    text,
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/,
    '1 to 255 letters, digits, ".", "_" or "-"',
  )
}

/** Labels of letters, digits and "-", at most 63 characters each and 253 together. Source: RFC 1123 section 2.1. */
export function isDomain(text: string): boolean {
  return (
    text.length <= 253 && text.split('.').every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
  )
}

/** A DNS domain; its last label is no number, so that no name in it can be taken for an address. @returns it in lower case @throws {InvalidInput} */
export function parseDomain(text: string): string {
  if (isDomain(text) && !/(^|\.)\d+$/.test(text)) return text.toLowerCase()
  const want = 'labels of letters, digits and "-" between dots, 253 characters at most, the last no number'
  throw new InvalidInput({ what: 'domain', value: text, want })
}

/** A name within a domain. @returns it in lower case @throws {InvalidInput} */
export function parseDnsName(text: string, domain: string): string {
  if (isDomain(text) && isDomain(`${text}.${domain}`)) return text.toLowerCase()
  const want = `labels of letters, digits and "-" between dots, 253 characters at most with .${domain}`
  throw new InvalidInput({ what: 'name', value: text, want })
}

/** An account of the machine. Source: useradd(8), and the dots that many sites allow. @throws {InvalidInput} */
export function parseUser(text: string): string {
  return check(
    'user',
    text,
    /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/,
    '1 to 32 letters, digits, ".", "_" or "-", beginning with a letter or "_"',
  )
}

/** The label of a network: it ends in dnsmasq's tags. @throws {InvalidInput} @throws {LabelTooLong} */
export function parseLabel(text: string): string {
  if (text.length > 255) throw new LabelTooLong({ length: text.length })
  return check(
    'label',
    text,
    /^[A-Za-z0-9][A-Za-z0-9._ -]*$/,
    'letters, digits, blanks, ".", "_" or "-", beginning with a letter or digit',
  )
}

/**
 * The DNS label under which DHCP knows an instance: at most 63 characters of a-z, 0-9 and "-" (RFC 1123). A name that
 * had to be changed gets a short hash of the original, so that two never become one (defects-linux-net D7).
 */
export function dhcpLabel(hostname: string): string {
  const plain = hostname.toLowerCase()
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(plain)) return plain
  const hash = createHash('sha256').update(plain).digest('hex').slice(0, 8)
  const stem = plain
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 54)
    .replace(/-+$/, '')
  return `${stem || 'host'}-${hash}`
}
