/** `npm run bench -- NAME`: one benchmark, each a module here that runs when it is loaded. */
const [name = ''] = process.argv.slice(2)

if (/^[a-z-]+$/.test(name)) await import(`./${name}.js`)
else {
  process.stderr.write('usage: npm run bench -- NAME\n')
  process.exitCode = 2
}
