/** What the world can do for us. Not slots: boot binds them, tests replace them. */

export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number
}

export interface RandomSource {
  uuid(): string
  bytes(count: number): Uint8Array
}

export type Log = (message: string, fields?: Readonly<Record<string, unknown>>) => void

/** Structured log. Fields are JSON; an `error` field may hold anything thrown. */
export interface Logger {
  readonly debug: Log
  readonly info: Log
  readonly warn: Log
  readonly error: Log
}

/** One process. `argv` is never joined into a shell string. */
export interface Command {
  readonly argv: readonly [string, ...string[]]
  readonly input?: string
  /** Accepted exit codes; default `[0]`. */
  readonly okCodes?: readonly number[]
}

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The one door to other programs. */
export interface Executor {
  /** @throws {CommandFailed} on a code outside okCodes, on a program that is missing, and after `timeoutMs`. */
  run(command: Command, options?: { readonly timeoutMs?: number }): Promise<CommandResult>
}

/** A DHCP client took (`add`) or gave back (`del`) a lease. */
export interface LeaseEvent {
  /** Identifies the event until it is done with. */
  readonly id: string
  readonly action: 'add' | 'del'
  readonly mac: string
  readonly address: string
}

/** Lease events as the DHCP server's helper left them; they wait here while the service is away. */
export interface LeaseSpool {
  /** All that wait, oldest first. */
  read(): Promise<readonly LeaseEvent[]>
  /** Called when an event has had its effect; it is not read again. */
  done(event: LeaseEvent): Promise<void>
  /** Calls back soon after an event arrives, until closed. */
  watch(onArrival: () => void): { close(): void }
}
