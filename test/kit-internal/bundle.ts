/**
 * Makes one JavaScript file from sources, for tests that need a process of their own: Node 20 does not run TypeScript.
 * It lies under `node_modules`, so that packages are found from there.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, rename } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('../../', import.meta.url))
const cache = `${root}node_modules/.cache/netloom-tests/`

/**
 * Bundles a source file with all that it imports from this repository; packages stay imports.
 * @param source path of the file from the root of the repository
 * @param name of the result, without suffix
 * @returns the absolute path of the result, an ES module
 */
export async function bundle(source: string, name: string): Promise<string> {
  await mkdir(cache, { recursive: true })
  const build = await rolldown({
    input: root + source,
    platform: 'node',
    logLevel: 'silent',
    resolve: { alias: { 'netloom/contracts': `${root}core/index.ts` } },
    external: (id) => /^[@a-z]/i.test(id) && !id.startsWith('netloom/'),
  })
  try {
    const file = `${cache}${name}.mjs`
    // Tests that run at once may make the same one: each reads a whole file.
    const whole = `${cache}${randomUUID()}.mjs`
    await build.write({ file: whole, format: 'esm', codeSplitting: false })
    await rename(whole, file)
    return file
  } finally {
    await build.close()
  }
}
