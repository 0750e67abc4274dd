import { RpcTimeout } from 'netloom/contracts'
import type { Endpoint } from './endpoint.ts'
import { encodeMessage, type Request, type Response } from './envelope.ts'
import { within } from './within.ts'

/**
 * Asks a host of this process, at once and through JSON all the same: what one process may say, two may.
 * @throws {RpcTimeout} @throws {InvalidInput} question or answer is longer than the bus carries
 */
export async function askHere(endpoint: Endpoint, request: Request, signal?: AbortSignal): Promise<Response> {
  signal?.throwIfAborted()
  const { kind, method, timeout_ms } = request
  const copied = JSON.parse(encodeMessage(request)) as Request
  const running = endpoint.run(copied)
  if (kind === 'cast') return endpoint.accepts(copied) ? { result: null } : running
  const late = () => new RpcTimeout({ method, host: endpoint.host, seconds: timeout_ms / 1000 })
  return JSON.parse(encodeMessage(await within(running, timeout_ms, late, signal))) as Response
}
