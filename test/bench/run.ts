/** `npm run bench -- NAME [ARGUMENTS]`: one measurement, printed. Each file beside this one is one. */

/** What each measurement exports as default. */
export type Bench = (argv: readonly string[]) => Promise<void>

const benches: Readonly<Record<string, () => Promise<{ readonly default: Bench }>>> = {
  allocate: () => import('./allocate.ts'),
  command: () => import('./command.ts'),
  rpc: () => import('./rpc.ts'),
}

const [name = '', ...argv] = process.argv.slice(2)
const load = Object.hasOwn(benches, name) ? benches[name] : undefined
if (load === undefined) {
  process.stderr.write(`npm run bench -- NAME, one of: ${Object.keys(benches).join(', ')}\n`)
  process.exitCode = 2
} else {
  const { default: bench } = await load()
  await bench(argv)
}
