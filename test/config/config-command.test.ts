import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Machine } from '../../config/host-facts.ts'
import { option } from '../../config/option.ts'
import { checkConfig, type FindDeclarations, renderReference, showConfig } from '../../core/bin/commands/config.ts'
import { PluginNotFound } from '../../core/errors/boot.ts'
import { coreOptions } from '../../core/plugin-system/core-options.ts'

const folder = mkdtempSync(join(tmpdir(), 'netloom-command-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'netloom.conf')
const machine: Machine = { hostname: 'node1', uid: 0, home: '/root', environment: {}, interfaces: {} }
const given = (text: string) => {
  writeFileSync(file, text)
  return { configFiles: [file], environment: {}, commandLine: [] }
}

const vlan = { name: 'vlan', options: { vlan_start: option.integer({ default: 100, min: 1, help: 'First' }) } }
const sql = { name: 'sqlite', options: { sql: option.text({ default: '', help: 'Where', secret: true }) } }
const declared: FindDeclarations = async () => ({
  selected: [{ name: 'core', options: coreOptions }, sql],
  known: [vlan],
  implied: { source: 'another flag', file: null, settings: [], problems: [] },
  problems: [],
})
const missing = new PluginNotFound({ flag: 'l3_lib', value: 'nope', tried: ['nope'], known: ['linux-net'] })

test('check says ok with warnings, and not ok with errors', async () => {
  expect(await checkConfig(given('hots = 1'), declared, machine)).toMatchObject({
    data: { ok: true, problems: [{ level: 'warning', flag: 'hots', value: null, file, line: 1 }] },
    exitStatus: 0,
  })
  expect(await checkConfig(given('vlan_start = 0'), declared, machine)).toMatchObject({
    data: { ok: false, problems: [{ level: 'error', flag: 'vlan_start', value: '0', file, line: 1 }] },
    exitStatus: 6,
  })
})

test('check reports plugins that are missing beside bad values (lessons H1)', async () => {
  const problem = { level: 'error', flag: 'l3_lib', value: 'nope', file: null, line: null, message: 'm' } as const
  const found: FindDeclarations = async (settings, facts) => ({
    ...(await declared(settings, facts)),
    problems: [problem],
  })
  const { data } = await checkConfig(given('network_size = 1'), found, machine)
  expect(data.problems.map(({ flag }) => flag)).toEqual(['network_size', 'l3_lib'])
})

test('a search for plugins that fails is a problem; a defect in it is not hidden', async () => {
  const failing = async () => {
    throw missing
  }
  expect(await checkConfig(given('nonsense'), failing, machine)).toMatchObject({
    data: {
      ok: false,
      problems: [{ flag: 'l3_lib', value: 'nope', message: missing.message }, { flag: 'config_file' }],
    },
    exitStatus: 6,
  })
  const broken = async () => {
    throw new RangeError('defect')
  }
  await expect(checkConfig(given(''), broken, machine)).rejects.toThrow('defect')
})

test('show gives every known flag with its origin, secrets masked', async () => {
  const { data, exitStatus } = await showConfig(given('vlan_start = 7\nsql = hunter2'), declared, machine)
  expect(Object.keys(data)).toEqual([...Object.keys(coreOptions), 'sql', 'vlan_start'].sort())
  expect(data).toMatchObject({
    host: { value: 'node1', origin: 'default' },
    sql: { value: '***', origin: `${file}:2` },
    vlan_start: { value: 7, origin: `${file}:1` },
  })
  expect(exitStatus).toBe(0)
})

test('show shows a value that is not valid as it was given, and ends with the status of the check', async () => {
  const { data, problems, exitStatus } = await showConfig(given('vlan_start = 0'), declared, machine)
  expect([data.vlan_start?.value, problems.length, exitStatus]).toEqual(['0', 1, 6])
})

test('the reference covers plugins that are not selected', async () => {
  expect(await renderReference(declared)).toContain('| `vlan_start` | integer 1.. | `100` | First |')
  expect(await renderReference(declared, 'sample')).toContain('# First (integer 1..)\n#vlan_start = 100\n')
})
