import type { SettingsInput } from '../../config/read-settings.ts'
import type { Client } from './client.ts'
import type { Output } from './output.ts'

/** What the body of a command works with. */
export interface Session {
  readonly output: Output
  /** Where flags come from, for bodies that read flags themselves. */
  readonly settings: SettingsInput
  readonly asProject: string | undefined
  /** The services, over the message bus; opened at the first use, closed when the command ends. */
  client(): Promise<Client>
  /** Aborted when the user, or who reads the output, wants no more. A body that calls it ends then by itself. */
  interrupted(): AbortSignal
}

/** The body of a command. Answers an exit status, or nothing for 0. */
export type Body = (session: Session) => Promise<number> | Promise<void>

/** Given to the declarations: says which body the command line asked for. */
export type Run = (body: Body) => void
