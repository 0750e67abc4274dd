import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from 'netloom/contracts'
import type { Endpoint } from '../endpoint.ts'
import {
  encodeAnswer,
  failure,
  MAX_MESSAGE_BYTES,
  messageTooLong,
  type Read,
  type Request,
  type Response,
  readRequest,
} from '../envelope.ts'
import { claimSocket, type ReleaseSocket } from './claim-socket.ts'
import { LineReader } from './frames.ts'

/** Answers that a peer may leave unread, in bytes, before it is cut off. */
const MAX_UNREAD_BYTES = 8 * MAX_MESSAGE_BYTES

/** How long a peer may take to read its last answers, in milliseconds. */
const FAREWELL_MS = 1000

/** The socket of one host: reads requests, hands them to the endpoint, writes what it answers. */
export class SocketServer {
  readonly #endpoint: Endpoint
  readonly #logger: Logger
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #release: ReleaseSocket = async () => {}

  private constructor(endpoint: Endpoint, logger: Logger) {
    this.#endpoint = endpoint
    this.#logger = logger
    this.#server = createServer((socket) => this.#accept(socket))
  }

  /** @throws {ServiceAlreadyRunning} a live service of the host is there */
  static async listen(path: string, endpoint: Endpoint, logger: Logger): Promise<SocketServer> {
    const server = new SocketServer(endpoint, logger)
    server.#release = await claimSocket(server.#server, path, endpoint.host)
    server.#server.on('error', (error) => logger.error('the socket failed', { path, error }))
    return server
  }

  /** Nobody new comes in, what runs is answered, then the connections end. */
  async close(): Promise<void> {
    await this.#release()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await Promise.all(this.#endpoint.topics.map((topic) => this.#endpoint.close(topic)))
    for (const socket of this.#sockets) part(socket)
    await closed
  }

  #accept(socket: Socket): void {
    const reader = new LineReader()
    let malformed = 0
    this.#sockets.add(socket)
    const onData = (chunk: Buffer): void => {
      const { lines, overlong } = reader.push(chunk)
      for (const line of lines) {
        const read = readRequest(line)
        if ('message' in read) {
          void this.#serve(socket, read.message)
          continue
        }
        malformed += 1
        this.#reject(socket, read, malformed)
      }
      if (!overlong) return
      this.#logger.warn('a peer sent a message that is too long', { host: this.#endpoint.host })
      this.#write(socket, null, failure(messageTooLong(MAX_MESSAGE_BYTES + 1)))
      // What is still under way is read and forgotten: closing on it would take the answer back.
      socket.off('data', onData)
      part(socket)
    }
    socket.on('data', onData)
    socket.on('drain', () => socket.resume())
    // A peer that is gone needs no answer; `close` follows.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#sockets.delete(socket)
      if (malformed > 1) this.#logger.warn('malformed messages', { host: this.#endpoint.host, count: malformed })
    })
  }

  async #serve(socket: Socket, { id, ...request }: Request & { id: number | null }): Promise<void> {
    if (request.kind === 'call') return this.#write(socket, id, await this.#endpoint.receive(request))
    const refusal = this.#endpoint.refusal(request)
    this.#write(socket, id, refusal ?? { result: null })
    if (refusal === null) await this.#endpoint.receive(request)
  }

  /** Answers what can be answered; junk without a number gets one answer a connection, so that it breeds no more junk. */
  #reject(socket: Socket, { id, problem }: Exclude<Read<Request>, { message: unknown }>, count: number): void {
    if (count === 1) this.#logger.warn('a malformed message', { host: this.#endpoint.host, error: problem })
    if (id !== null || count === 1) this.#write(socket, id, failure(problem, true))
  }

  #write(socket: Socket, id: number | null, response: Response): void {
    if (!socket.writable) return
    if (socket.writableLength > MAX_UNREAD_BYTES) {
      this.#logger.warn('a peer does not read its answers', { host: this.#endpoint.host })
      socket.destroy()
      return
    }
    if (!socket.write(`${encodeAnswer(response, id)}\n`)) socket.pause()
  }
}

/** Sends what is written and says goodbye; a peer that does not take it is not waited for long. */
function part(socket: Socket): void {
  socket.end()
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS)
  socket.once('close', () => clearTimeout(timer))
}
