/** How words of the command line become values; what is malformed is wrong usage before anybody is asked. */
import { type Command, InvalidArgumentError } from 'commander'

/** A whole number from 0. */
export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text))) throw new InvalidArgumentError('Give a whole number.')
  return Number(text)
}

/** `T` or `F`, as the original had it, or another word for them. */
export function truth(text: string): boolean {
  if (/^(t|true|yes|on|1)$/i.test(text)) return true
  if (/^(f|false|no|off|0)$/i.test(text)) return false
  throw new InvalidArgumentError('Give T or F.')
}

/** Gathers an option that may be repeated. */
export function repeated<T>(
  read: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before = []) => [...before, read(text)]
}

/** Ends the help of a command with examples. */
export function withExample(command: Command, ...examples: readonly string[]): Command {
  const title = examples.length === 1 ? 'Example' : 'Examples'
  return command.addHelpText('after', `\n${title}:\n${examples.map((example) => `  ${example}`).join('\n')}`)
}
