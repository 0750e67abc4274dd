import { isUtf8 } from 'node:buffer'
import { InvalidInput } from 'netloom/contracts'

/** The longest message in bytes of UTF-8, without its line end; both sides refuse a longer one. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024

const LINE_END = 0x0a

/**
 * One message as a line.
 * @throws {InvalidInput} it is longer than the bus carries
 * @throws {TypeError} it is no JSON (a cycle, a bigint)
 */
export function encodeFrame(message: object): string {
  const text = JSON.stringify(message)
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_MESSAGE_BYTES) throw messageTooLong(bytes)
  return `${text}\n`
}

/** What both sides say of a message over the limit. */
export function messageTooLong(bytes: number): InstanceType<typeof InvalidInput> {
  return new InvalidInput({ what: 'message', value: `${bytes} bytes`, want: `at most ${MAX_MESSAGE_BYTES} bytes` })
}

/** Cuts a stream of bytes into lines; holds at most one unfinished line within the limit. */
export class LineReader {
  #unfinished: Buffer[] = []
  #bytes = 0

  /**
   * Takes the next bytes.
   * @returns the lines that they complete, null for one that is not UTF-8; and whether a line went over the limit:
   * then nothing after it can be told apart, and the reader is of no more use
   */
  push(chunk: Buffer): { readonly lines: readonly (string | null)[]; readonly overlong: boolean } {
    const lines: (string | null)[] = []
    let rest = chunk
    for (let end = rest.indexOf(LINE_END); end !== -1; end = rest.indexOf(LINE_END)) {
      if (!this.#hold(rest.subarray(0, end))) return { lines, overlong: true }
      lines.push(this.#take())
      rest = rest.subarray(end + 1)
    }
    return { lines, overlong: !this.#hold(rest) }
  }

  #hold(part: Buffer): boolean {
    this.#bytes += part.length
    if (this.#bytes > MAX_MESSAGE_BYTES) return false
    if (part.length > 0) this.#unfinished.push(part)
    return true
  }

  #take(): string | null {
    const line = Buffer.concat(this.#unfinished, this.#bytes)
    this.#unfinished = []
    this.#bytes = 0
    return isUtf8(line) ? line.toString('utf8') : null
  }
}
