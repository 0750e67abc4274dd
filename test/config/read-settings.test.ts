import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readConfigFiles, readSettings } from '../../config/read-settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'netloom-config-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const nothing = { configFiles: [], environment: {}, commandLine: [] }

test('layers come in the order of precedence, files as they were named', async () => {
  const [one, two] = [at('one.conf', 'a = 1'), at('two.conf', '--a=2')]
  const layers = await readSettings({
    configFiles: [two, one],
    environment: { NETLOOM_A: '3' },
    commandLine: ['--a=4'],
  })
  expect(layers.map(({ source, file, settings }) => [source, file, settings[0]?.value])).toEqual([
    ['file', two, '2'],
    ['file', one, '1'],
    ['environment', null, '3'],
    ['command line', null, '4'],
  ])
})

test('a file that is missing, a directory or endless is a problem, not an exception', async () => {
  const layers = await readConfigFiles([
    join(folder, 'no.conf'),
    folder,
    join(at('f', ''), 'x'),
    '/dev/zero',
    '/dev/null',
  ])
  expect(layers.map(({ problems }) => problems.map(({ flag, message }) => [flag, message]))).toEqual([
    [['config_file', 'cannot be read: there is no such file']],
    [['config_file', 'cannot be read: it is a directory']],
    [['config_file', 'cannot be read: there is no such file']],
    [['config_file', 'cannot be read: it is longer than 4 MiB']],
    [],
  ])
})

test('the default file is read when it exists and no other is named', async () => {
  const [standard, named] = [at('default.conf', 'a = 1'), at('named.conf', 'b = 2')]
  const files = async (configFiles: string[], defaultFile: string) =>
    (await readSettings({ ...nothing, configFiles }, defaultFile)).map(({ file }) => file)
  expect(await files([], standard)).toEqual([standard, null, null])
  expect(await files([], join(folder, 'none'))).toEqual([null, null])
  expect(await files([named], standard)).toEqual([named, null, null])
})
