/** `npm run bench -- NAME [ARGUMENTS]`: one measurement, printed. Each file beside this one is one. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What each measurement exports as default. */
export type Bench = (argv: readonly string[]) => Promise<void>

const names = readdirSync(fileURLToPath(new URL('.', import.meta.url)))
  .filter((file) => file.endsWith('.js') && file !== 'run.js')
  .map((file) => file.slice(0, -'.js'.length))

const [name = '', ...argv] = process.argv.slice(2)
if (names.includes(name)) {
  const { default: bench } = (await import(`./${name}.js`)) as { readonly default: Bench }
  await bench(argv)
} else {
  process.stderr.write(`npm run bench -- NAME, one of: ${names.join(', ')}\n`)
  process.exitCode = 2
}
