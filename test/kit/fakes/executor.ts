import { type Command, CommandFailed, type CommandResult, type Executor } from 'netloom/contracts'

/** What a program would answer; what is left out is 0 and silence. */
export type Answer = (command: Command) => Partial<CommandResult>

/** Starts no process: keeps the commands, and answers as it was told. */
export class RecordingExecutor implements Executor {
  /** All that were run, oldest first. */
  readonly commands: Command[] = []
  readonly #answer: Answer

  constructor(answer: Answer = () => ({})) {
    this.#answer = answer
  }

  /** @throws {CommandFailed} when the answer's code is not among the accepted ones */
  async run(command: Command): Promise<CommandResult> {
    this.commands.push(command)
    const result = { code: 0, stdout: '', stderr: '', ...this.#answer(command) }
    if (!(command.okCodes ?? [0]).includes(result.code))
      throw new CommandFailed({ argv: command.argv, code: result.code, stderr: result.stderr })
    return result
  }
}
