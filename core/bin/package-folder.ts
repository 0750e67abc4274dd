import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * The folder of netloom's package.json, with a slash at its end: sources and build lie at different depths below it.
 * @throws {Error} when a file was taken out of its package
 */
export function packageFolder(): string {
  for (let folder = new URL('../', import.meta.url); folder.pathname !== '/'; folder = new URL('../', folder)) {
    const file = new URL('package.json', folder)
    if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === 'netloom') return fileURLToPath(folder)
  }
  throw new Error(`there is no package.json of netloom above ${fileURLToPath(import.meta.url)}`)
}
