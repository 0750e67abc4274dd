/** Malformed arguments: exit status 2, nothing changed. */
import { defineError } from './base.ts'

export const InvalidInput = defineError(
  'InvalidInput',
  2,
  (d: { what: string; value: unknown; want: string }) => `${d.what} ${JSON.stringify(d.value)} is not valid: ${d.want}`,
)

export const InvalidCidr = defineError(
  'InvalidCidr',
  2,
  (d: { cidr: string; reason?: string }) =>
    `${JSON.stringify(d.cidr)} is not a network in CIDR form${d.reason ? ` (${d.reason})` : ''}: give it like 10.0.0.0/24`,
  InvalidInput,
)

export const InvalidIpAddressError = defineError(
  'InvalidIpAddressError',
  2,
  (d: { address: string }) => `${JSON.stringify(d.address)} is not an IP address: give it like 10.0.0.5`,
  InvalidInput,
)

export const InvalidAddress = defineError(
  'InvalidAddress',
  2,
  (d: { what: string; address: string }) => `${d.what} ${JSON.stringify(d.address)} is not an IP address`,
  InvalidInput,
)

export const InvalidIntValue = defineError(
  'InvalidIntValue',
  2,
  (d: { key: string; value: unknown }) => `${d.key} must be a whole number, not ${JSON.stringify(d.value)}`,
  InvalidInput,
)

export const InvalidUUID = defineError(
  'InvalidUUID',
  2,
  (d: { uuid: string }) => `${JSON.stringify(d.uuid)} is not a UUID: give it like 6f1c1e9c-4e0e-4b0a-9d5b-2f1b6a1f0c11`,
  InvalidInput,
)

export const InvalidMacAddress = defineError(
  'InvalidMacAddress',
  2,
  (d: { mac: string }) =>
    `${JSON.stringify(d.mac)} is not the MAC address of one network card: give it like fa:16:3e:00:00:01`,
  InvalidInput,
)

export const AddressOutOfRange = defineError(
  'AddressOutOfRange',
  2,
  (d: { address: string; cidr: string }) => `${d.address} is not inside ${d.cidr}`,
  InvalidInput,
)

export const LabelTooLong = defineError(
  'LabelTooLong',
  2,
  (d: { length: number }) => `the label has ${d.length} characters, at most 255 are possible`,
  InvalidInput,
)

export const UnknownMethod = defineError(
  'UnknownMethod',
  2,
  (d: { method: string }) =>
    `there is no operation ${JSON.stringify(d.method)}: the two sides may be of different versions`,
)

/** The command line itself is wrong; nothing was asked of anybody. */
export const WrongUsage = defineError(
  'WrongUsage',
  2,
  (d: { reason: string; help: string }) => `${d.reason}; see \`${d.help}\``,
)
