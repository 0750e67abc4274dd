import type { Logger } from 'typeorm'

const nothing = () => undefined

/** TypeORM prints to stdout, which is not its to use; what goes wrong comes out as an error anyway. */
export const silentLogger: Logger = {
  logQuery: nothing,
  logQueryError: nothing,
  logQuerySlow: nothing,
  logSchemaBuild: nothing,
  logMigration: nothing,
  log: nothing,
}
