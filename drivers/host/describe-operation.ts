import type { Operation } from 'netloom/contracts'
import { startCommand } from './linux/daemons.ts'

/** What an operation runs or writes, a line each, for people: command lines, lines of a batch, names of files. */
export function describeOperation(operation: Operation): readonly string[] {
  switch (operation.kind) {
    case 'batch':
      return [commandLine(operation.argv), ...operation.lines.map(({ text }) => `  ${text}`)]
    case 'transaction':
      return [
        commandLine(operation.argv),
        ...operation.lines.map((line) => `  ${line}`),
        ...(operation.check ? [commandLine(operation.check.command.argv)] : []),
      ]
    case 'command':
      return [`${commandLine(operation.command.argv)}${operation.background ? ' &' : ''}`]
    case 'ruleset':
      return operation.commands.flatMap(({ argv, input }) => [commandLine(argv), ...inputLines(input)])
    case 'write-file':
      return [`write ${operation.path} (mode ${operation.mode.toString(8).padStart(4, '0')})`]
    case 'remove-file':
      return [`remove ${operation.path}`]
    case 'sysctl':
      return [`sysctl ${operation.key} = ${operation.value}`]
    case 'start-daemon': {
      const start = commandLine(startCommand(operation.daemon).argv)
      return operation.restart ? [`stop ${operation.daemon.name}`, start] : [start]
    }
    case 'reload-daemon':
      return [`reload ${operation.daemon.name}`]
    case 'stop-daemon':
      return [`stop ${operation.daemon.name}`]
  }
}

function inputLines(input: string | undefined): readonly string[] {
  return (input ?? '')
    .split('\n')
    .filter(Boolean)
    .map((line) => `  ${line}`)
}

/** Quoted as a shell would want it, for reading and copying only: nothing here is ever run by a shell. */
function commandLine(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ')
}
