/** Starts programs: the only place in netloom that does. */
import { type Command, CommandFailed, type CommandResult, type Executor } from 'netloom/contracts'

/** Seconds would do for every tool; a stuck one must not hold the service (defects-linux-net C4). */
const DEFAULT_TIMEOUT_MS = 30_000

/** A daemon may keep the pipes that it inherited; its parent's last words are read by then. */
const DRAIN_MS = 100

/** Administration tools live here, and the search path of a service or of a user may lack it. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin']

export interface ProcessExecutor extends Executor {
  /** How many processes were started so far. */
  readonly started: number
}

/** The folders in which programs are looked for, in order. */
export function searchPath(environment: Readonly<Record<string, string | undefined>> = process.env): readonly string[] {
  const given = (environment.PATH ?? '').split(':').filter(Boolean)
  return [...new Set([...given, ...SYSTEM_FOLDERS])]
}

/**
 * Each program runs in the C locale, in `/`, in a process group of its own that is killed whole when time is up. `run`
 * returns when the program ends, even when a daemon that it left behind still holds its output.
 */
export function createProcessExecutor(): ProcessExecutor {
  let started = 0

  async function run(command: Command, options: { readonly timeoutMs?: number } = {}): Promise<CommandResult> {
    const { execa } = await import('execa')
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = options
    const [program, ...args] = command.argv
    const child = execa(program, args, {
      cwd: '/',
      env: { LC_ALL: 'C', PATH: searchPath().join(':') },
      detached: true,
      reject: false,
      stripFinalNewline: false,
      ...(command.input === undefined ? { stdin: 'ignore' as const } : { input: command.input }),
    })
    if (child.pid !== undefined) started += 1

    let late = false
    let code: number | null = null
    const cut = () => {
      child.stdout.destroy()
      child.stderr.destroy()
    }
    const timer = setTimeout(() => {
      late = true
      killGroup(child.pid)
      setTimeout(cut, DRAIN_MS)
    }, timeoutMs)
    let drain: NodeJS.Timeout | undefined
    child.once('exit', (status) => {
      code = status
      clearTimeout(timer)
      // A process that was held up meanwhile finds the timer first and the words second: they are read before they are cut.
      drain = setTimeout(() => setImmediate(() => setImmediate(cut)), DRAIN_MS)
    })

    const result = await child
    clearTimeout(timer)
    clearTimeout(drain)
    const { argv } = command
    if (late) throw new CommandFailed({ argv, code: null, stderr: `no end within ${timeoutMs / 1000} s: killed` })
    if (code === null) throw new CommandFailed({ argv, code: null, stderr: whyNot(program, result) })
    if (!(command.okCodes ?? [0]).includes(code)) throw new CommandFailed({ argv, code, stderr: result.stderr })
    return { code, stdout: result.stdout, stderr: result.stderr }
  }

  return {
    run,
    get started() {
      return started
    },
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The group ended by itself meanwhile.
  }
}

function whyNot(
  program: string,
  result: { readonly [K in 'code' | 'signal' | 'stderr' | 'message']?: string | undefined },
): string {
  if (result.code === 'ENOENT') return `the program ${program} is not on this host`
  if (result.signal) return `ended by ${result.signal}. ${result.stderr ?? ''}`.trim()
  return result.message ?? 'could not be started'
}
