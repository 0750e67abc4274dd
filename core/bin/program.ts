/** The command `netloom`: from words to a body, from the body to an exit status. */
import { Command, CommanderError } from 'commander'
import type { SettingsInput } from '../../config/read-settings.ts'
import { errorToJson, NetloomError } from '../errors/base.ts'
import { checkFlags } from './check-flags.ts'
import type { Client } from './client.ts'
import { type CommandLine, globalOptions, nounOf, pathOf, splitCommandLine } from './command-line.ts'
import { nouns } from './nouns.ts'
import { Output, type Sink } from './output.ts'
import type { Body, Run, Session } from './session.ts'
import { wrongUsage } from './wrong-usage.ts'

/** The world of one run of the command. */
export interface Invocation {
  /** Without the names of Node and of the program. */
  readonly argv: readonly string[]
  readonly environment: SettingsInput['environment']
  readonly stdout: Sink
  readonly stderr: Sink
  /** Aborted when the user has seen enough; asked for by a command that goes on until then. */
  interrupted?(): AbortSignal
}

/** Runs one command line. Never rejects. @returns the exit status */
export async function main(invocation: Invocation): Promise<number> {
  const { argv, stdout, stderr } = invocation
  // Needed for the error of a line that cannot be split.
  const json = argv.includes('--json')
  let output = new Output({ stdout, stderr, json, quiet: false })
  try {
    const { program, parse } = await declare(invocation)
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
async function declare({ argv, environment, stdout, stderr }: Invocation) {
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
      await checkFlags(line, command, environment)
      try {
        program.parse(line.words, { from: 'user' })
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error
        if (error.exitCode === 0) return undefined
        if (error.code !== 'commander.help') throw wrongUsage(pathOf(command), error.message)
        if (line.json) throw wrongUsage(pathOf(command), `${pathOf(command)} needs another word`)
        stderr.write(complaint)
        return async () => 2
      }
      return asked
    },
  }
}

async function perform(body: Body, line: CommandLine, invocation: Invocation, output: Output): Promise<number> {
  const { environment } = invocation
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
    interrupted: () => invocation.interrupted?.() ?? new AbortController().signal,
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
