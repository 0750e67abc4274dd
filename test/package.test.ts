import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './kit-internal/sources.ts'

const run = promisify(execFile)
// An import of it would make tsc put a second one into dist, and the package would look for itself there.
const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'netloom-package-'))
const app = join(folder, 'app')
const installed = join(app, 'node_modules/netloom')
const tsc = join(root, 'node_modules/typescript/bin/tsc')
let packed: readonly string[]

beforeAll(async () => {
  const tarball = await pack(join(folder, 'stage'))
  const { stdout } = await run('tar', ['-tzf', tarball])
  packed = stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''))
  await install(tarball)
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Manifest {
  readonly version: string
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
}

/** Builds and packs a copy of the checkout, as a fresh clone would: nobody's `dist` is used or changed. */
async function pack(stage: string): Promise<string> {
  for (const name of ['package.json', 'tsconfig.json', 'README.md', 'config', 'core', 'plugins', 'drivers', 'test']) {
    cpSync(join(root, name), join(stage, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(stage, 'node_modules'))
  await run(process.execPath, [tsc, '--incremental', 'false', '--tsBuildInfoFile', 'null'], { cwd: stage })
  await run(process.execPath, ['core/build/finish.mjs'], { cwd: stage })
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json'], { cwd: stage })
  return join(stage, JSON.parse(stdout)[0].filename)
}

/** What `npm install TARBALL` does, with the dependencies linked: no network. */
async function install(tarball: string): Promise<void> {
  const modules = join(app, 'node_modules')
  mkdirSync(installed, { recursive: true })
  mkdirSync(join(modules, '.bin'))
  await run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  for (const [name, file] of Object.entries(manifest.bin))
    symlinkSync(join(installed, file), join(modules, '.bin', name))
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', type: 'module' }))
}

/** Runs a module of the app that prints JSON. */
async function evaluate(code: string): Promise<unknown> {
  writeFileSync(join(app, 'probe.js'), code)
  const { stdout } = await run(process.execPath, ['probe.js'], { cwd: app })
  return JSON.parse(stdout)
}

test('the package has what is exported, presets and reference, and no test but the kit', () => {
  for (const target of Object.values(manifest.exports)) {
    if (typeof target === 'string') continue
    const { types, default: file } = target
    if (file.includes('*')) continue
    expect(packed).toContain(file.slice(2))
    expect(packed).toContain(types.slice(2))
  }
  for (const file of [
    'README.md',
    'config/reference.md',
    'config/netloom.conf.sample',
    'config/presets/flat-dhcp.conf',
  ]) {
    expect(packed).toContain(file)
  }
  expect(packed.filter((path) => /(^|\/)test\//.test(path) && !path.startsWith('dist/test/kit/'))).toEqual([])
  expect(packed.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([])
})

test('the facade has the public names, and each class once', async () => {
  const result = await evaluate(`
    import * as netloom from 'netloom'
    import * as contracts from 'netloom/contracts'
    import { FlatDHCPManager } from 'netloom/plugins/manager/flat-dhcp'
    import bridge, { LinuxBridgeInterfaceDriver } from 'netloom/plugins/interface/bridge'
    import { IptablesManager } from 'netloom/drivers/firewall/iptables-manager'
    console.log(JSON.stringify({
      classes: Object.keys(netloom).filter((name) => /^[A-Z].*(Manager|Driver|Table|Rule|Api|IP)$/.test(name)).sort(),
      functions: ['definePlugin', 'startService', 'openClient'].filter((name) => typeof netloom[name] === 'function'),
      differing: Object.keys(contracts).filter((name) => contracts[name] !== netloom[name]),
      same: [
        FlatDHCPManager === netloom.FlatDHCPManager,
        FlatDHCPManager.prototype instanceof contracts.NetworkManager,
        LinuxBridgeInterfaceDriver === netloom.LinuxBridgeInterfaceDriver,
        IptablesManager === netloom.IptablesManager,
        new netloom.CidrConflict({ cidr: 'a', other: 'b', label: 'c' }) instanceof contracts.NetloomError,
        bridge.brand,
      ],
    }))`)
  expect(result).toEqual({
    classes: expect.arrayContaining([
      'FlatDHCPManager',
      'FlatManager',
      'FloatingIP',
      'IptablesManager',
      'IptablesRule',
      'IptablesTable',
      'LinuxBridgeInterfaceDriver',
      'LinuxOVSInterfaceDriver',
      'NetworkApi',
      'NetworkManager',
      'RPCAllocateFixedIP',
    ]),
    functions: ['definePlugin', 'startService', 'openClient'],
    differing: [],
    same: [true, true, true, true, true, 'netloom.plugin/1'],
  })
})

test('a strict TypeScript program is checked against the types', async () => {
  writeFileSync(
    join(app, 'consumer.ts'),
    `import { FlatManager, IptablesManager, LinuxBridgeInterfaceDriver, type LinuxNetInterfaceDriver, NetworkApi } from 'netloom'
    import { type DhcpDriver, definePlugin, dhcpDriverSlot, FloatingIP, NetloomError, NetworkManager, option, RPCAllocateFixedIP } from 'netloom/contracts'
    import flat, { FlatManager as sameManager } from 'netloom/plugins/manager/flat'
    import { LocalRpc } from 'netloom/drivers/rpc/local/local-rpc'

    export const wire: LinuxNetInterfaceDriver = new LinuxBridgeInterfaceDriver()
    export const manager: typeof NetworkManager.prototype = FlatManager.prototype
    export const one: typeof FlatManager = sameManager
    export const names: readonly string[] = [flat.name, new IptablesManager('x').prefix]
    export const listed = (api: NetworkApi): Promise<readonly { readonly uuid: string }[]> => api.getAllNetworks()
    export const code = (error: unknown) => (error instanceof NetloomError ? error.code : null)
    export const Rpc: typeof LocalRpc = LocalRpc
    const quiet: DhcpDriver = { serve: () => [], host: () => [], leaseFile: () => [], release: () => [] }
    export default definePlugin({
      name: 'quiet', summary: 'Serves no DHCP', provides: dhcpDriverSlot, contract: '1.0',
      options: { quiet_seconds: option.seconds({ default: 1, help: 'How long' }) },
      create: ({ flags }) => (flags.quiet_seconds > 1 ? quiet : quiet),
    })
    export class OwnManager extends RPCAllocateFixedIP(FloatingIP(NetworkManager)) {
      readonly topology = { managesHost: false, dhcp: false }
    }
    // @ts-expect-error: the facade is typed
    export const wrong: number = new LinuxBridgeInterfaceDriver()
    // @ts-expect-error: a driver must have all methods of its contract
    export const half: DhcpDriver = { serve: () => [] }
    `,
  )
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--types', 'node']
  const modules = ['--target', 'es2023', '--module', 'nodenext', '--declaration', '--outDir', 'out']
  const { stdout } = await run(process.execPath, [tsc, ...strict, ...modules, 'consumer.ts'], { cwd: app }).catch(
    (error: { stdout: string }) => error,
  )
  expect(stdout).toBe('')
})

test('the kit is there for tests of other packages', async () => {
  expect(
    await evaluate(`import * as kit from 'netloom/testing'
    console.log(JSON.stringify(Object.keys(kit).length > 0))`),
  ).toBe(true)
})

test('the programs run as installed', async () => {
  const { stdout } = await run('npx', ['netloom', '--version'], { cwd: app })
  expect(stdout).toBe(`${manifest.version}\n`)
  const helper = join(app, 'node_modules/.bin/netloom-dhcpbridge')
  expect(statSync(helper).mode & 0o111).toBe(0o111)
  await run(helper, ['old', 'fa:16:3e:00:00:01', '10.0.0.2'])
  await expect(run(helper, ['add', 'fa:16:3e:00:00:01', '10.0.0.2'])).rejects.toMatchObject({
    stderr: expect.stringContaining('NETLOOM_SPOOL is not set'),
  })
})

test('an installed plugin is found by its package name', async () => {
  const plugin = join(app, 'node_modules/netloom-plugin-quiet')
  mkdirSync(plugin)
  writeFileSync(
    join(plugin, 'package.json'),
    JSON.stringify({ name: 'netloom-plugin-quiet', type: 'module', exports: './index.js' }),
  )
  writeFileSync(
    join(plugin, 'index.js'),
    `import { definePlugin, dhcpDriverSlot } from 'netloom/contracts'
    export default definePlugin({
      name: 'quiet', summary: 'Serves no DHCP', provides: dhcpDriverSlot, contract: '1.0',
      create: () => ({ serve: () => [], host: () => [], leaseFile: () => [], release: () => [] }),
    })`,
  )
  const { stdout } = await run('npx', ['netloom', '--dhcp_driver=netloom-plugin-quiet', 'plugins', '--json'], {
    cwd: app,
  })
  expect(JSON.parse(stdout)).toContainEqual(
    expect.objectContaining({ slot: 'dhcp_driver', selected: 'quiet', origin: 'netloom-plugin-quiet' }),
  )
})
