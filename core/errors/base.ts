/**
 * How a failed operation ends the command: 1 failed, 2 wrong usage or malformed argument, 3 not found, 4 refused
 * (quota, policy, conflict, in use, no room), 5 try later (bus, store, lock or service away), 6 configuration invalid.
 */
export type ExitStatus = 1 | 2 | 3 | 4 | 5 | 6

/** Plain JSON facts about an error, for programs; the message is for people. */
export type ErrorDetails = Readonly<Record<string, unknown>>

/** The form in which an error crosses the message bus and `--json` output. */
export interface ErrorJson {
  readonly code: string
  readonly message: string
  readonly details: ErrorDetails
  readonly exit_status: ExitStatus
}

/** What a defined error hands to its base class; lets a defined error be the parent of another. */
class Prepared {
  readonly code: string
  readonly exitStatus: ExitStatus
  readonly message: string
  readonly details: ErrorDetails
  readonly cause: unknown
  constructor(json: ErrorJson, cause?: unknown) {
    this.code = json.code
    this.exitStatus = json.exit_status
    this.message = json.message
    this.details = json.details
    this.cause = cause
  }
}

/**
 * Every error that a user may meet: it names what happened, to what, and what to do. Made by the classes of
 * `defineError`; told apart by `code` (two installed copies of netloom agree on it) or by `instanceof` inside one copy.
 */
export class NetloomError extends Error {
  readonly code: string
  readonly exitStatus: ExitStatus
  readonly details: ErrorDetails

  constructor(prepared: Prepared) {
    super(prepared.message, prepared.cause === undefined ? undefined : { cause: prepared.cause })
    this.name = prepared.code
    this.code = prepared.code
    this.exitStatus = prepared.exitStatus
    this.details = prepared.details
  }

  /** True when the same call may succeed later without any change by the caller. */
  get retryable(): boolean {
    return this.exitStatus === 5
  }

  toJSON(): ErrorJson {
    return { code: this.code, message: this.message, details: this.details, exit_status: this.exitStatus }
  }
}

/** The constructor of one kind of error. */
export type ErrorClass<D extends ErrorDetails> = {
  new (details: D, options?: { readonly cause?: unknown }): NetloomError
  readonly code: string
}

const registry = new Map<string, new (prepared: Prepared) => NetloomError>()

/**
 * Declares one kind of error.
 * @param code its name, the original's where there was one, so that operators can search for it
 * @param exitStatus how a command ends on it
 * @param describe the sentence for people, from the details
 * @param parent a kind that callers may catch instead
 */
export function defineError<D extends ErrorDetails>(
  code: string,
  exitStatus: ExitStatus,
  describe: (details: D) => string,
  parent: { prototype: NetloomError } = NetloomError,
): ErrorClass<D> {
  const Parent = parent as unknown as new (prepared: Prepared) => NetloomError
  class Defined extends Parent {
    static readonly code = code
    constructor(details: D | Prepared, options: { readonly cause?: unknown } = {}) {
      super(
        details instanceof Prepared
          ? details
          : new Prepared({ code, message: describe(details), details, exit_status: exitStatus }, options.cause),
      )
    }
  }
  Object.defineProperty(Defined, 'name', { value: code })
  if (registry.has(code)) throw new TypeError(`error ${code} is defined twice`)
  registry.set(code, Defined as unknown as new (prepared: Prepared) => NetloomError)
  return Defined as unknown as ErrorClass<D>
}

/** Revives an error that crossed the bus: the class of its code, or the base class when the code is unknown here. */
export function errorFromJson(json: ErrorJson): NetloomError {
  return new (registry.get(json.code) ?? NetloomError)(new Prepared(json))
}

/** The JSON form of anything thrown; what is not a NetloomError is an `InternalError` with its message. */
export function errorToJson(error: unknown): ErrorJson {
  if (error instanceof NetloomError) return error.toJSON()
  if (typeof (error as Partial<NetloomError> | null)?.exitStatus === 'number') return (error as NetloomError).toJSON()
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'InternalError', message, details: {}, exit_status: 1 }
}
