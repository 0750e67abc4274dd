import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dhcpDriverSlot, l3LibSlot } from 'netloom/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BuiltinTable, resolvePlugin } from '../../../core/plugin-system/resolve-plugin.ts'
import type { AnySlot } from '../../../core/plugin-system/slot.ts'
import { builtinPlugins } from '../../../plugins/index.ts'

const FIXTURES = fileURLToPath(new URL('../../fixtures/plugins/', import.meta.url))
const QUIET = join(FIXTURES, 'quiet-dhcp.mjs')

/** A plugin as another installed copy of netloom makes it: only its data tells what it is. */
const FOREIGN = `
const slot = { id: 'dhcp_driver', flag: 'dhcp_driver', contract: '1.0', symbol: Symbol.for('netloom/dhcp_driver') }
const plugin = (name) => ({
  brand: 'netloom.plugin/1', name, summary: 'Of another copy', provides: { ...slot, methods: [] }, contract: '1.0',
  options: {}, requires: {}, programs: {}, check: () => [], create: () => ({}),
})
export default plugin('packaged')
export const other = plugin('other')
`

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nlplugins-'))
  const files = {
    'node_modules/netloom-dhcp-packaged/package.json': '{"type": "module", "exports": "./index.js"}',
    'node_modules/netloom-dhcp-packaged/index.js': FOREIGN,
    'node_modules/noop/package.json': '{"type": "module", "exports": "./index.js"}',
    'node_modules/noop/index.js': FOREIGN,
    'near/netloom.conf': '',
    'near/mine.mjs': FOREIGN,
    'near/broken.mjs': 'throw new Error("no key")',
    'near/syntax.mjs': 'export default {',
  }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
})
afterAll(() => rm(folder, { recursive: true }))

const builtins: BuiltinTable = builtinPlugins.dhcp_driver
const slot: AnySlot = dhcpDriverSlot

function resolve(value: string, options: { slot?: AnySlot; namedIn?: string | null } = {}) {
  const namedIn = options.namedIn === undefined ? join(folder, 'near/netloom.conf') : options.namedIn
  return resolvePlugin({ slot: options.slot ?? slot, value, namedIn }, builtins)
}

const found = async (value: string, options = {}) => {
  const { plugin, source } = await resolve(value, options)
  return [plugin.name, source]
}

describe('a plugin is found', () => {
  test('by the short name of a built-in', async () => {
    expect(await found('noop')).toEqual(['noop', 'built-in'])
  })

  test('by an old spelling', async () => {
    const l3 = resolvePlugin({ slot: l3LibSlot, value: 'nova.network.l3.NullL3', namedIn: null }, builtinPlugins.l3_lib)
    expect((await l3).plugin.name).toBe('noop')
  })

  test('by an absolute path', async () => expect(await found(QUIET)).toEqual(['quiet-dhcp', QUIET]))

  test('by a path from the file that names it', async () => {
    expect(await found('./mine.mjs')).toEqual(['packaged', './mine.mjs'])
    expect(await found('../near/mine.mjs')).toEqual(['packaged', '../near/mine.mjs'])
  })

  test('by the name of a package, as it is installed beside the file that names it', async () => {
    expect(await found('netloom-dhcp-packaged')).toEqual(['packaged', 'netloom-dhcp-packaged'])
  })

  test('by one export of several', async () => {
    expect(await found('netloom-dhcp-packaged#other')).toEqual(['other', 'netloom-dhcp-packaged'])
    expect(await found('./mine.mjs#other')).toEqual(['other', './mine.mjs'])
  })

  test('as a package although a built-in has the name, when that is said', async () => {
    expect(await found('npm:noop')).toEqual(['packaged', 'noop'])
  })
})

describe('what is not found, or is not usable, is refused by name', () => {
  test('no such thing: what is built in, and what was tried', async () => {
    await expect(resolve('dnsmask')).rejects.toMatchObject({
      code: 'PluginNotFound',
      exitStatus: 6,
      message: expect.stringMatching(/dhcp_driver = dnsmask: .*built-in: dnsmasq, noop; tried: .*package dnsmask/),
    })
  })

  test.each([
    ['./absent.mjs', /dhcp_driver = \.\/absent\.mjs: \.\/absent\.mjs could not be loaded/],
    ['./broken.mjs', /could not be loaded: no key/],
    ['./syntax.mjs', /could not be loaded/],
  ])('%s: it cannot be loaded', async (value, message) => {
    await expect(resolve(value)).rejects.toMatchObject({
      code: 'PluginLoadFailed',
      exitStatus: 6,
      message: expect.stringMatching(message),
    })
  })

  test.each([
    [`${QUIET}#handmade`, 'it does not export what definePlugin of netloom/contracts returns'],
    [`${QUIET}#absent`, 'it does not export what definePlugin of netloom/contracts returns'],
  ])('%s: %s', async (value, reason) => {
    await expect(resolve(value)).rejects.toMatchObject({
      code: 'PluginInvalid',
      exitStatus: 6,
      message: expect.stringContaining(reason),
    })
  })

  test('a plugin of another slot', async () => {
    await expect(resolve(QUIET, { slot: l3LibSlot })).rejects.toMatchObject({
      code: 'PluginInvalid',
      message: expect.stringContaining('it is for dhcp_driver, not for l3_lib'),
    })
  })

  test.each([
    ['tomorrow', '2.0', 'upgrade netloom, or install an older version of the plugin'],
    ['newer', '1.9', 'upgrade netloom, or install an older version of the plugin'],
    ['yesterday', '0.9', 'install a newer version of the plugin'],
  ])('a contract that this netloom does not speak: %s', async (name, version, remedy) => {
    await expect(resolve(`${QUIET}#${name}`)).rejects.toMatchObject({
      code: 'PluginContractMismatch',
      exitStatus: 6,
      details: { plugin: 'quiet-dhcp', slot: 'dhcp_driver', written_for: version, spoken: '1.0', remedy },
    })
  })

  test('a minor that is older than ours is spoken', async () => {
    const later: AnySlot = { ...slot, contract: '1.3' }
    expect(await found(QUIET, { slot: later })).toEqual(['quiet-dhcp', QUIET])
  })
})
