/**
 * A MariaDB server of a test's own: it may be killed, frozen and started again, and lies in a temporary folder. It is
 * told apart from others by its process, which is a child of this one; nothing else is ever ended.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { provideRequirements, type Requirements } from '../../core/bin/demo/requirements.ts'
import { createProcessExecutor } from '../../drivers/system/process-executor.ts'

const REQUIRED: Requirements = {
  mariadbd: 'mariadb-server-core',
  'mariadb-install-db': 'mariadb-server-core',
  mariadb: 'mariadb-client-core',
}

const START_LIMIT_MS = 60_000

export interface PrivateMariadbOptions {
  /** The network namespace that it runs in; this process's own when it is not given. */
  readonly namespace?: string
  /** The folder that its own is made in; default: the one for temporary files. */
  readonly parent?: string | undefined
  /** Starts it again when it ends by itself, a few times: MariaDB 10.11 was seen to die of SIGSEGV under all tests. */
  readonly revive?: boolean
  /** Where it listens; default 127.0.0.1. */
  readonly address?: string
  /** Default: 3306 in a namespace, else one that is free. */
  readonly port?: number
}

export interface PrivateMariadb {
  /** `mysql://root@address:port`: a name of a database makes it a `sql_connection`. */
  readonly server: string
  /** A socket in the file system, which other network namespaces reach too. */
  readonly socketPath: string
  /** Starts it again after `kill`, on the same data, and waits until it answers. */
  start(): Promise<void>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  /** Lets it hang, as a partition does; `thaw` lets it go on. */
  freeze(): void
  thaw(): void
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** Installs MariaDB if need be, as `netloom demo` does it, makes an empty server and starts it. */
export async function startPrivateMariadb(options: PrivateMariadbOptions = {}): Promise<PrivateMariadb> {
  await provideRequirements((line) => process.stderr.write(`${line}\n`), REQUIRED)
  const { namespace, address = '127.0.0.1', port = namespace ? 3306 : await freePort() } = options
  const folder = await mkdtemp(join(options.parent ?? tmpdir(), 'nlmy-'))
  const paths = { data: join(folder, 'data'), socket: join(folder, 'socket'), log: join(folder, 'log.err') }
  const user = process.getuid?.() === 0 ? ['--user=root'] : []
  await createProcessExecutor().run({
    argv: [
      ...(['mariadb-install-db', '--no-defaults', `--datadir=${paths.data}`, ...user] as const),
      ...['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'],
    ],
  })
  const argv = [
    ...(namespace ? ['ip', 'netns', 'exec', namespace] : []),
    ...['mariadbd', '--no-defaults', ...user, `--datadir=${paths.data}`, `--socket=${paths.socket}`],
    ...[`--pid-file=${join(folder, 'pid')}`, `--log-error=${paths.log}`, `--bind-address=${address}`, `--port=${port}`],
    // All that tests write fits in: no page has to be thrown out while others are read.
    ...['--skip-name-resolve', '--innodb-buffer-pool-size=1G', '--innodb-flush-log-at-trx-commit=1'],
  ]
  let child: ChildProcess | null = null
  let revivals = options.revive ? 3 : 0
  const endWithUs = () => void child?.kill('SIGKILL')
  process.on('exit', endWithUs)

  const mariadb: PrivateMariadb = {
    server: `mysql://root@${address.includes(':') ? `[${address}]` : address}:${port}`,
    socketPath: paths.socket,
    async start() {
      const started = spawn(argv[0]!, argv.slice(1), { stdio: 'ignore' })
      started.on('error', () => undefined)
      started.on('exit', (code, signal) => {
        if (child !== started) return
        // Whoever needs it would only be refused a connection.
        process.stderr.write(`mariadbd ended by itself (${code ?? signal}): ${endOf(paths.log)}\n`)
        if (revivals-- > 0) mariadb.start().catch((error: Error) => process.stderr.write(`${error.message}\n`))
      })
      child = started
      await answering(started, paths)
    },
    async kill() {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return
      const killed = child
      child = null
      const ended = once(killed, 'exit')
      killed.kill('SIGKILL')
      await ended
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async stop() {
      await mariadb.kill()
      process.off('exit', endWithUs)
      await rm(folder, { recursive: true, force: true })
    },
  }
  try {
    await mariadb.start()
    await letIn(paths.socket)
  } catch (error) {
    await mariadb.stop()
    throw error
  }
  return mariadb
}

/** Waits for the first answer. @throws {Error} with the end of the log when the server ends before */
async function answering(child: ChildProcess, paths: { socket: string; log: string }): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS
  for (;;) {
    try {
      const connection = await createConnection({ socketPath: paths.socket, user: 'root' })
      await connection.end()
      return
    } catch (error) {
      if (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 50))
        continue
      }
      throw new Error(`mariadbd does not answer: ${endOf(paths.log)}`, { cause: error })
    }
  }
}

/** What it wrote last: from where it says that it was killed by a signal, or a few lines. */
function endOf(log: string): string {
  const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : ['it logged nothing']
  const crash = lines.findIndex((line) => /\] .*got signal/.test(line))
  return (crash < 0 ? lines.slice(-20) : lines.slice(crash, crash + 60)).join('\n')
}

/** The user of an installation may log in from its own machine only. */
async function letIn(socketPath: string): Promise<void> {
  const connection = await createConnection({ socketPath, user: 'root' })
  await connection.query(`GRANT ALL ON *.* TO root@'%' IDENTIFIED BY '' WITH GRANT OPTION`)
  await connection.end()
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
