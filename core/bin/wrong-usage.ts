import { defineError } from '../errors/base.ts'

/** The command line itself is wrong; nothing was asked of anybody. */
export const WrongUsage = defineError(
  'WrongUsage',
  2,
  (d: { reason: string; help: string }) => `${d.reason}: see \`${d.help}\``,
)
