import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

// The self-references reach the sources: through `exports` a test would hold two copies of each class.
const alias = [
  { find: /^netloom\/contracts$/, replacement: path('./core/index.ts') },
  { find: /^netloom\/testing$/, replacement: path('./test/kit/index.ts') },
  { find: /^netloom\/(plugins|drivers)\/(.+)$/, replacement: `${path('./')}$1/$2.ts` },
  { find: /^netloom$/, replacement: path('./core/bin/index.ts') },
]

/** Of what needs neither root nor a service, what takes long: the package as it is installed, and all cases of something. */
const LONG = [
  'test/package.test.ts',
  'test/core/network/faults.test.ts',
  'test/drivers/database/ownership.test.ts',
  'test/drivers/database/processes.test.ts',
]

/** They wait for processes and servers more than they work. */
const WAITING = { sequence: { groupOrder: 1 }, pool: 'forks' as const, isolate: false, maxWorkers: 4 }

/** The database server of the tests died under one, and is back in a moment: see `revive` of `private-mariadb.ts`. */
const DATABASE_DIED = /ECONNREFUSED|ECONNRESET|closed the connection|store .* is away|a part of more/

const ON_A_REAL_HOST = {
  globalSetup: ['test/root/setup.ts'],
  pool: 'forks' as const,
  testTimeout: 300_000,
  hookTimeout: 300_000,
}

/** What a host that is held up by other tests would change: how many processes it takes, and who is silent for how long. */
const NOT_BESIDE_OTHERS = ['busy-host', 'killed-service', 'outages', 'process-counts'].map(
  (name) => `test/root/${name}.test.ts`,
)

export default defineConfig({
  resolve: { alias },
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: ['test/{core,config,plugins,drivers,conformance,scenarios}/**/*.test.ts', 'test/*.test.ts'],
          exclude: LONG,
          pool: 'forks',
          isolate: false,
          maxWorkers: 2,
          testTimeout: 20_000,
        },
      },
      {
        // What is the same on every store, on a database server this time, and what only such a server has.
        resolve: { alias },
        test: {
          ...WAITING,
          name: 'services',
          globalSetup: ['test/services/setup.ts'],
          include: ['test/services/**/*.test.ts', 'test/{drivers/database,scenarios}/*.test.ts'],
          exclude: ['test/drivers/database/sqlite*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          retry: { count: 2, delay: 3000, condition: DATABASE_DIED },
        },
      },
      { resolve: { alias }, test: { ...WAITING, name: 'long', include: LONG, testTimeout: 60_000 } },
      {
        resolve: { alias },
        test: {
          ...ON_A_REAL_HOST,
          name: 'root',
          sequence: { groupOrder: 2 },
          include: ['test/root/**/*.test.ts'],
          exclude: NOT_BESIDE_OTHERS,
          maxWorkers: 2,
        },
      },
      {
        resolve: { alias },
        test: {
          ...ON_A_REAL_HOST,
          name: 'root-alone',
          sequence: { groupOrder: 3 },
          include: NOT_BESIDE_OTHERS,
          fileParallelism: false,
        },
      },
    ],
  },
})
