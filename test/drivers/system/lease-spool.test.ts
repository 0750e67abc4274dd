import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Logger } from '../../../core/contracts/index.ts'
import { compareNames, createLeaseSpool, parseEvent } from '../../../drivers/system/lease-spool.ts'

const MAC = 'fa:16:3e:00:00:01'
let root: string
let folder: string
let warnings: string[]
const silent = () => undefined
const logger: Logger = { debug: silent, info: silent, warn: (message) => warnings.push(message), error: silent }

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'netloom-spool-'))
  folder = join(root, 'networks', 'leases')
  warnings = []
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function put(name: string, text: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), text)
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5_000
  while (!condition()) {
    if (Date.now() > end) throw new Error('it did not come to be')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('the lease spool', () => {
  it('makes its folder, for root only, where there is none (defects-linux-net G4)', async () => {
    expect(await createLeaseSpool({ folder, logger }).read()).toEqual([])
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  it('reads in order of names until each event is done with, and done twice is done once', async () => {
    put('0002', `del ${MAC} 10.0.0.3\n`)
    put('0001', `add ${MAC} 10.0.0.3\n`)
    const spool = createLeaseSpool({ folder, logger })
    const events = await spool.read()
    expect(events).toEqual([
      { id: '0001', action: 'add', mac: MAC, address: '10.0.0.3' },
      { id: '0002', action: 'del', mac: MAC, address: '10.0.0.3' },
    ])
    expect(await spool.read()).toEqual(events)
    await spool.done(events[0]!)
    await spool.done(events[0]!)
    expect((await spool.read()).map((event) => event.id)).toEqual(['0002'])
  })

  it('does not see a file before it has its name', async () => {
    put('.0001', `add ${MAC} 10.0.0.3`)
    expect(await createLeaseSpool({ folder, logger }).read()).toEqual([])
  })

  it('puts aside what is no event, says so once, and goes on with the others', async () => {
    put('0001', 'garbage')
    put('0002', `add ${MAC} 10.0.0.3\n`)
    mkdirSync(join(folder, '0000'))
    const spool = createLeaseSpool({ folder, logger })
    expect((await spool.read()).map((event) => event.id)).toEqual(['0002'])
    expect((await spool.read()).map((event) => event.id)).toEqual(['0002'])
    expect(warnings).toHaveLength(2)
    expect(readdirSync(join(folder, '.rejected')).sort()).toEqual(['0000', '0001'])
  })

  it('never leaves its folder when it is told to forget an event', async () => {
    const outside = join(root, 'networks', 'kept')
    put('0001', '')
    writeFileSync(outside, '')
    const event = { id: '../kept', action: 'add', mac: MAC, address: '10.0.0.3' } as const
    await createLeaseSpool({ folder, logger }).done(event)
    expect(existsSync(outside)).toBe(true)
  })

  it.each([
    ['', false],
    ['add', false],
    [`old ${MAC} 10.0.0.3`, false],
    [`add ${MAC} 10.0.0.300`, false],
    [`add ${MAC} 10.0.0.3 name`, false],
    [`add ${MAC}\n10.0.0.3`, false],
    ['add 01:00:5e:00:00:01 10.0.0.3', false],
    [`del ${MAC.toUpperCase()} 10.0.0.3`, true],
  ])('takes %j for an event: %s', (text, good) => {
    if (good) expect(parseEvent('x', text)).toMatchObject({ mac: MAC })
    else expect(() => parseEvent('x', text)).toThrow()
  })

  it('orders events of an earlier boot before those of this one', () => {
    const names = ['0005-01-now', '0900-01-then', '0007-02-now', '0001-01-now', '0800-09-then']
    expect(names.toSorted((a, b) => compareNames(a, b, 'now'))).toEqual([
      '0800-09-then',
      '0900-01-then',
      '0001-01-now',
      '0005-01-now',
      '0007-02-now',
    ])
  })

  it('tells of an arrival soon, of those that wait already too, and of none after it is closed', async () => {
    let calls = 0
    put('0001', `add ${MAC} 10.0.0.3\n`)
    const watch = createLeaseSpool({ folder, logger, pollMs: 60_000 }).watch(() => calls++)
    await until(() => calls === 1)
    put('0002', `add ${MAC} 10.0.0.3\n`)
    await until(() => calls >= 2)
    watch.close()
    const before = calls
    put('0003', `add ${MAC} 10.0.0.3\n`)
    await new Promise((resolve) => setImmediate(resolve))
    expect(calls).toBe(before)
  })

  it('still tells after its folder was taken away and came back', async () => {
    let calls = 0
    const watch = createLeaseSpool({ folder, logger, pollMs: 20 }).watch(() => calls++)
    rmSync(folder, { recursive: true })
    await until(() => existsSync(folder))
    const before = calls
    put('0001', `add ${MAC} 10.0.0.3\n`)
    await until(() => calls > before)
    watch.close()
  })
})
