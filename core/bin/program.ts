/** The command `netloom`: from words to a body, from the body to an exit status. */
import { Command, CommanderError } from 'commander'
import type { SettingsInput } from '../../config/read-settings.ts'
import { errorToJson, NetloomError } from '../errors/base.ts'
import type { Client } from './client.ts'
import {
  type CommandLine,
  globalOptions,
  nounOf,
  optionParts,
  pathOf,
  sameName,
  splitCommandLine,
} from './command-line.ts'
import { nouns } from './nouns.ts'
import { Output, type Sink } from './output.ts'
import type { Body, Run, Session } from './session.ts'
import { WrongUsage } from './wrong-usage.ts'

/** The world of one run of the command. */
export interface Invocation {
  /** Without the names of Node and of the program. */
  readonly argv: readonly string[]
  readonly environment: SettingsInput['environment']
  readonly stdout: Sink
  readonly stderr: Sink
}

/** Runs one command line. Never rejects. @returns the exit status */
export async function main(invocation: Invocation): Promise<number> {
  const { argv, stdout, stderr } = invocation
  // Needed for the error of a line that cannot be split.
  const json = argv.includes('--json')
  let output = new Output({ stdout, stderr, json, quiet: false })
  try {
    const { program, parse } = await declare(argv, stdout, stderr)
    const line = splitCommandLine(argv, program)
    output = new Output({ stdout, stderr, json: line.json, quiet: line.quiet })
    if (line.version) return await printVersion(output)
    const body = await parse(line)
    return body === undefined ? 0 : await perform(body, line, invocation, output)
  } catch (error) {
    return report(error, output, invocation)
  }
}

/** Builds the tree of commands; of all nouns only the one on the line is loaded, the others are names. */
async function declare(argv: readonly string[], stdout: Sink, stderr: Sink) {
  let asked: Body | undefined
  let complaint = ''
  const run: Run = (body) => {
    asked = body
  }
  const program = new Command('netloom')
    .description('Networks of virtual machines and containers: fixed IPs by DHCP, floating IPs by NAT.')
    .usage('[OPTIONS] NOUN VERB [ARGUMENTS]')
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => {
        complaint += text
      },
    })
  program.addHelpText('after', globalHelp)
  const noun = nounOf(argv)
  for (const { name, summary, load } of nouns) {
    if (name === noun) await load(program, run)
    else program.command(name).description(summary)
  }
  return {
    program,
    /** @returns what to run; undefined when help was all that was asked for. @throws {WrongUsage} */
    async parse(line: CommandLine): Promise<Body | undefined> {
      const command = commandOf(program, line.words)
      await checkFlags(line.flags, command)
      await checkBareFlags(line.words, command)
      try {
        program.parse(line.words, { from: 'user' })
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error
        if (error.exitCode === 0) return undefined
        if (error.code !== 'commander.help') throw wrongUsage(error.message, command)
        if (line.json) throw wrongUsage(`${pathOf(command)} needs a verb`, command)
        stderr.write(complaint)
        return async () => 2
      }
      return asked
    },
  }
}

async function perform(body: Body, line: CommandLine, { environment }: Invocation, output: Output): Promise<number> {
  const settings: SettingsInput = { configFiles: line.configFiles, environment, commandLine: line.flags }
  const { asProject, timeoutMs } = line
  let opened: Promise<Client> | undefined
  const session: Session = {
    output,
    settings,
    asProject,
    client() {
      opened ??= import('./client.ts').then(({ openClient }) => openClient({ settings, asProject, timeoutMs }))
      return opened
    },
  }
  try {
    return (await body(session)) ?? 0
  } finally {
    await opened?.then((client) => client.close()).catch(() => {})
  }
}

function report(error: unknown, output: Output, { environment, stderr }: Invocation): number {
  const json = errorToJson(error)
  const known = error instanceof NetloomError || json.code !== 'InternalError'
  output.error(known ? json : { ...json, message: `unexpected: ${json.message}` })
  if (environment.NETLOOM_DEBUG === '1' && error instanceof Error) stderr.write(`${error.stack}\n`)
  return json.exit_status
}

async function printVersion(output: Output): Promise<number> {
  const { netloomVersion } = await import('./version.ts')
  const version = netloomVersion()
  output.lines({ version }, [version])
  return 0
}

/** The deepest command that the words name. */
function commandOf(program: Command, words: readonly string[]): Command {
  let command = program
  for (const word of words) {
    if (word.startsWith('-')) continue
    const sub = command.commands.find((candidate) => candidate.name() === word)
    if (sub === undefined) break
    command = sub
  }
  return command
}

/** @throws {WrongUsage} for a `--x=y` that is no flag, with the nearest that is */
async function checkFlags(flags: readonly string[], command: Command): Promise<void> {
  if (flags.length === 0) return
  const { knownFlags } = await import('./known-flags.ts')
  const known = await knownFlags()
  for (const flag of flags) {
    const { name } = optionParts(flag)
    if (known.some((candidate) => sameName(candidate, name))) continue
    const { nearestName } = await import('../../config/nearest-name.ts')
    const own = command.options.map((option) => option.long!.slice(2))
    const nearest = nearestName(name.replaceAll('-', '_'), [...own, ...Object.keys(globalOptions), ...known])
    throw wrongUsage(`unknown flag --${name}${nearest === null ? '' : `: did you mean --${nearest}?`}`, command)
  }
}

/** @throws {WrongUsage} for a flag without its `=value`, which commander would only call unknown */
async function checkBareFlags(words: readonly string[], command: Command): Promise<void> {
  const end = words.indexOf('--')
  const options = words.slice(0, end === -1 ? words.length : end).filter((word) => word.startsWith('--'))
  const strange = options.filter((word) => word !== '--help' && !isOwn(word, command))
  if (strange.length === 0) return
  const { knownFlags } = await import('./known-flags.ts')
  const known = await knownFlags()
  const flag = strange.find((word) => known.some((name) => sameName(`--${name}`, word)))
  if (flag !== undefined) throw wrongUsage(`the flag ${flag} needs its value: write ${flag}=VALUE`, command)
}

function isOwn(word: string, command: Command): boolean {
  return command.options.some((option) => option.long === `--${optionParts(word).name}`)
}

function wrongUsage(message: string, command: Command): Error {
  const reason = message.replace(/^error: /, '').replaceAll('\n', ' ')
  return new WrongUsage({ reason, help: `${pathOf(command)} --help` })
}

function globalHelp(): string {
  const lines = Object.entries(globalOptions).map(([name, { value, help }]) => {
    return `  ${`--${name}${value ? ` ${value}` : ''}`.padEnd(18)} ${help}`
  })
  return `
Anywhere on the line:
${lines.join('\n')}
  --FLAG=VALUE       any flag of the configuration: see \`netloom config reference\`

Example:
  netloom network create demo 10.0.0.0/24`
}
