import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  parseCommandLine,
  parseConfigText,
  parseEnvironment,
  parseIni,
  renderSetting,
  type SettingsLayer,
} from '../../config/sources.ts'

const triples = (layer: SettingsLayer) => layer.settings.map(({ flag, value, line }) => [flag, value, line])
const refusals = (layer: SettingsLayer) => layer.problems.map(({ line, message }) => [line, message])

describe('an INI file', () => {
  const table: [fact: string, text: string, settings: unknown[]][] = [
    [
      'takes = and :, whichever comes first',
      'a = x:y\nb : x=y\nc=1',
      [
        ['a', 'x:y', 1],
        ['b', 'x=y', 2],
        ['c', '1', 3],
      ],
    ],
    [
      'does not cut values at # and ;',
      'sql_connection = mysql://u:ab;cd#ef@h/db',
      [['sql_connection', 'mysql://u:ab;cd#ef@h/db', 1]],
    ],
    ['has comments only at the start of a line', '# a = 1\n;b = 2\nc = 3 # 4', [['c', '3 # 4', 3]]],
    [
      'keeps repeated keys',
      'dns = 1.1.1.1\ndns = 8.8.8.8',
      [
        ['dns', '1.1.1.1', 1],
        ['dns', '8.8.8.8', 2],
      ],
    ],
    [
      'continues a value on indented lines',
      'a = 1,\n  2,\n\t3\nb = 4',
      [
        ['a', '1,\n2,\n3', 1],
        ['b', '4', 4],
      ],
    ],
    [
      'passes over other sections and returns to [DEFAULT]',
      'a=1\n[libvirt]\nb=2\n c\nnonsense\n[DEFAULT]\nd=3',
      [
        ['a', '1', 1],
        ['d', '3', 7],
      ],
    ],
    [
      'drops one pair of quotes',
      `a = "x y "\nb = 'z'\nc = "q'\nd = "\ne = ""`,
      [
        ['a', 'x y ', 1],
        ['b', 'z', 2],
        ['c', `"q'`, 3],
        ['d', '"', 4],
        ['e', '', 5],
      ],
    ],
    [
      'may have a byte order mark and CRLF',
      '\uFEFFa = 1\r\nb =\r\n',
      [
        ['a', '1', 1],
        ['b', '', 2],
      ],
    ],
    ['keeps a line of dashes in a value', 'a = --b=c', [['a', '--b=c', 1]]],
  ]
  test.each(table)('%s', (_, text, settings) => {
    const layer = parseConfigText(text, 'f')
    expect(triples(layer)).toEqual(settings)
    expect(layer.problems).toEqual([])
  })

  test('names every line that cannot be read, and reads the others', () => {
    const layer = parseIni('  early\na = 1\nword\n= 2\nb c = 3\n[open\n[]\n--d=4\n\n  late\n  # fine\ne = 5', 'f')
    expect(triples(layer)).toEqual([
      ['a', '1', 2],
      ['e', '5', 12],
    ])
    expect(refusals(layer)).toEqual([
      [1, 'the line is indented, but there is no value that it continues'],
      [3, 'the line must look like `flag = value`'],
      [4, 'the line must look like `flag = value`'],
      [5, 'the line must look like `flag = value`'],
      [6, 'a section must look like [NAME]'],
      [7, 'a section must look like [NAME]'],
      [8, 'the line must look like `flag = value`'],
      [10, 'the line is indented, but there is no value that it continues'],
    ])
    expect(layer.problems[0]).toMatchObject({ level: 'error', flag: 'config_file', file: 'f' })
  })

  test('never shows a line that cannot be read: it may be a password', () => {
    expect(JSON.stringify(parseIni('hunter2', 'f'))).not.toContain('hunter2')
  })
})

test('a flagfile is told by its first line that says something', () => {
  const layer = parseConfigText(
    '# nova\n\n// x\n--flat-network-bridge=br100\n--use_ipv6\n--nomulti_host\n--a=b=c # d',
    'f',
  )
  expect(triples(layer)).toEqual([
    ['flat_network_bridge', 'br100', 4],
    ['use_ipv6', null, 5],
    ['nomulti_host', null, 6],
    ['a', 'b=c # d', 7],
  ])
})

test('a flagfile names lines that it cannot read, and flagfiles inside', () => {
  const layer = parseConfigText('--a=1\nb = 2\n--flag value\n--flagfile=/etc/x', 'f')
  expect(refusals(layer)).toEqual([
    [2, 'the line must look like `--flag=value`'],
    [3, 'the line must look like `--flag=value`'],
    [4, 'a flagfile inside a flagfile is not read: give it with --config-file'],
  ])
})

test('the environment gives NETLOOM_<FLAG>, and nothing else', () => {
  const layer = parseEnvironment({
    NETLOOM_USE_IPV6: 'yes',
    PATH: '/bin',
    NETLOOM_DEBUG: '1',
    NETLOOM_HOST: '',
    Netloom_x: 'y',
  })
  expect(triples(layer)).toEqual([
    ['host', '', null],
    ['use_ipv6', 'yes', null],
  ])
})

test('the command line takes - for _, and says which text is no flag', () => {
  const layer = parseCommandLine(['--flat-network-bridge=br-1', '--use_ipv6', '--a=', '-b=secret', 'c'])
  expect(triples(layer)).toEqual([
    ['flat_network_bridge', 'br-1', null],
    ['use_ipv6', null, null],
    ['a', '', null],
  ])
  expect(layer.problems.map(({ flag, file }) => [flag, file])).toEqual([
    ['-b', 'command line'],
    ['c', 'command line'],
  ])
})

test('any text is read without an exception, and each position is the line that holds the flag', () => {
  const line = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.stringMatching(/^[ \t]{0,2}(--)?[a-z_]{1,4}[ ]?[=:]?.{0,5}$/),
    fc.constantFrom('[DEFAULT]', '[x]', '', '#', '"', '[', '\u2028', '\0'),
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const text = lines.join('\n')
      const layer = parseConfigText(text, 'f')
      const numbered = text.replace(/^\uFEFF/, '').split(/\r\n?|\n/)
      for (const { flag, line } of layer.settings) {
        expect(numbered[line! - 1]!.replaceAll('-', '_')).toContain(flag.replaceAll('-', '_'))
      }
      for (const problem of layer.problems) expect(problem.line).toBeLessThanOrEqual(numbered.length)
    }),
  )
})

test('what is rendered is read again', () => {
  const flag = fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/)
  const first = fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text))
  const more = first.map((text) => text.trim()).filter((text) => text !== '')
  const value = fc.tuple(first, fc.array(more, { maxLength: 3 })).map(([head, tail]) => [head, ...tail].join('\n'))
  fc.assert(
    fc.property(fc.array(fc.tuple(flag, value), { maxLength: 5 }), (pairs) => {
      const text = pairs.map(([name, content]) => renderSetting(name, content)).join('\n')
      const layer = parseIni(text, 'f')
      expect(layer.problems).toEqual([])
      expect(layer.settings.map((setting) => [setting.flag, setting.value])).toEqual(pairs)
    }),
  )
})
