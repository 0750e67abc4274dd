import type { NetloomError } from '../errors/base.ts'
import { WrongUsage } from '../errors/input.ts'

/** The error with the way to the help of a command, such as `netloom network create`. */
export function wrongUsage(command: string, reason: string): NetloomError {
  return new WrongUsage({ reason: reason.replace(/^error: /, '').replaceAll('\n', ' '), help: `${command} --help` })
}
