import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MAX_MESSAGE_BYTES, readRequest, readResponse } from '../../../drivers/rpc/envelope.ts'
import { LineReader } from '../../../drivers/rpc/local/frames.ts'
import { codeOf, echo, until } from './bus.ts'
import { type LocalBus, makeLocalBus } from './local-bus.ts'

let bus: LocalBus
beforeEach(async () => {
  bus = await makeLocalBus()
})
afterEach(() => bus.end())

const request = { v: 1, id: 7, kind: 'call', topic: 'network', method: 'm', args: {}, timeout_ms: 1000 }
const lineOf = (message: object) => `${JSON.stringify(message)}\n`

/** Sends bytes to a raw connection and gives the first line that comes back. */
async function firstAnswer(socket: Socket, bytes: string | Buffer): Promise<{ [key: string]: unknown }> {
  socket.write(bytes)
  let text = ''
  while (!text.includes('\n')) text += String((await once(socket, 'data'))[0])
  return JSON.parse(text.slice(0, text.indexOf('\n')))
}

test('lines come out the same however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string().map((s) => s.replaceAll('\n', ''))), fc.array(fc.nat(40)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
      const reader = new LineReader()
      const got: (string | null)[] = []
      let from = 0
      for (const cut of [...cuts, bytes.length]) {
        got.push(...reader.push(bytes.subarray(from, from + cut)).lines)
        from += cut
      }
      expect(got).toEqual(lines.map((line) => Buffer.from(line).toString()))
    }),
  )
})

test('a line at the limit passes, one byte more does not', () => {
  expect(new LineReader().push(Buffer.from(`${'x'.repeat(MAX_MESSAGE_BYTES)}\n`)).overlong).toBe(false)
  expect(new LineReader().push(Buffer.alloc(MAX_MESSAGE_BYTES + 1, 'x')).overlong).toBe(true)
})

test('whatever the line, reading it never throws, and what passes has the shape', () => {
  const almost = fc.record(
    {
      v: fc.constantFrom(1, 2, '1', null),
      id: fc.oneof(fc.integer(), fc.jsonValue()),
      kind: fc.constantFrom('call', 'cast', 'x'),
      topic: fc.oneof(fc.string(), fc.jsonValue()),
      method: fc.oneof(fc.string(), fc.jsonValue()),
      args: fc.oneof(fc.constant({}), fc.jsonValue()),
      timeout_ms: fc.oneof(fc.integer(), fc.jsonValue()),
      result: fc.jsonValue(),
      error: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  const lines = fc.oneof(
    fc.string(),
    fc.json(),
    almost.map((message) => JSON.stringify(message)),
  )
  fc.assert(
    fc.property(lines, (line) => {
      const read = readRequest(line)
      if ('message' in read) {
        const { kind, topic, method, args, timeout_ms } = read.message
        expect(['call', 'cast']).toContain(kind)
        expect([typeof topic, typeof method, typeof args, timeout_ms > 0]).toEqual(['string', 'string', 'object', true])
      } else expect(read.problem).toMatchObject({ code: 'InvalidInput' })
      const answer = readResponse(line)
      if ('problem' in answer) expect(answer.problem).toMatchObject({ code: 'InvalidInput' })
    }),
  )
})

test('hostile bytes neither end the server nor disturb another connection', async () => {
  await (await bus.open('a')).serve('network', 'a', echo)
  const client = await bus.open('b')
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(`${text}\n`)),
    fc
      .constantFrom('\n\n\n', `${'['.repeat(100_000)}\n`, '{"__proto__":{"v":1}}\n', '{"v":1,"id":1e999}\n')
      .map((text) => Buffer.from(text)),
    fc.string().map((method) => Buffer.from(lineOf({ ...request, method }).slice(0, -3))),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { maxLength: 5 }), async (parts) => {
      const socket = bus.raw('a')
      for (const part of parts) socket.write(part)
      socket.end()
      expect(await client.call({ topic: 'network', server: 'a' }, 'm', {})).toEqual({ method: 'm', args: {} })
      socket.destroy()
    }),
    { numRuns: 60 },
  )
})

test.each([
  ['a later version', { ...request, v: 2 }, /message version 2 is not valid: 1: the two sides/],
  ['no version', { ...request, v: undefined }, /message version null/],
  ['an unknown kind', { ...request, kind: 'fan' }, /kind "fan"/],
  ['arguments that are a list', { ...request, args: [] }, /args/],
  ['no time', { ...request, timeout_ms: 0 }, /timeout_ms 0/],
])('a request with %s is answered by name under its number', async (_what, message, want) => {
  await (await bus.open('a')).serve('network', 'a', echo)
  const answer = await firstAnswer(bus.raw('a'), lineOf(message))
  expect(answer).toMatchObject({ v: 1, id: 7, error: { code: 'InvalidInput', exit_status: 2 }, refused: true })
  expect((answer.error as { message: string }).message).toMatch(want)
})

test('junk without a number is answered and logged once a connection, counted, and the connection goes on', async () => {
  await (await bus.open('a')).serve('network', 'a', echo)
  const socket = bus.raw('a')
  const junk = await firstAnswer(socket, 'junk\n\xff\xfe\n[]\n')
  expect(junk).toMatchObject({ id: null, error: { code: 'InvalidInput' } })
  expect(await firstAnswer(socket, lineOf(request))).toMatchObject({ id: 7, result: { method: 'm' } })
  socket.destroy()
  await until(() => bus.warnings.length === 2)
  expect(bus.warnings).toEqual(['a malformed message', 'malformed messages'])
})

test('a message over the limit is answered by name, then the connection ends', async () => {
  await (await bus.open('a')).serve('network', 'a', echo)
  const socket = bus.raw('a')
  const ended = once(socket, 'close')
  const answer = await firstAnswer(socket, Buffer.alloc(MAX_MESSAGE_BYTES + 4_000_000, 'x'))
  expect(answer).toMatchObject({ id: null, error: { code: 'InvalidInput', message: /at most 8388608 bytes/ } })
  await ended
})

test('a peer that asks and never reads is cut off; others are served on', async () => {
  const text = 'x'.repeat(1_000_000)
  await (await bus.open('a')).serve('network', 'a', async (method) => (method === 'big' ? text : 'ok'))
  const socket = bus.raw('a')
  socket.pause()
  socket.write(lineOf({ ...request, method: 'big' }).repeat(200))
  await until(() => bus.warnings.includes('a peer does not read its answers'))
  expect(await (await bus.open('b')).call({ topic: 'network', server: 'a' }, 'm', {})).toBe('ok')
})

test.each([
  ['junk', 'InvalidInput', 'junk\n'],
  ['another version', 'InvalidInput', '{"v":2,"id":1,"result":1}\n'],
  ['an error without its parts', 'InvalidInput', '{"v":1,"id":1,"error":{"code":"X"}}\n'],
  ['to another question', 'RpcTimeout', '{"v":1,"id":99,"result":1}\n'],
  [
    'an error of a newer netloom',
    'Newer',
    '{"v":1,"id":1,"error":{"code":"Newer","message":"m","details":{},"exit_status":4}}\n',
  ],
  ['nothing, and hangs up', 'ConnectionLost', ''],
])('a server that answers %s: the call ends with %s', async (_what, code, bytes) => {
  await mkdir(bus.runPath, { mode: 0o700 })
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => (bytes === '' ? socket.destroy() : socket.write(bytes)))
  }).listen(join(bus.runPath, 'a.sock'))
  await once(server, 'listening')
  const client = await bus.open('b')
  expect(await codeOf(client.call({ topic: 'network', server: 'a' }, 'm', {}, { timeoutMs: 100 }))).toBe(code)
  await client.close()
  server.close()
})
