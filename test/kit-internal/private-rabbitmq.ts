/**
 * A RabbitMQ of a test's own, which it may kill: its files are in a temporary folder, its ports are its own (or those
 * of a namespace), its name service too. What a machine lacks for it is installed as root on Debian.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createProcessExecutor } from '../../drivers/system/process-executor.ts'

/** Not the wrapper in /usr/sbin: that one wants to be the user rabbitmq. */
const BIN = '/usr/lib/rabbitmq/bin'
const EPMD = '/usr/bin/epmd'

const START_LIMIT_MS = 90_000
const INSTALL_LIMIT_MS = 300_000

export interface PrivateRabbitmqOptions {
  /** The folder that its own is made in; default: the one for temporary files. */
  readonly parent?: string | undefined
  /** Address to listen on; hosts that shall reach it must have a way there. Default: loopback. */
  readonly address?: string
  /** A network namespace to run in, which exists and whose loopback is up. Default: the one of this process. */
  readonly namespace?: string
  /** Files for a second listener, with TLS; it does not ask clients for a certificate. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
}

export interface PrivateRabbitmq {
  readonly address: string
  readonly port: number
  /** Null without TLS. */
  readonly tlsPort: number | null
  /** `rabbit://guest:guest@ADDRESS:PORT/` */
  readonly url: string
  /** Runs it again after `kill`; ends when it answers. */
  start(): Promise<void>
  /**
   * With signal 9; ends when it is dead. RabbitMQ 3.10 loses quorum queues that are younger than about a second then:
   * they stay declared, and answer nobody.
   */
  kill(): Promise<void>
  /** Stops it where it stands (SIGSTOP), until `resume` or `kill`. */
  pause(): void
  resume(): void
  /** `rabbitmqctl`; takes seconds. */
  control(...words: readonly string[]): Promise<string>
  /** For good, with all its files. */
  end(): Promise<void>
}

/** Starts one; ends when it answers. @throws {Error} with what it logged */
export async function startPrivateRabbitmq(options: PrivateRabbitmqOptions = {}): Promise<PrivateRabbitmq> {
  await provideRabbitmq()
  const { address = '127.0.0.1', namespace, tls, parent = tmpdir() } = options
  const folder = await mkdtemp(join(parent, 'nlrabbit-'))
  const [port, tlsPort, nodePort, epmdPort] = namespace === undefined ? await freePorts(4) : [5672, 5671, 25672, 4369]
  await writeFile(join(folder, 'plugins'), '[].\n')
  await writeFile(join(folder, 'rabbitmq.conf'), configuration(address, port!, tls && { ...tls, port: tlsPort! }))
  const env = {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: folder,
    RABBITMQ_NODENAME: `netloom-${process.pid}-${port}@localhost`,
    RABBITMQ_BASE: folder,
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_DIST_PORT: String(nodePort),
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}',
  }
  const within = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]
  const run = (...argv: readonly string[]) => {
    const [program = '', ...words] = [...within, ...argv]
    return spawn(program, words, { env, stdio: 'ignore', detached: true })
  }
  const epmd = run(EPMD, '-port', String(epmdPort), '-address', '127.0.0.1')
  let broker: ChildProcess | null = null
  const url = `amqp://guest:guest@${address}:${port}/?heartbeat=0`

  const rabbit: PrivateRabbitmq = {
    address,
    port: port!,
    tlsPort: tls === undefined ? null : tlsPort!,
    url: `rabbit://guest:guest@${address}:${port}/`,
    async start() {
      broker = run(`${BIN}/rabbitmq-server`)
      const deadline = performance.now() + START_LIMIT_MS
      while (!(await answers(url, within))) {
        if (performance.now() > deadline || broker.exitCode !== null)
          throw new Error(`the private RabbitMQ does not start; its files are in ${folder}`)
        await delay(50)
      }
    },
    async kill() {
      if (broker !== null) await killGroup(broker)
      broker = null
    },
    pause: () => broker !== null && signalGroup(broker, 'SIGSTOP'),
    resume: () => broker !== null && signalGroup(broker, 'SIGCONT'),
    async control(...words) {
      const [program = '', ...rest] = [...within, `${BIN}/rabbitmqctl`, '--quiet', ...words]
      return (await promisify(execFile)(program, rest, { env })).stdout
    },
    async end() {
      process.off('exit', abandon)
      await rabbit.kill()
      await killGroup(epmd)
      await rm(folder, { recursive: true, force: true })
    },
  }
  // When the tests are ended from outside, it ends too.
  const abandon = () => {
    for (const child of [broker, epmd]) if (child !== null) signalGroup(child, 'SIGKILL')
  }
  process.on('exit', abandon)
  await rabbit.start()
  return rabbit
}

function configuration(
  address: string,
  port: number,
  tls: { readonly ca: string; readonly cert: string; readonly key: string; readonly port: number } | undefined,
): string {
  const lines = [`listeners.tcp.1 = ${address}:${port}`, 'loopback_users = none', 'log.file.level = warning']
  if (tls !== undefined)
    lines.push(
      `listeners.ssl.1 = ${address}:${tls.port}`,
      `ssl_options.cacertfile = ${tls.ca}`,
      `ssl_options.certfile = ${tls.cert}`,
      `ssl_options.keyfile = ${tls.key}`,
      'ssl_options.verify = verify_none',
    )
  return `${lines.join('\n')}\n`
}

/** Connects and closes, as a program of its own: a process cannot enter another namespace. */
const PROBE = `require('amqplib').connect(process.argv[1], { timeout: 2000 }).then((model) => model.close(), () => process.exit(1))`

/** True when it lets us in: its port is open before it does. @param within what starts a program in its namespace */
async function answers(url: string, within: readonly string[]): Promise<boolean> {
  const [program = '', ...words] = [...within, process.execPath, '-e', PROBE, url]
  return promisify(execFile)(program, words).then(
    () => true,
    () => false,
  )
}

/** The shell script, the virtual machine and its ports: `detached` made them one group. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It has ended by itself.
  }
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  signalGroup(child, 'SIGKILL')
  await ended
}

/** All are held until all are known, so that they differ. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers: Server[] = []
  for (let i = 0; i < count; i += 1) {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    servers.push(server)
  }
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => promisify(server.close.bind(server))()))
  return ports
}

/** Installs the package when it is missing, without the service that it would start. */
async function provideRabbitmq(): Promise<void> {
  if (existsSync(`${BIN}/rabbitmq-server`)) return
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version'))
    throw new Error('RabbitMQ is missing: install it with `apt-get install rabbitmq-server`')
  // Debian's packages ask this file whether they may start what they bring.
  const policy = '/usr/sbin/policy-rc.d'
  const ours = !existsSync(policy)
  if (ours) await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const apt = (...words: readonly string[]) =>
    createProcessExecutor().run(
      { argv: ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...words] },
      { timeoutMs: INSTALL_LIMIT_MS },
    )
  try {
    await apt('update')
    await apt('install', '-y', '--no-install-recommends', 'rabbitmq-server')
  } finally {
    if (ours) await rm(policy)
  }
}
