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
    const before = await run('ip', ['netns', 'list'])
    const { stdout } = await run(process.execPath, [netloom, '--json', 'demo'], { timeout: 90_000 })
    const result = JSON.parse(stdout)
    expect(result.steps.filter((step: { ok: boolean }) => !step.ok)).toEqual([])
    expect(result).toMatchObject({ simulated: false, failed: 0 })
    expect(result.steps.length).toBeGreaterThanOrEqual(9)
    const after = await run('ip', ['netns', 'list'])
    expect(after.stdout).toBe(before.stdout)
  })
})
