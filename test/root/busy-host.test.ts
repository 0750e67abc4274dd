/** A host whose event loop stands still is busy, not down: its heartbeat is a thread of its own. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isRoot, TestCloud, until } from './cloud/test-cloud.ts'

/** Blocks the main thread for ten seconds, soon after the service is ready. */
const BLOCK = `
const { isMainThread } = require('node:worker_threads')
if (isMainThread) setTimeout(() => { const end = Date.now() + 10000; while (Date.now() < end); }, 4000)
`

describe.skipIf(!isRoot)('a host under load', () => {
  let cloud: TestCloud
  beforeAll(async () => {
    cloud = await TestCloud.built({
      hosts: ['node1', 'node2'],
      guests: [],
      flags: ['--report_interval=1', '--service_down_time=3'],
    })
    await cloud.host.start()
    const script = join(cloud.folder, 'block.cjs')
    await writeFile(script, BLOCK)
    cloud.environment.NODE_OPTIONS = `--require=${script}`
    await cloud.named('node2').start()
  })
  afterAll(() => cloud?.remove())

  it('is shown as busy while it is, never as down, and as up afterwards', async () => {
    const seen: (string | undefined)[] = []
    const becomes = (state: string) => async () => {
      seen.push(await cloud.stateOf('node2'))
      return seen.at(-1) === state
    }
    expect(await becomes('up')()).toBe(true)
    await until(becomes('busy'), 'the host is not seen as busy')
    await until(becomes('up'), 'the host is still not seen as up')
    expect(seen).not.toContain('down')
  })
})
