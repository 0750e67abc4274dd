/** Data to stdout, words to stderr: tables for people, one JSON document for programs. */
import type { ErrorJson } from '../errors/base.ts'

/** The part of a stream that is used. */
export interface Sink {
  write(text: string): unknown
}

export type Cell = string | number | boolean | null

/** Columns of a table: the header, in lower case, and how a row's cell is read. */
export type Columns<T> = Readonly<Record<string, (row: T) => Cell | undefined>>

export interface OutputOptions {
  readonly stdout: Sink
  readonly stderr: Sink
  /** Print JSON, and nothing on stderr but an error. */
  readonly json: boolean
  /** No words. */
  readonly quiet: boolean
}

/** C0, DEL, C1, and what turns the direction of text: nothing that a terminal obeys. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Text of the store as a terminal may be given it. */
export function harmless(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A document for programs; safe on a terminal too, since an escape of a JSON string stays the same string. */
export function renderJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2).split('\n').map(harmless).join('\n')}\n`
}

/** Columns aligned, numbers to the right, headers in upper case. */
export function renderTable<T>(rows: readonly T[], columns: Columns<T>): string {
  const sides = Object.entries(columns).map(([name, cellOf]) => {
    const cells = rows.map((row) => cellOf(row) ?? null)
    const texts = [name.toUpperCase(), ...cells.map(cellText)]
    const width = Math.max(...texts.map((text) => text.length))
    const values = cells.filter((cell) => cell !== null)
    const right = values.length > 0 && values.every((cell) => typeof cell === 'number')
    return texts.map((text) => (right ? text.padStart(width) : text.padEnd(width)))
  })
  const lines = Array.from({ length: rows.length + 1 }, (_, line) =>
    sides
      .map((side) => side[line]!)
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

function cellText(cell: Cell): string {
  if (cell === null || cell === '') return '-'
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  return harmless(String(cell))
}

/** A record as rows of field and value; fields of records within get a dotted name. */
function fieldsOf(record: object, prefix = ''): { readonly field: string; readonly value: Cell }[] {
  return Object.entries(record).flatMap(([key, value]) => {
    const field = prefix + key
    if (typeof value !== 'object' || value === null) return [{ field, value: value as Cell }]
    return Array.isArray(value) ? [{ field, value: value.join(', ') }] : fieldsOf(value, `${field}.`)
  })
}

/** Prints what a command found: by one call of `list`, `record`, `lines` and the like, or by `line` and `document`. */
export class Output {
  readonly #options: OutputOptions

  constructor(options: OutputOptions) {
    this.#options = options
  }

  get json(): boolean {
    return this.#options.json
  }

  /** Things of one kind; `none` is said when there are none. */
  list<T>(rows: readonly T[], columns: Columns<T>, none: string): void {
    if (this.json) this.#data(renderJson(rows))
    else if (rows.length > 0) this.#data(renderTable(rows, columns))
    else this.words(none)
  }

  /** One thing with its fields. */
  record(value: object): void {
    const columns = { field: (row: { field: string }) => row.field, value: (row: { value: Cell }) => row.value }
    this.#data(this.json ? renderJson(value) : renderTable(fieldsOf(value), columns))
  }

  /** The value for programs, a table of its parts for people. */
  table<T>(value: unknown, rows: readonly T[], columns: Columns<T>): void {
    this.#data(this.json ? renderJson(value) : renderTable(rows, columns))
  }

  /** The value for programs, lines of data for people. */
  lines(value: unknown, lines: readonly string[]): void {
    this.#data(this.json ? renderJson(value) : lines.map((line) => `${harmless(line)}\n`).join(''))
  }

  /** The value for programs, a ready-made text of ours for people. */
  text(value: object, text: string): void {
    this.#data(this.json ? renderJson(value) : text)
  }

  /** The value for programs, a sentence on stderr for people. */
  done(value: object, sentence: string): void {
    if (this.json) this.#data(renderJson(value))
    else this.words(sentence)
  }

  /** For people, a line of a report that is printed as it comes; programs get all of it as one `document`. */
  line(text: string): void {
    if (!this.json) this.#data(`${harmless(text)}\n`)
  }

  /** One of many that come one after another: for programs a document on a line, for people a line. */
  item(value: object, text: string): void {
    this.#data(`${harmless(this.json ? JSON.stringify(value) : text)}\n`)
  }

  /** For programs, what people were given line by line. */
  document(value: object): void {
    if (this.json) this.#data(renderJson(value))
  }

  /** A sentence for people. */
  words(sentence: string): void {
    if (!this.json && !this.#options.quiet) this.#options.stderr.write(`${harmless(sentence)}\n`)
  }

  /** A part of the work that failed while the rest was done; also with `--quiet`. */
  failure(sentence: string): void {
    if (!this.json) this.#options.stderr.write(`netloom: ${harmless(sentence)}\n`)
  }

  /** What ended the command; also with `--quiet`. */
  error({ code, message, details }: ErrorJson): void {
    const text = message.split('\n').map(harmless).join('\n')
    this.#options.stderr.write(this.json ? renderJson({ error: { code, message, details } }) : `netloom: ${text}\n`)
  }

  #data(text: string): void {
    if (text !== '') this.#options.stdout.write(text)
  }
}
