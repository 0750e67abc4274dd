import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type CommandBench, makeCommandBench } from './command-bench.ts'

const STRANGER = fileURLToPath(new URL('../../fixtures/plugins/quiet-dhcp.mjs', import.meta.url))

let bench: CommandBench
beforeAll(async () => {
  bench = await makeCommandBench()
})
afterAll(() => bench.end())

describe('netloom plugins check', () => {
  test("holds a stranger's plugin to the cases of its slot, with its own flags", async () => {
    const { status, stdout, stderr } = await bench.run(['plugins', 'check', STRANGER], {
      NETLOOM_QUIET_DHCP_PATH: '/quiet',
    })
    expect([status, stderr]).toEqual([0, ''])
    const lines = stdout.trim().split('\n')
    expect(lines[0]).toMatch(/^SLOT +PLUGIN +VERDICT +CASE +REASON$/)
    expect(lines.length).toBeGreaterThan(5)
    for (const line of lines.slice(1)) expect(line).toMatch(/^dhcp_driver +quiet-dhcp +kept /)
  })

  test('checks every built-in of a name', async () => {
    const { status, stdout } = await bench.run('plugins check bridge --json')
    expect(status).toBe(0)
    const checks = JSON.parse(stdout) as { slot: string; plugin: string; verdict: string }[]
    expect(new Set(checks.map(({ slot, plugin, verdict }) => `${slot} ${plugin} ${verdict}`))).toEqual(
      new Set(['network_driver bridge kept']),
    )
  })

  test('takes one that is for two slots for both, and leaves nothing behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'netloom-check-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const { status, stdout } = await bench.run('plugins check minidns --json', { NETLOOM_MINIDNS_PATH: folder })
    expect(status).toBe(0)
    const checks = JSON.parse(stdout) as { slot: string; verdict: string }[]
    expect(new Set(checks.map(({ slot, verdict }) => `${slot} ${verdict}`))).toEqual(
      new Set(['instance_dns_manager kept', 'floating_ip_dns_manager kept']),
    )
    expect(await readdir(folder)).toEqual([])
  })

  test('ends with 1 when a case is broken, and says why', async () => {
    const { status, stdout } = await bench.run(['plugins', 'check', `${STRANGER}#careless`, '--json'])
    expect(status).toBe(1)
    expect(JSON.parse(stdout)).toContainEqual({
      slot: 'dhcp_driver',
      plugin: 'careless',
      case: 'two guests have nothing in common: one goes without the other',
      verdict: 'broken',
      reason: expect.stringContaining('Expected values to be strictly equal'),
    })
  })

  test.each([
    [`${STRANGER}#tomorrow`, 6, 'PluginContractMismatch'],
    [`${STRANGER}#handmade`, 6, 'PluginInvalid'],
    ['./absent.mjs', 6, 'PluginLoadFailed'],
    ['dnsmask', 6, 'PluginNotFound'],
    ['sqlite', 4, 'NotSupported'],
  ])('%s: %i %s', async (spec, status, code) => {
    const refused = await bench.run(['plugins', 'check', spec, '--json'])
    expect([refused.status, JSON.parse(refused.stderr).error.code]).toEqual([status, code])
  })
})

describe("a stranger's flag on the command line", () => {
  test('is known when the line selects the plugin', async () => {
    const { status, stderr } = await bench.run([`--dhcp_driver=${STRANGER}`, '--quiet_dhcp_path=/q', 'plugins'])
    expect([status, stderr]).toEqual([0, ''])
  })

  test('is not known otherwise, and one that is misspelt never is', async () => {
    const absent = await bench.run(['--quiet_dhcp_path=/q', 'plugins'])
    expect([absent.status, absent.stderr]).toEqual([2, expect.stringContaining('unknown flag --quiet_dhcp_path')])
    const misspelt = await bench.run([`--dhcp_driver=${STRANGER}`, '--quiet_dhcp_pat=/q', 'plugins'])
    expect(misspelt.stderr).toContain('did you mean --quiet_dhcp_path?')
  })
})
