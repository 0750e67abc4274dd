/**
 * What a call costs: netloom over RabbitMQ against bare amqplib with the same options, and over the local bus. The server
 * is a second process; the two take turns, so that what else the machine does meets both.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RpcDriver } from 'netloom/contracts'
import { silentLogger } from 'netloom/testing'
import { LocalRpc } from '../../drivers/rpc/local/local-rpc.ts'
import { provideBroker } from '../kit-internal/servers.ts'
import { makeAmqpBus } from '../services/amqp/amqp-bus.ts'
import { openBareClient } from './rpc/bare.ts'

const ROUNDS = 21
const ARGS = {
  context: { request_id: randomUUID(), is_admin: true },
  instance_uuid: randomUUID(),
  note: 'x'.repeat(150),
}

type Call = () => Promise<unknown>

/** Calls a second, with so many under way at a time. */
async function rate(call: Call, calls: number, inFlight: number): Promise<number> {
  let left = calls
  const work = async () => {
    while (left > 0) {
      left -= 1
      await call()
    }
  }
  const since = performance.now()
  await Promise.all(Array.from({ length: inFlight }, work))
  return (calls * 1000) / (performance.now() - since)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** Takes turns, and tells the medians. */
async function compare(ways: Readonly<Record<string, Call>>, calls: number, inFlight: number): Promise<string> {
  const rates = Object.fromEntries(Object.keys(ways).map((name) => [name, [] as number[]]))
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [name, call] of Object.entries(ways)) rates[name]!.push(await rate(call, calls, inFlight))
  const [bare = [], amqp = []] = Object.values(rates)
  const ratio = median(bare.map((value, round) => value / amqp[round]!))
  const cells = Object.values(rates).map((values) => Math.round(median(values)))
  return [inFlight, ...cells, ratio.toFixed(2)].map((cell) => String(cell).padStart(14)).join('')
}

export default async function bench(): Promise<void> {
  const broker = await provideBroker()
  const runPath = await mkdtemp(join(tmpdir(), 'nlbench-'))
  const bus = await makeAmqpBus(broker.url)
  const serverPath = fileURLToPath(new URL('./rpc/server.js', import.meta.url))
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
  const server: ChildProcess = spawn(process.execPath, [serverPath, broker.url, bus.prefix, runPath], { stdio })
  await once(server.stdout!, 'data')

  const bare = await openBareClient(bus.url, bus.prefix)
  const amqp = await bus.open('client')
  const local = new LocalRpc({ runPath, host: 'client', timeoutMs: 60_000, logger: silentLogger })
  const calling = (rpc: RpcDriver) => () => rpc.call({ topic: 'network', server: 'server' }, 'echo', ARGS)
  const ways = { 'bare amqplib': () => bare.call('echo', ARGS), amqp: calling(amqp), local: calling(local) }

  for (const call of Object.values(ways)) await rate(call, 500, 16)
  process.stdout.write(`calls a second, median of ${ROUNDS} rounds; ratio: bare amqplib to amqp\n`)
  process.stdout.write(`${['in flight', ...Object.keys(ways), 'ratio'].map((cell) => cell.padStart(14)).join('')}\n`)
  for (const [inFlight, calls] of [
    [1, 200],
    [16, 1000],
    [64, 2000],
  ] as const)
    process.stdout.write(`${await compare(ways, calls, inFlight)}\n`)

  await Promise.all([bare.close(), local.close()])
  server.kill()
  await once(server, 'exit')
  await bus.end()
  await broker.end()
  await rm(runPath, { recursive: true, force: true })
}
