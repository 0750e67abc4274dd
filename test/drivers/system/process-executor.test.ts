import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createProcessExecutor, searchPath } from '../../../drivers/system/process-executor.ts'

const executor = createProcessExecutor()

function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch {
    return false
  }
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5_000
  while (!condition()) {
    if (Date.now() > end) throw new Error('it did not come to be')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('the process executor', () => {
  it('returns status and both outputs as they are, line ends included', async () => {
    const argv = ['sh', '-c', 'printf "a\\n\\n"; printf b >&2; exit 3'] as const
    expect(await executor.run({ argv, okCodes: [0, 3] })).toEqual({ code: 3, stdout: 'a\n\n', stderr: 'b' })
  })

  it('gives the input whole, and does not mind a program that reads none of it', async () => {
    const input = 'x'.repeat(3_000_000)
    expect((await executor.run({ argv: ['wc', '-c'], input })).stdout.trim()).toBe('3000000')
    expect((await executor.run({ argv: ['true'], input })).code).toBe(0)
  })

  it('gives a program without input an empty one, not ours', async () => {
    expect((await executor.run({ argv: ['cat'] })).stdout).toBe('')
  })

  it('runs in the C locale and in /, with the folders of administration tools', async () => {
    const { stdout } = await executor.run({ argv: ['sh', '-c', 'echo "$LC_ALL|$PWD|$PATH"'] })
    expect(stdout).toBe(`C|/|${searchPath().join(':')}\n`)
    expect(searchPath({ PATH: '/sbin:/x' })).toEqual(['/sbin', '/x', '/usr/sbin', '/usr/bin', '/bin'])
    expect(searchPath({})).toContain('/usr/sbin')
  })

  it.each([
    ['a status that is not accepted', ['sh', '-c', 'echo why >&2; exit 2'], 2, 'why'],
    [
      'a missing program, which is named',
      ['no-such-program', 'x'],
      null,
      'the program no-such-program is not on this host',
    ],
    ['a program ended by a signal', ['sh', '-c', 'kill -TERM $$'], null, 'SIGTERM'],
  ] as const)('fails with CommandFailed on %s', async (_, argv, code, message) => {
    const failure = executor.run({ argv: [...argv] as [string, ...string[]] })
    await expect(failure).rejects.toMatchObject({ code: 'CommandFailed', details: { argv: [...argv], code } })
    await expect(failure).rejects.toThrow(message)
  })

  it('kills the program and all that it started when time is up (defects-linux-net C4)', async () => {
    const begin = Date.now()
    const failure = executor.run({ argv: ['sh', '-c', 'sleep 60 & echo $! >&2; sleep 60'] }, { timeoutMs: 150 })
    await expect(failure).rejects.toMatchObject({ code: 'CommandFailed', details: { code: null } })
    await expect(failure).rejects.toThrow('0.15 s')
    expect(Date.now() - begin).toBeLessThan(5_000)
  })

  it('leaves no grandchild behind when time is up', async () => {
    const marker = `${600 + Math.random()}`
    const argv = ['sh', '-c', `sleep ${marker} & sleep ${marker}`] as const
    await expect(executor.run({ argv }, { timeoutMs: 150 })).rejects.toThrow('killed')
    const { stdout } = await executor.run({ argv: ['pgrep', '-fx', `sleep ${marker}`], okCodes: [0, 1] })
    expect(stdout).toBe('')
  })

  it.each([0, 3])('returns status %i of a parent whose daemon keeps its output open', async (status) => {
    const begin = Date.now()
    const argv = ['sh', '-c', `setsid sleep 30 & echo $!; exit ${status}`] as const
    const result = await executor.run({ argv, okCodes: [status] })
    expect(Date.now() - begin).toBeLessThan(5_000)
    expect(result.code).toBe(status)
    const pid = Number(result.stdout)
    expect(isAlive(pid)).toBe(true)
    process.kill(pid)
    await until(() => !isAlive(pid))
  })

  it('counts the processes that it started, and only those', async () => {
    const own = createProcessExecutor()
    await own.run({ argv: ['true'] })
    await own.run({ argv: ['false'] }).catch(() => undefined)
    await own.run({ argv: ['no-such-program'] }).catch(() => undefined)
    expect(own.started).toBe(2)
  })
})
