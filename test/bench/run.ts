/** `npm run bench -- NAME`: runs one benchmark, which prints what it measured. */
const benches: Readonly<Record<string, () => Promise<{ bench(): Promise<void> }>>> = {
  allocate: () => import('./allocate.ts'),
}

const load = benches[process.argv[2] ?? '']
if (load === undefined) {
  process.stderr.write(`npm run bench -- NAME, one of: ${Object.keys(benches).join(', ')}\n`)
  process.exitCode = 2
} else {
  await (await load()).bench()
}
