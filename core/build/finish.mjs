// The end of the build: what tsc does not do. Copies the lease helper, sets executable bits (tsc writes none), and
// makes sure that the SQLite binding loads: npm ends well without it, because the dependency is optional.
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

copyFileSync('core/bin/netloom-dhcpbridge', 'dist/core/bin/netloom-dhcpbridge')
for (const bin of ['netloom.js', 'netloom-dhcpbridge']) chmodSync(`dist/core/bin/${bin}`, 0o755)

function bindingProblem() {
  const script = "new (require('better-sqlite3'))(':memory:').close()"
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  return status === 0 ? null : stderr.split('\n').find((line) => line.includes('Error')) || stderr
}

if (bindingProblem() !== null) {
  // node-gyp does not look for headers beside the running Node by itself, and it may not reach the network.
  const prefix = dirname(dirname(process.execPath))
  const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {}
  const require = createRequire(import.meta.url)
  const installed = (() => {
    try {
      return require.resolve('better-sqlite3/package.json') !== ''
    } catch {
      return false
    }
  })()
  const words = installed
    ? ['rebuild', 'better-sqlite3']
    : ['install', '--no-save', '--no-audit', '--no-fund', 'better-sqlite3@12.11.1']
  process.stderr.write(`the SQLite binding does not load; running npm ${words.join(' ')}\n`)
  spawnSync('npm', words, { stdio: 'inherit', env: { ...process.env, ...headers } })
  const problem = bindingProblem()
  if (problem !== null) {
    process.stderr.write(
      `better-sqlite3 is not usable: ${problem}\nIt needs python3, make, a C++ compiler and the headers of Node; then run npm rebuild better-sqlite3.\n`,
    )
    process.exit(1)
  }
}
