/** Stands between a client and a server on loopback, and cuts their connections when a test says so. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** What becomes of what a client sent; after `lose answer` the server has it, and the client never hears so. */
export type Verdict = 'pass' | 'cut' | 'lose answer'

export interface TcpProxy {
  readonly port: number
  /** Asked about each chunk that a client sends. */
  judge: (chunk: Buffer) => Verdict
  /** Whether new connections are let in. */
  open: boolean
  /** Whether bytes are let through; held ones go on later, as in a partition. */
  flowing: boolean
  /** Ends all connections there are. */
  cut(): void
  close(): Promise<void>
}

/** @param port of the server on loopback */
export async function startTcpProxy(port: number): Promise<TcpProxy> {
  const pairs = new Set<{ readonly client: Socket; readonly server: Socket }>()
  let flowing = true
  const listener = createServer((client) => {
    if (!proxy.open) return void client.destroy()
    const server = connect({ port, host: '127.0.0.1', noDelay: true })
    client.setNoDelay()
    const pair = { client, server }
    pairs.add(pair)
    let losing = false
    const end = () => {
      client.destroy()
      server.destroy()
      pairs.delete(pair)
    }
    client.on('data', (chunk) => {
      const verdict = proxy.judge(chunk)
      if (verdict === 'cut') return end()
      losing ||= verdict === 'lose answer'
      server.write(chunk)
    })
    server.on('data', (chunk) => (losing ? end() : client.write(chunk)))
    for (const socket of [client, server]) socket.on('error', end).on('close', end)
    if (!flowing) hold(pair)
  })
  const hold = ({ client, server }: { client: Socket; server: Socket }) => {
    client.pause()
    server.pause()
  }
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  const proxy: TcpProxy = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    judge: () => 'pass',
    open: true,
    get flowing() {
      return flowing
    },
    set flowing(yes) {
      flowing = yes
      for (const pair of pairs) {
        if (!yes) hold(pair)
        else {
          pair.client.resume()
          pair.server.resume()
        }
      }
    },
    cut() {
      for (const { client, server } of pairs) {
        client.destroy()
        server.destroy()
      }
    },
    async close() {
      listener.close()
      proxy.cut()
      await once(listener, 'close')
    },
  }
  return proxy
}
