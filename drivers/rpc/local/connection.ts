import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { ConnectionLost, RootRequired, RpcTimeout, ServiceUnavailable } from 'netloom/contracts'
import {
  encodeMessage,
  envelope,
  MAX_MESSAGE_BYTES,
  messageTooLong,
  type Request,
  type Response,
  readResponse,
} from '../envelope.ts'
import { within } from '../within.ts'
import { LineReader } from './frames.ts'

interface Pending {
  readonly method: string
  readonly resolve: (response: Response) => void
  readonly reject: (error: Error) => void
}

/** How long a server's queue of new connections may be full before we give up, in milliseconds. */
const CONNECT_MS = 2000

/** A connection to the service of one host, kept and shared by all calls: answers are told apart by number. */
export class Connection {
  readonly #host: string
  readonly #socket: Socket
  readonly #pending = new Map<number, Pending>()
  readonly #reader = new LineReader()
  #lastId = 0
  #stalled: (() => void)[] = []

  private constructor(host: string, socket: Socket) {
    this.#host = host
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    // `close` follows and tells those who wait.
    socket.on('error', () => {})
    socket.on('drain', () => this.#wake())
    socket.on('close', () => {
      this.#fail((method) => new ConnectionLost({ method, host }))
      this.#wake()
    })
  }

  /** @throws {ServiceUnavailable} nobody listens there @throws {RootRequired} it is not ours to open */
  static async open(host: string, path: string): Promise<Connection> {
    return new Connection(host, await open(host, path))
  }

  /** Calls back as soon as the server is known to be gone: the connection is then of no more use. */
  onEnd(callback: () => void): void {
    this.#socket.once('end', callback)
    this.#socket.once('close', callback)
  }

  /**
   * Sends a request and waits for what the server says.
   * @throws {ConnectionLost} @throws {RpcTimeout} @throws {InvalidInput} it is too long
   */
  async request(request: Request, signal?: AbortSignal): Promise<Response> {
    signal?.throwIfAborted()
    const { method, timeout_ms } = request
    this.#lastId += 1
    const id = this.#lastId
    const frame = `${encodeMessage(envelope(request, id))}\n`
    const answer = new Promise<Response>((resolve, reject) => this.#pending.set(id, { method, resolve, reject }))
    void this.#send(id, frame)
    const host = this.#host
    try {
      const late = () => new RpcTimeout({ method, host, seconds: timeout_ms / 1000 })
      return await within(answer, timeout_ms, late, signal)
    } finally {
      this.#pending.delete(id)
    }
  }

  /** Those who still wait get ConnectionLost. */
  close(): void {
    this.#socket.destroy()
  }

  /** Writes when the server keeps up; a request that was given up meanwhile is not sent. */
  async #send(id: number, frame: string): Promise<void> {
    while (this.#socket.writableNeedDrain) await new Promise<void>((resolve) => this.#stalled.push(resolve))
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    if (this.#socket.writable) this.#socket.write(frame)
    else pending.reject(new ConnectionLost({ method: pending.method, host: this.#host }))
  }

  #wake(): void {
    const stalled = this.#stalled
    this.#stalled = []
    for (const resolve of stalled) resolve()
  }

  #read(chunk: Buffer): void {
    const { lines, overlong } = this.#reader.push(chunk)
    for (const line of lines) this.#answer(line)
    if (overlong) this.#abort(messageTooLong(MAX_MESSAGE_BYTES + 1))
  }

  #answer(line: string | null): void {
    const read = readResponse(line)
    const id = 'message' in read ? read.message.id : read.id
    if (id === null) {
      const said = 'message' in read && 'error' in read.message ? new Error(read.message.error.message) : undefined
      this.#abort('problem' in read ? read.problem : (said ?? new Error('an answer to no question')))
      return
    }
    const pending = this.#pending.get(id)
    if ('problem' in read) pending?.reject(read.problem)
    else pending?.resolve(read.message)
  }

  /** The two sides no longer understand each other: all who wait are told why. */
  #abort(error: Error): void {
    this.#fail(() => error)
    this.#socket.destroy()
  }

  #fail(errorFor: (method: string) => Error): void {
    for (const { method, reject } of this.#pending.values()) reject(errorFor(method))
    this.#pending.clear()
  }
}

async function open(host: string, path: string): Promise<Socket> {
  const deadline = performance.now() + CONNECT_MS
  for (;;) {
    const socket = connect(path)
    try {
      await once(socket, 'connect')
      return socket
    } catch (error) {
      socket.destroy()
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EACCES') throw new RootRequired({ what: `opening ${path}` })
      // The server's queue of connections is full: a matter of milliseconds, unless it hangs.
      if (code !== 'EAGAIN' || performance.now() > deadline) throw new ServiceUnavailable({ host, where: path })
      await delay(20)
    }
  }
}
