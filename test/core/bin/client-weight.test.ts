import { fileURLToPath } from 'node:url'
import { type OutputChunk, rolldown } from 'rolldown'
import { beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
let chunks: readonly OutputChunk[]

beforeAll(async () => {
  const build = await rolldown({
    input: `${root}core/bin/netloom.ts`,
    platform: 'node',
    logLevel: 'silent',
    treeshake: false,
    resolve: { alias: { 'netloom/contracts': `${root}core/index.ts` } },
    external: (id) => /^[@a-z]/i.test(id) && !id.startsWith('netloom/'),
  })
  const { output } = await build.generate({ format: 'esm' })
  await build.close()
  chunks = output.filter((part) => part.type === 'chunk')
})

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
  'config',
  'serve',
  'demo',
])('help of %s needs no more', (noun) => {
  const packages = packagesWith(`core/bin/commands/${noun}-command.ts`)
  expect(packages.filter((name) => name !== 'commander')).toEqual([])
})

test('the plugin of RabbitMQ is known without its package', () => {
  expect(packagesWith('drivers/rpc/amqp/index.ts')).not.toContain('amqplib')
})

test('a call to the service loads neither database, container, validation, logger nor process runner', () => {
  const buses = ['drivers/rpc/local/local-rpc.ts', 'drivers/rpc/amqp/amqp-rpc.ts'].flatMap(packagesWith)
  const packages = [...packagesWith('core/bin/client.ts'), ...buses]
  expect(packages).toContain('amqplib')
  for (const heavy of ['typeorm', 'better-sqlite3', 'inversify', 'reflect-metadata', 'zod', 'execa', 'pino']) {
    expect(packages).not.toContain(heavy)
  }
})
