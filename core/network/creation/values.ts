/** One value of a creation request -> the value that is stored. Pure. */
import { InvalidAddress, InvalidInput, InvalidIntValue } from '../../errors/input.ts'
import { isAddress, parseAddress } from '../../model/address.ts'
import { parseDevice } from '../../model/names.ts'

/** @throws {InvalidInput} */
export function device(what: string, name: string | null): string | null {
  return name === null ? null : parseDevice(what, name)
}

/** @returns the canonical text @throws {InvalidAddress} */
export function address(what: string, text: string, version: 4 | 6 = 4): string {
  if (!isAddress(text) || text.includes(':') !== (version === 6)) throw new InvalidAddress({ what, address: text })
  return parseAddress(text)
}

/** @throws {InvalidAddress} */
export function optionalAddress(what: string, text: string | null): string | null {
  return text === null ? null : address(what, text)
}

/** @throws {InvalidIntValue} @throws {InvalidInput} */
export function wholeNumber(key: string, value: number, min = 1, max = 2 ** 32): number {
  if (!Number.isInteger(value)) throw new InvalidIntValue({ key, value })
  if (value < min || value > max) throw new InvalidInput({ what: key, value, want: `${min} to ${max}` })
  return value
}
