import { readFile } from 'node:fs/promises'
import { ConfigInvalid } from 'netloom/contracts'

/** Contents of the files for TLS; undefined where the flag names none. */
export interface Tls {
  readonly ca: Buffer | undefined
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
}

export interface TlsFlags {
  readonly kombu_ssl_ca_certs: string | null
  readonly kombu_ssl_certfile: string | null
  readonly kombu_ssl_keyfile: string | null
}

/** @throws {ConfigInvalid} a file cannot be read */
export async function readTls(flags: TlsFlags): Promise<Tls> {
  const [ca, cert, key] = await Promise.all([
    contents('kombu_ssl_ca_certs', flags.kombu_ssl_ca_certs),
    contents('kombu_ssl_certfile', flags.kombu_ssl_certfile),
    contents('kombu_ssl_keyfile', flags.kombu_ssl_keyfile),
  ])
  return { ca, cert, key }
}

async function contents(flag: string, path: string | null): Promise<Buffer | undefined> {
  if (path === null) return undefined
  try {
    return await readFile(path)
  } catch (error) {
    const message = `${path} cannot be read: ${(error as Error).message}`
    throw new ConfigInvalid({ problems: [{ level: 'error', flag, value: path, file: null, line: null, message }] })
  }
}
