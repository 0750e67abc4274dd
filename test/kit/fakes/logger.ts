import { currentRequestId, type Log, type Logger } from 'netloom/contracts'

const nothing: Log = () => {}

/** Tells nobody. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** One line of a log. */
export interface LogLine {
  readonly level: keyof Logger
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
  /** The request that it was written in; undefined outside any. */
  readonly requestId: string | undefined
}

/** Keeps what it is told. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = []
  readonly debug = this.#at('debug')
  readonly info = this.#at('info')
  readonly warn = this.#at('warn')
  readonly error = this.#at('error')

  /** The messages of one level, oldest first. */
  messages(level: keyof Logger): readonly string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message)
  }

  #at(level: keyof Logger): Log {
    return (message, fields = {}) => void this.lines.push({ level, message, fields, requestId: currentRequestId() })
  }
}
