import { coreOptions } from '../plugin-system/core-options.ts'
import { slots } from '../plugin-system/slots.ts'

/** Names of all flags, for the check of the command line. */
export async function knownFlags(): Promise<readonly string[]> {
  const ofSlots = slots.flatMap(({ flag, oldFlag }) => (oldFlag === undefined ? [flag] : [flag, oldFlag]))
  return [...Object.keys(coreOptions), ...ofSlots]
}
