import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)
const root = process.getuid?.() === 0
const netloom = 'dist/core/bin/netloom.js'

describe.skipIf(!root)('netloom demo, as root, on the built program', () => {
  it('passes every check and leaves nothing behind (lessons B2, C3, D7, D9)', async () => {
    expect(existsSync(netloom), 'run `npm run build` first').toBe(true)
    const running = run(process.execPath, [netloom, '--json', 'demo'], { timeout: 90_000 })
    const { stdout } = await running
    const result = JSON.parse(stdout)
    expect(result.steps.filter((step: { ok: boolean }) => !step.ok)).toEqual([])
    expect(result).toMatchObject({ simulated: false, failed: 0 })
    expect(result.steps.length).toBeGreaterThanOrEqual(9)
    const after = await run('ip', ['netns', 'list'])
    expect(after.stdout).not.toContain(`nl${running.child.pid}-`)
  })

  it('with --keep ends too, and what it says works to the letter: looking around, and taking it away', async ({
    onTestFinished,
  }) => {
    const running = run(process.execPath, [netloom, 'demo', '--keep'], { timeout: 90_000 })
    const { stdout } = await running
    const [, look = '', away = ''] = /Look around:\n(.*)Take it away:\n(.*)/s.exec(stdout) ?? []
    onTestFinished(async () => void (await run('bash', ['-c', away]).catch(() => {})))
    const seen = await run('bash', ['-e', '-c', look], { timeout: 60_000 })
    expect(seen.stdout).toContain('guest1')
    expect(seen.stdout).toContain('--to-destination 10.0.0.2')
    expect(seen.stdout.match(/ 0% packet loss/g)).toHaveLength(2)
    expect(seen.stderr).toBe('nothing to do\n')
    await run('bash', ['-e', '-c', away])
    const { stdout: left } = await run('ip', ['netns', 'list'])
    expect(left).not.toContain(`nl${running.child.pid}-`)
    expect(existsSync(/rm -r (\S+)/.exec(away)?.[1] ?? '/')).toBe(false)
  })
})
