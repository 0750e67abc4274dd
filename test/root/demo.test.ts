import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { until } from './cloud/test-cloud.ts'

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

  it('with --keep ends too, and leaves a service that answers', async ({ onTestFinished }) => {
    const { stdout } = await run(process.execPath, [netloom, 'demo', '--keep'], { timeout: 90_000 })
    const [, flags = ''] = /Look around: {2}netloom (.*) instance list/.exec(stdout) ?? []
    const [, service = '', namespaces = '', folder = ''] =
      /ip netns pids (\S+) \| xargs kill; for each of (.*): ip netns delete NAME; rm -r (\S+)/.exec(stdout) ?? []
    onTestFinished(async () => {
      const pids = async () => (await run('ip', ['netns', 'pids', service])).stdout.split('\n').filter(Boolean)
      for (const pid of await pids()) process.kill(Number(pid))
      await until(async () => (await pids()).length === 0, 'the service does not end')
      for (const name of namespaces.split(' ')) await run('ip', ['netns', 'delete', name])
      await rm(folder, { recursive: true })
    })
    const listed = await run(process.execPath, [netloom, ...flags.split(' '), '--json', 'instance', 'list'])
    expect(JSON.parse(listed.stdout)).toHaveLength(2)
  })
})
