/** Takes the global options and flags out of a command line, wherever they stand, and leaves the command's own words. */
import type { Command, Option } from 'commander'
import { wrongUsage } from './wrong-usage.ts'

export interface CommandLine {
  readonly configFiles: readonly string[]
  /** `--flag=value` texts. */
  readonly flags: readonly string[]
  readonly json: boolean
  readonly quiet: boolean
  readonly version: boolean
  readonly timeoutMs: number | undefined
  readonly asProject: string | undefined
  /** What is left for the command. */
  readonly words: readonly string[]
}

/** Global options, and the placeholder of the value that one takes. */
export const globalOptions: Readonly<Record<string, { readonly value?: string; readonly help: string }>> = {
  'config-file': { value: 'F', help: 'read flags from this file; may be repeated (default /etc/netloom/netloom.conf)' },
  json: { help: 'print one JSON document' },
  quiet: { help: 'no words, only data and errors' },
  timeout: { value: 'S', help: 'wait at most this many seconds for each answer' },
  'as-project': { value: 'P', help: 'act as this tenant, not as the operator' },
  version: { help: 'print the version' },
}

/** The first word that is no option: it is needed before the rest can be told apart. */
export function nounOf(argv: readonly string[]): string | undefined {
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i]!
    if (!word.startsWith('-')) return word
    const { name, value } = optionParts(word)
    const global = globalNamed(name)
    if (global !== undefined && globalOptions[global]!.value !== undefined && value === undefined) i += 1
  }
  return undefined
}

/**
 * Splits the line. After NOUN VERB a name that the command has as an option is the command's, before it is a flag.
 * @param program the tree of commands, with the noun of this line
 * @throws {WrongUsage}
 */
export function splitCommandLine(argv: readonly string[], program: Command): CommandLine {
  const flags: string[] = []
  const words: string[] = []
  const globals: { readonly name: string; readonly value: string }[] = []
  let command = program

  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i]!
    if (word === '--') {
      words.push(...argv.slice(i))
      break
    }
    if (!word.startsWith('--')) {
      command = command.commands.find((sub) => sub.name() === word) ?? command
      words.push(word)
      continue
    }
    const { name, value } = optionParts(word)
    const next = argv[i + 1]?.startsWith('--') ? undefined : argv[i + 1]
    const own = optionOf(command, name)
    const global = globalNamed(name)
    if (own !== undefined) {
      const following = value === undefined && wantsNext(own, next)
      const taken = following ? next : (value ?? (own.optional ? 'true' : undefined))
      if (following) i += 1
      words.push(taken === undefined ? own.long! : `${own.long}=${taken}`)
    } else if (global !== undefined) {
      const following = value === undefined && globalOptions[global]!.value !== undefined
      globals.push({ name: global, value: globalValue(command, global, following ? next : value) })
      if (following) i += 1
    } else (value === undefined ? words : flags).push(word)
  }

  const last = (name: string) => globals.findLast((global) => global.name === name)?.value
  return {
    configFiles: globals.filter(({ name }) => name === 'config-file').map(({ value }) => value),
    flags,
    json: last('json') !== undefined,
    quiet: last('quiet') !== undefined,
    version: last('version') !== undefined,
    timeoutMs: timeoutMs(command, last('timeout')),
    asProject: last('as-project'),
    words,
  }
}

/** The name of an option without its dashes, and what stands after `=`. */
export function optionParts(word: string): { readonly name: string; readonly value: string | undefined } {
  const at = word.indexOf('=')
  if (at === -1) return { name: word.slice(2), value: undefined }
  return { name: word.slice(2, at), value: word.slice(at + 1) }
}

/** `netloom network create`. */
export function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}

/** True when two names differ at most in `-` and `_`. */
export function sameName(a: string, b: string): boolean {
  return a.replaceAll('_', '-') === b.replaceAll('_', '-')
}

function globalNamed(name: string): string | undefined {
  return Object.keys(globalOptions).find((known) => sameName(known, name))
}

function optionOf(command: Command, name: string): Option | undefined {
  return command.options.find((option) => sameName(option.long!, `--${name}`))
}

/** Whether the word after an option without `=` is its value; a switch with an optional value takes only T, F and the like. */
function wantsNext(option: Option, next: string | undefined): boolean {
  if (next === undefined) return false
  return option.required || (option.optional && /^(t|f|true|false|yes|no|on|off|1|0)$/i.test(next))
}

function globalValue(command: Command, name: string, value: string | undefined): string {
  const wanted = globalOptions[name]!.value !== undefined
  if (wanted && !value) throw wrong(command, `--${name} needs a value`)
  if (!wanted && value !== undefined) throw wrong(command, `--${name} takes no value`)
  return value ?? ''
}

function timeoutMs(command: Command, seconds: string | undefined): number | undefined {
  if (seconds === undefined) return undefined
  const ms = Math.ceil(Number(seconds) * 1000)
  if (!(ms > 0 && Number.isFinite(ms))) throw wrong(command, `--timeout ${seconds} is not a number of seconds above 0`)
  return ms
}

function wrong(command: Command, reason: string): Error {
  return wrongUsage(pathOf(command), reason)
}
