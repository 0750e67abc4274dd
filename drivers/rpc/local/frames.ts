import { isUtf8 } from 'node:buffer'
import { MAX_MESSAGE_BYTES } from '../envelope.ts'

const LINE_END = 0x0a

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
