import { type ChildProcess, spawn } from 'node:child_process'
import { onTestFinished } from 'vitest'

export interface Child {
  readonly process: ChildProcess
  /** Its exit code (null: ended by a signal) and all that it wrote; standard error too. */
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>
  /** Waits until it has written this text. @throws {Error} when it ends before */
  said(text: string): Promise<void>
}

/** Starts a script in a process of its own, which ends with the test at the latest. */
export function startChild(script: string, args: readonly string[]): Child {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  let tell: () => void = () => undefined
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      tell()
    })
  }
  const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, output }))
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    process: child,
    ended,
    said: (text) =>
      new Promise((resolve, reject) => {
        tell = () => output.includes(text) && resolve()
        tell()
        void ended.then(() => reject(new Error(`the process ended before it said ${text}: ${output}`)))
      }),
  }
}
