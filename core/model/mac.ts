/** MAC addresses: lower case, colons, unicast. */
import { createHash } from 'node:crypto'
import { InvalidMacAddress } from '../errors/input.ts'

/** @returns the canonical text. @throws {InvalidMacAddress} for anything but the address of one card (group bit clear, not zero) */
export function parseMac(text: string): string {
  const mac = text.toLowerCase()
  const first = Number.parseInt(mac.slice(0, 2), 16)
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) || first & 1 || mac === '00:00:00:00:00:00') {
    throw new InvalidMacAddress({ mac: text })
  }
  return mac
}

/** A VIF's address: `fa:16:3e` and three random bytes. Source: nova/utils.py generate_mac_address. */
export function vifMac(random: Uint8Array): string {
  return `fa:16:3e:${hex(random.subarray(0, 3))}`
}

/**
 * The address of a gateway device: locally administered, the same for ever for one network on one host, so that
 * neither a restart nor a new port changes what guests have learned (lessons E1).
 */
export function gatewayMac(host: string, networkUuid: string): string {
  return `02:6e:${hex(createHash('sha256').update(`${host} ${networkUuid}`).digest().subarray(0, 4))}`
}

/** Two digits for each byte, colons between them. */
export function hex(bytes: Iterable<number>): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}
