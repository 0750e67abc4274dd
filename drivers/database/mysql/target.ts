/** The flag `sql_connection` for a server. No message here holds any part of the value: it has a password in it. */

export interface Target {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

type Parsed = { readonly target: Target; readonly problem: null } | { readonly target: null; readonly problem: string }

const FORM = 'mysql://user:password@host:port/database'

/** Reads `mysql://...`, or `mysql+pymysql://...` as other programs have it. */
export function parseTarget(text: string): Parsed {
  try {
    return { target: read(text), problem: null }
  } catch (error) {
    return { target: null, problem: `sql_connection ${(error as Error).message}` }
  }
}

/** Where a store is, without its password. */
export function describeTarget({ user, host, port, database }: Target): string {
  const name = host.includes(':') ? `[${host}]` : host
  return `mysql://${user}@${name}:${port}/${database}`
}

/** @throws {TypeError} */
function read(text: string): Target {
  const rest = /^mysql(?:\+[a-z]+)?(:\/\/.+)$/.exec(text)?.[1]
  if (rest === undefined) throw new TypeError(`must be ${FORM}`)
  const plain = `mysql${rest}`
  const url = URL.canParse(plain) ? new URL(plain) : null
  if (url === null || url.hostname === '' || url.hash !== '') {
    throw new TypeError(`must be ${FORM}; write characters such as / # @ : of a password as %XX`)
  }
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'charset')
  if (unknown !== undefined) throw new TypeError('must have no parameter after ? but charset, which has no effect')
  const database = decoded(url.pathname.slice(1))
  if (!/^[A-Za-z0-9_$-]{1,64}$/.test(database)) {
    throw new TypeError(`must end with the name of a database, of letters, digits, "_", "$" or "-": ${FORM}`)
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 3306 : Number(url.port),
    user: decoded(url.username),
    password: decoded(url.password),
    database,
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TypeError('must have two hexadecimal digits after each %: write % itself as %25')
  }
}
