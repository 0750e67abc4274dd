/** Why a server does not let this program in, as an error that says what to do. */
import { ConfigInvalid } from 'netloom/contracts'
import { driverErrorOf } from './dialect.ts'
import { describeTarget, type Target } from './target.ts'

const REMEDIES: Readonly<Record<number, (target: Target) => string>> = {
  1044: ({ user, database }) => `give the user ${user} all rights on the database ${database}`,
  1045: ({ user }) => `mend the user ${user} or the password`,
  1049: ({ database }) => `make it with \`CREATE DATABASE ${database}\`, or name one that is there`,
  1129: () => 'let the server forget failed logins with `FLUSH HOSTS`',
  1130: () => 'let the server accept connections of this host',
  1251: ({ user }) => `give the user ${user} a way to log in that mysql2 knows, such as mysql_native_password`,
  1698: ({ user }) => `give the user ${user} a password: it may log in by the local socket only`,
}

/** @returns null when the server could not be reached, or the error is about something else */
export function refusedBy(error: unknown, target: Target): Error | null {
  const { errno, message } = driverErrorOf(error)
  const remedy = REMEDIES[Number(errno)]
  if (remedy === undefined) return null
  const text = `${describeTarget(target)} refuses this program (${message}): ${remedy(target)}`
  return new ConfigInvalid(
    { problems: [{ level: 'error', flag: 'sql_connection', value: null, file: null, line: null, message: text }] },
    { cause: error },
  )
}
