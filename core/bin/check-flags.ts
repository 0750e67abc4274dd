/** Flags on the command line are checked before anything is asked: a misspelt one must not be passed over. */
import type { Command } from 'commander'
import type { SettingsInput } from '../../config/read-settings.ts'
import { type CommandLine, globalOptions, optionParts, pathOf, sameName } from './command-line.ts'
import { wrongUsage } from './wrong-usage.ts'

/** @throws {WrongUsage} for a `--x=y` that is no flag, and for a flag without its value */
export async function checkFlags(
  { configFiles, flags, words }: CommandLine,
  command: Command,
  environment: SettingsInput['environment'],
): Promise<void> {
  const bare = bareOptions(words, command)
  if (flags.length === 0 && bare.length === 0) return
  const { knownFlags } = await import('./known-flags.ts')
  const known = await knownFlags({ configFiles, environment, commandLine: flags })
  const isKnown = (name: string) => known.some((candidate) => sameName(candidate, name))

  const unknown = flags.map((flag) => optionParts(flag).name).find((name) => !isKnown(name))
  if (unknown !== undefined) {
    const nearest = await nearestTo(unknown, known, command)
    const hint = nearest === null ? '' : ` (did you mean --${nearest}?)`
    throw wrongUsage(pathOf(command), `unknown flag --${unknown}${hint}`)
  }
  // What is left unknown is told by the parser of the command.
  const valueless = bare.find(isKnown)
  if (valueless !== undefined) {
    throw wrongUsage(pathOf(command), `the flag --${valueless} needs its value: write --${valueless}=VALUE`)
  }
}

/** Options without a value that the command does not have. */
function bareOptions(words: readonly string[], command: Command): readonly string[] {
  const end = words.indexOf('--')
  const options = words.slice(0, end === -1 ? words.length : end).filter((word) => word.startsWith('--'))
  const own = ['help', ...command.options.map((option) => option.long!.slice(2))]
  return options.map((word) => optionParts(word).name).filter((name) => !own.includes(name))
}

async function nearestTo(name: string, known: readonly string[], command: Command): Promise<string | null> {
  const { nearestName } = await import('../../config/nearest-name.ts')
  const own = command.options.map((option) => option.long!.slice(2))
  return nearestName(name.replaceAll('-', '_'), [...own, ...Object.keys(globalOptions), ...known])
}
