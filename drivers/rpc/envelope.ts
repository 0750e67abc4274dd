/** What crosses a bus, and the checks that let nothing else through. */
import { type ErrorJson, errorFromJson, errorToJson, InvalidInput, type Json, type JsonObject } from 'netloom/contracts'

/** Version of the messages below. It changes when an older side would misread a newer one. */
export const MESSAGE_VERSION = 1

/** The longest message in bytes of UTF-8; both sides refuse a longer one. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024

/** What a server is asked to do. */
export interface Request {
  /** `call` waits for the outcome, `cast` only for the acceptance. */
  readonly kind: 'call' | 'cast'
  readonly topic: string
  /** The host that is meant; null: any. */
  readonly server: string | null
  readonly method: string
  readonly args: JsonObject
  /** What is left of the caller's patience, in milliseconds; a request that waited longer is not begun. */
  readonly timeout_ms: number
}

/** The outcome. `refused` says that nothing was begun, so that another server may be asked. */
export type Response = { readonly result: Json } | { readonly error: ErrorJson; readonly refused?: boolean }

/** A message of either direction with the number that joins answer and question; null when the question had none. */
export type Numbered<T> = T & { readonly id: number | null }

/** The response that carries anything thrown. */
export function failure(error: unknown, refused = false): Response {
  return { error: errorToJson(error), ...(refused ? { refused } : {}) }
}

/** The result, or the error thrown as the class of its code. @throws {NetloomError} what the server answered */
export function settle(response: Response): Json {
  if ('error' in response) throw errorFromJson(response.error)
  return response.result
}

/** The message as it is written; without a number where the bus itself joins answer and question. */
export function envelope(body: Request | Response, id?: number | null): object {
  return { v: MESSAGE_VERSION, ...(id === undefined ? {} : { id }), ...body }
}

/**
 * The text of a message.
 * @throws {InvalidInput} it is longer than a bus carries
 * @throws {TypeError} it is no JSON (a cycle, a bigint)
 */
export function encodeMessage(message: object): string {
  const text = JSON.stringify(message)
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_MESSAGE_BYTES) throw messageTooLong(bytes)
  return text
}

/** The text of an answer, or of the error that it cannot be sent. */
export function encodeAnswer(response: Response, id?: number | null): string {
  try {
    return encodeMessage(envelope(response, id))
  } catch (error) {
    return encodeMessage(envelope(failure(error), id))
  }
}

/** What both sides say of a message over the limit. */
export function messageTooLong(bytes: number): InstanceType<typeof InvalidInput> {
  return new InvalidInput({ what: 'message', value: `${bytes} bytes`, want: `at most ${MAX_MESSAGE_BYTES} bytes` })
}

/** What reading gives: a message, or why it is none with the number to answer under. */
export type Read<T> = { readonly message: Numbered<T> } | { readonly id: number | null; readonly problem: Error }

/** Reads a question; null is a text that was not UTF-8. Never throws. */
export function readRequest(text: string | null): Read<Request> {
  return read(text, (m) => {
    const { kind, topic, server = null, method, args, timeout_ms } = m
    if (kind !== 'call' && kind !== 'cast') throw wrong('kind', kind, 'call or cast')
    if (typeof topic !== 'string') throw wrong('topic', topic, 'text')
    if (server !== null && typeof server !== 'string') throw wrong('server', server, 'text or null')
    if (typeof method !== 'string') throw wrong('method', method, 'text')
    if (!isObject(args)) throw wrong('args', args, 'an object')
    if (typeof timeout_ms !== 'number' || !(timeout_ms > 0)) throw wrong('timeout_ms', timeout_ms, 'more than 0')
    return { kind, topic, server, method, args, timeout_ms }
  })
}

/** Reads an answer; null is a text that was not UTF-8. Never throws. */
export function readResponse(text: string | null): Read<Response> {
  return read(text, (m) => {
    if (m.error === undefined && m.result !== undefined) return { result: m.result }
    const error = m.error
    if (!isObject(error)) throw wrong('answer', m.id ?? null, 'a result or an error')
    const { code, message, details, exit_status: status } = error
    if (typeof code !== 'string' || typeof message !== 'string' || !isObject(details) || !isExitStatus(status)) {
      throw wrong('error', code ?? null, 'code, message, details and exit_status')
    }
    return { error: { code, message, details, exit_status: status }, refused: m.refused === true }
  })
}

function read<T>(text: string | null, check: (message: JsonObject) => T): Read<T> {
  let id: number | null = null
  try {
    const message = parse(text)
    if (typeof message.id === 'number') id = message.id
    if (message.v !== MESSAGE_VERSION) {
      throw wrong('message version', message.v, `${MESSAGE_VERSION}: the two sides are of different netloom versions`)
    }
    return { message: { ...check(message), id } }
  } catch (error) {
    return { id, problem: error as Error }
  }
}

function parse(text: string | null): JsonObject {
  let message: Json | undefined
  try {
    if (text !== null) message = JSON.parse(text) as Json
  } catch {
    // Said below, with the other ways of not being a message.
  }
  if (!isObject(message)) throw wrong('message', (text ?? 'not UTF-8').slice(0, 80), 'a JSON object')
  return message
}

function wrong(what: string, value: Json | undefined, want: string): Error {
  const shown =
    typeof value === 'object' ? '(object)' : typeof value === 'string' ? value.slice(0, 80) : (value ?? null)
  return new InvalidInput({ what, value: shown, want })
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isExitStatus(value: Json | undefined): value is ErrorJson['exit_status'] {
  return typeof value === 'number' && [1, 2, 3, 4, 5, 6].includes(value)
}
