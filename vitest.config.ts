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
          name: 'services',
          sequence: { groupOrder: 1 },
          globalSetup: ['test/services/setup.ts'],
          include: ['test/services/**/*.test.ts', 'test/{drivers/database,scenarios}/*.test.ts'],
          exclude: ['test/drivers/database/sqlite*.test.ts'],
          pool: 'forks',
          // They wait for servers more than they work.
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'root',
          sequence: { groupOrder: 2 },
          globalSetup: ['test/root/setup.ts'],
          include: ['test/root/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
