import { defineError, type NetloomError } from '../errors/base.ts'

/** The command line itself is wrong; nothing was asked of anybody. */
export const WrongUsage = defineError(
  'WrongUsage',
  2,
  (d: { reason: string; help: string }) => `${d.reason}; see \`${d.help}\``,
)

/** The error with the way to the help of a command, such as `netloom network create`. */
export function wrongUsage(command: string, reason: string): NetloomError {
  return new WrongUsage({ reason: reason.replace(/^error: /, '').replaceAll('\n', ' '), help: `${command} --help` })
}
