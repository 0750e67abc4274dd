import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Certificates {
  /** Files in PEM form: an authority of its own, and what it vouches for. */
  readonly ca: string
  readonly cert: string
  readonly key: string
  end(): Promise<void>
}

/** A certificate for an address, from an authority that nobody knows; made by openssl. */
export async function makeCertificates(address: string): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'nlcerts-'))
  const file = (name: string) => join(folder, name)
  const openssl = (...words: readonly string[]) => promisify(execFile)('openssl', words)
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const names = ['-addext', `subjectAltName=IP:${address}`]
  const request = ['req', ...fresh, '-keyout', file('key.pem'), '-out', file('request.pem'), '-subj', '/CN=broker']
  const sign = ['-CA', file('ca.pem'), '-CAkey', file('ca-key.pem'), '-CAcreateserial', '-copy_extensions', 'copy']
  await openssl(
    'req',
    '-x509',
    ...fresh,
    '-keyout',
    file('ca-key.pem'),
    '-out',
    file('ca.pem'),
    '-subj',
    '/CN=authority',
  )
  await openssl(...request, ...names)
  await openssl('x509', '-req', '-in', file('request.pem'), ...sign, '-days', '2', '-out', file('cert.pem'))
  return {
    ca: file('ca.pem'),
    cert: file('cert.pem'),
    key: file('key.pem'),
    end: () => rm(folder, { recursive: true, force: true }),
  }
}
