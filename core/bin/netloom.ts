#!/usr/bin/env node
import { main } from './program.ts'

const enough = new AbortController()

// A reader that has seen enough, like `head`, is no failure; a full disk is.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  enough.abort()
  if (error.code === 'EPIPE') return
  process.stderr.write(`netloom: stdout: ${error.message}\n`)
  process.exitCode = 1
})
process.stderr.on('error', () => {})

const { argv, env, stdout, stderr } = process
const status = await main({
  argv: argv.slice(2),
  environment: env,
  stdout,
  stderr,
  interrupted() {
    // A second one ends the process at once.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => enough.abort())
    return enough.signal
  },
})
process.exitCode ??= status
