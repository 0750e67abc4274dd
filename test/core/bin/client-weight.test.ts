import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type OutputChunk, rolldown } from 'rolldown'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from '../../kit-internal/sources.ts'
import { type CommandBench, makeCommandBench } from './command-bench.ts'
import { host, instance, network } from './samples.ts'

const run = promisify(execFile)
let chunks: readonly OutputChunk[]
let folder: string
let services: CommandBench

beforeAll(async () => {
  const cache = `${root}node_modules/.cache/netloom-tests`
  await mkdir(cache, { recursive: true })
  folder = await mkdtemp(join(cache, 'command-'))
  await writeFile(join(folder, 'tell-loads.mjs'), TELL_LOADS)
  const build = await rolldown({
    input: `${root}core/bin/netloom.ts`,
    platform: 'node',
    logLevel: 'silent',
    treeshake: false,
    resolve: { alias: { 'netloom/contracts': `${root}core/index.ts` } },
    external: (id) => /^[@a-z]/i.test(id) && !id.startsWith('netloom/'),
  })
  const { output } = await build.write({
    dir: folder,
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
  })
  await build.close()
  chunks = output.filter((part) => part.type === 'chunk')
  services = await makeCommandBench('node1')
  services.answers = {
    list_instances: [instance],
    get_all_networks: [network],
    list_hosts: [host],
    list_floating_ips: [],
    plan_host: { entries: [], waiting: [] },
  }
})
afterAll(async () => {
  await services.end()
  await rm(folder, { recursive: true })
})

/** A loader that tells on standard error what is loaded: imports that are taken, and nothing else. */
const TELL_LOADS = `
import { register } from 'node:module'
import { writeSync } from 'node:fs'
if (!import.meta.url.endsWith('?loader')) register(import.meta.url + '?loader')
export async function load(url, context, next) {
  writeSync(2, 'loaded ' + url + '\\n')
  return next(url, context)
}`

/** Packages that load with a source file before anything in it runs: what it imports, and what that imports. */
function packagesWith(source: string): readonly string[] {
  const start = chunks.find((chunk) => chunk.moduleIds.includes(root + source))
  if (start === undefined) throw new Error(`${source} is not part of the command`)
  const reached = new Set([start.fileName])
  for (const name of reached) {
    for (const imported of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) reached.add(imported)
  }
  const names = chunks.map(({ fileName }) => fileName)
  return [...reached].filter((name) => !names.includes(name) && !name.startsWith('node:')).sort()
}

/** Packages that load while a command runs to its end. */
async function packagesOf(line: string): Promise<readonly string[]> {
  const argv = ['--import', join(folder, 'tell-loads.mjs'), join(folder, 'netloom.mjs'), ...line.split(' ')]
  const { stderr } = await run(process.execPath, argv, { env: { ...process.env, ...services.environment } })
  const names = [...stderr.matchAll(/^loaded .*\/node_modules\/(?!\.cache)((?:@[^/]+\/)?[^/]+)/gm)].map(
    (match) => match[1]!,
  )
  return [...new Set(names)].sort()
}

test('the command starts with commander and nothing else', () => {
  expect(packagesWith('core/bin/netloom.ts')).toEqual(['commander'])
})

test.each([
  'network',
  'floating',
  'instance',
  'lease',
  'host',
  'plan',
  'reconcile',
  'plugins',
  'db',
  'config',
  'serve',
  'demo',
])('help of %s needs no more', (noun) => {
  const packages = packagesWith(`core/bin/commands/${noun}-command.ts`)
  expect(packages.filter((name) => name !== 'commander')).toEqual([])
})

test.each(['--help', '--version', 'instance allocate --help'])('netloom %s runs on commander alone', async (line) => {
  expect(await packagesOf(line)).toEqual(['commander'])
})

test.each([
  'instance list',
  'network list --json',
  'host list',
  'floating list',
  'plan',
  '--host=node1 --rpc_response_timeout=5 instance list',
])(
  'netloom %s, service and all, loads neither database, container, validation, logger nor process runner',
  async (line) => {
    expect(await packagesOf(line)).toEqual(['commander', 'ipaddr.js'])
  },
)

test('a command that reads the configuration needs no more', async () => {
  expect(await packagesOf('config show')).toEqual(['commander', 'ipaddr.js'])
})

test('the plugin of RabbitMQ is known without its package, and its driver loads no other', () => {
  expect(packagesWith('drivers/rpc/amqp/index.ts')).not.toContain('amqplib')
  const packages = packagesWith('drivers/rpc/amqp/amqp-rpc.ts')
  expect(packages).toContain('amqplib')
  for (const heavy of ['typeorm', 'better-sqlite3', 'inversify', 'reflect-metadata', 'zod', 'execa', 'pino'])
    expect(packages).not.toContain(heavy)
})
