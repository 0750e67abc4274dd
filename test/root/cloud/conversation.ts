/** Servers and clients of TCP and UDP inside namespaces. */
import type { ChildProcess } from 'node:child_process'
import { type TestCloud, until } from './test-cloud.ts'

/** Each says first which address the client has, then whatever the client says. */
const TCP_SERVER = `
const [port] = process.argv.slice(1)
require('net').createServer((socket) => {
  socket.on('error', () => {})
  socket.write(socket.remoteAddress.replace('::ffff:', '') + '\\n')
  socket.pipe(socket)
}).listen(port, () => console.log('listening'))`

const TCP_CLIENT = `
const [address, port] = process.argv.slice(1)
const socket = require('net').connect(port, address)
socket.on('error', () => {})
socket.pipe(process.stdout)
process.stdin.pipe(socket)`

/** Answers each datagram with its own name. */
const UDP_SERVER = `
const [port, name] = process.argv.slice(1)
const socket = require('dgram').createSocket('udp4')
socket.on('message', (_, { port, address }) => socket.send(name + '\\n', port, address))
socket.bind(port, () => console.log('listening'))`

/** Always sends from the one port. */
const UDP_CLIENT = `
const [address, port] = process.argv.slice(1)
const socket = require('dgram').createSocket('udp4')
socket.on('message', (text) => process.stdout.write(text))
socket.on('error', () => {})
socket.bind(40000)
process.stdin.on('data', (text) => socket.send(text, port, address))`

const PORTS: Readonly<Record<'tcp' | 'udp', string>> = { tcp: '8080', udp: '9000' }

/** Serves in a guest or on the public side until the cloud is removed. */
export async function serve(
  cloud: TestCloud,
  where: string,
  protocol: keyof typeof PORTS,
  port = PORTS[protocol],
): Promise<void> {
  const script = protocol === 'tcp' ? TCP_SERVER : UDP_SERVER
  const server = cloud.namespaces.start(where, ['node', '-e', script, port, where], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => server.stdout?.once('data', resolve))
}

/** A client's side of one flow. */
export class Conversation {
  readonly #client: ChildProcess
  #heard = ''

  constructor(cloud: TestCloud, from: string, protocol: keyof typeof PORTS, address: string, port = PORTS[protocol]) {
    const script = protocol === 'tcp' ? TCP_CLIENT : UDP_CLIENT
    const argv = ['node', '-e', script, address, port] as const
    this.#client = cloud.namespaces.start(from, argv, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#client.stdout?.on('data', (chunk: Buffer) => {
      this.#heard += chunk
    })
  }

  say(text: string): void {
    this.#client.stdin?.write(`${text}\n`)
  }

  heard(text: string): boolean {
    return this.#heard.split('\n').includes(text)
  }

  /** The first thing that was heard. @throws {Error} when nothing is */
  async firstWord(): Promise<string> {
    await until(() => this.#heard.includes('\n'), 'nothing was heard')
    return this.#heard.split('\n')[0] ?? ''
  }

  /** Says it again and again until it, or `answer`, is heard. @throws {Error} when it is not */
  async ask(text: string, answer = text): Promise<void> {
    const heard = () => {
      if (this.heard(answer)) return true
      this.say(text)
      return false
    }
    await until(heard, `${answer} was not heard`)
  }
}
