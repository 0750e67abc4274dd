/** The structured log: one JSON object a line. */
import { currentRequestId, type Log, type Logger } from 'netloom/contracts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LoggerOptions {
  /** What is below is dropped. */
  readonly level: LogLevel
  /** Default: standard error, written at once so that nothing is lost when the process dies. */
  readonly destination?: { write(line: string): unknown }
}

/** Lines have `level`, `time` (ISO 8601, UTC), `pid`, `request_id` inside a request, `msg` and the fields; an `error` field gets its type, stack and facts. */
export async function createLogger({ level, destination }: LoggerOptions): Promise<Logger> {
  const { pino } = await import('pino')
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      mixin: () => {
        const request_id = currentRequestId()
        return request_id === undefined ? {} : { request_id }
      },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: (error: unknown) => (error instanceof Error ? pino.stdSerializers.err(error) : error) },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  )
  const log =
    (name: LogLevel): Log =>
    (message, fields) =>
      logger[name](fields ?? {}, message)
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
}
