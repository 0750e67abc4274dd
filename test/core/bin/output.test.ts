import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { harmless, Output, renderJson, renderTable } from '../../../core/bin/output.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

function output(options: { json?: boolean; quiet?: boolean } = {}) {
  const texts = { stdout: '', stderr: '' }
  const sinks = {
    stdout: { write: (text: string) => (texts.stdout += text) },
    stderr: { write: (text: string) => (texts.stderr += text) },
  }
  return { texts, output: new Output({ ...sinks, json: false, quiet: false, ...options }) }
}

describe('text of the store on a terminal', () => {
  test.each([
    ['red\u001b[31m', 'red\\u001b[31m'],
    ['two\nlines', 'two\\u000alines'],
    ['csi\u009b2J', 'csi\\u009b2J'],
    ['\u202egnp.exe', '\\u202egnp.exe'],
    ['größe ñ 網路', 'größe ñ 網路'],
  ])('%j is printed as %j', (text, want) => {
    expect(harmless(text)).toBe(want)
  })

  test('no table, document or error holds what a terminal obeys, and JSON stays the same value', () => {
    const nasty = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\u001b]0;x\u0007', '\u009b2J', 'a\nb'))
    fc.assert(
      fc.property(fc.array(fc.record({ label: nasty })), (rows) => {
        expect(renderTable(rows, { label: (row) => row.label })).not.toMatch(OBEYED)
        const json = renderJson(rows)
        expect(json).not.toMatch(OBEYED)
        expect(JSON.parse(json)).toEqual(rows)
        const { output: out, texts } = output()
        for (const { label } of rows) out.error({ code: 'X', message: label, details: {}, exit_status: 1 })
        expect(texts.stderr).not.toMatch(OBEYED)
      }),
    )
  })

  test('a table has one line for each row, whatever is in it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ a: fc.string({ unit: 'binary' }), n: fc.integer() }), { minLength: 1 }),
        (rows) => {
          const text = renderTable(rows, { a: (row) => row.a, n: (row) => row.n })
          expect(text.split('\n')).toHaveLength(rows.length + 2)
        },
      ),
    )
  })
})

describe('a table', () => {
  test('has numbers to the right and the rest to the left, dashes for nothing', () => {
    const rows = [
      { name: 'a', count: 5, on: true, note: null },
      { name: 'longer', count: 12345, on: false, note: '' },
    ]
    const columns = {
      name: (row: (typeof rows)[0]) => row.name,
      count: (row: (typeof rows)[0]) => row.count,
      on: (row: (typeof rows)[0]) => row.on,
      note: (row: (typeof rows)[0]) => row.note,
    }
    expect(renderTable(rows, columns)).toBe(
      ['NAME    COUNT  ON   NOTE', 'a           5  yes  -', 'longer  12345  no   -', ''].join('\n'),
    )
  })
})

describe('words', () => {
  test.each([
    [{}, 'hello\n'],
    [{ quiet: true }, ''],
    [{ json: true }, ''],
  ])('with %j', (options, want) => {
    const { output: out, texts } = output(options)
    out.words('hello')
    out.list([], {}, 'hello')
    expect(texts.stderr).toBe(want + want)
  })
})
