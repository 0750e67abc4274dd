import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DaemonResource, HostResource } from '../../../core/contracts/index.ts'
import { Ledger, parseLedger } from '../../../drivers/host/linux/ledger.ts'

const bridge: HostResource = { kind: 'link', name: 'br100', type: 'bridge' }
const address: HostResource = { kind: 'address', device: 'br100', cidr: '10.0.0.1/24' }
const file: HostResource = { kind: 'file', path: '/n/conf', content: 'secret', mode: 0o600, reloads: 'dnsmasq' }
const port: HostResource = { kind: 'ovs-port', name: 'gw-1', bridge: 'br-int', externalIds: {} }
const daemon = (...argv: [string, ...string[]]): DaemonResource => ({
  kind: 'daemon',
  name: 'd',
  argv,
  environment: {},
  pidFile: '/n/pid',
})

let folder: string
let path: string
const open: Ledger[] = []
function ledger(boot = 'now'): Ledger {
  const made = new Ledger(path, boot)
  made.open()
  open.push(made)
  return made
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netloom-ledger-'))
  path = join(folder, 'networks', 'ledger')
})
afterEach(() => {
  for (const one of open.splice(0)) one.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('the record of what netloom made', () => {
  it('knows after any end of the process what may have been made, and no longer what was taken away', () => {
    const first = ledger()
    first.remember([bridge, address, file])
    first.forget(['address 10.0.0.1/24 br100', 'link other'])
    const second = ledger()
    expect([...second.keys()]).toEqual(['link br100', 'file /n/conf'])
    expect(second.has('link br100')).toBe(true)
    expect(second.has('address 10.0.0.1/24 br100')).toBe(false)
  })

  it('holds files and ports of a switch after the machine was started anew, and nothing else', () => {
    ledger('then').remember([bridge, address, file, daemon('dnsmasq'), port])
    expect([...ledger('now').keys()]).toEqual(['file /n/conf', 'ovs-port gw-1'])
  })

  it('is for root only, and holds no content of a file', () => {
    ledger().remember([file])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path, 'utf8')).not.toContain('secret')
    expect(ledger().all()).toEqual([{ ...file, content: '' }])
  })

  it('holds both vectors of a daemon from before its restart until after', () => {
    const before = ledger()
    before.remember([daemon('dnsmasq', '-a')])
    before.remember([daemon('dnsmasq', '-b')])
    before.remember([daemon('dnsmasq', '-b')])
    const after = ledger()
    expect(after.recordsOf('daemon /n/pid')).toEqual([daemon('dnsmasq', '-b'), daemon('dnsmasq', '-a')])
    expect(after.all()).toEqual([daemon('dnsmasq', '-b')])
    after.settle([daemon('dnsmasq', '-b')])
    expect(ledger().recordsOf('daemon /n/pid')).toEqual([daemon('dnsmasq', '-b')])
  })

  it('passes over a line that was not written whole, and goes on after it', () => {
    ledger().remember([bridge])
    appendFileSync(path, '+ {"kind":"address","device":"br1')
    const next = ledger()
    expect([...next.keys()]).toEqual(['link br100'])
    next.remember([address])
    expect([...ledger().keys()]).toEqual(['link br100', 'address 10.0.0.1/24 br100'])
  })

  it('goes on in the old file, after a torn line, when it cannot be rewritten', () => {
    ledger('then').remember([bridge, file])
    appendFileSync(path, '- file /n/co')
    mkdirSync(`${path}.new`)
    const next = ledger('now')
    expect([...next.keys()]).toEqual(['file /n/conf'])
    next.remember([bridge])
    next.remember([address])
    rmSync(`${path}.new`, { recursive: true })
    expect([...ledger('now').keys()]).toEqual(['file /n/conf', 'link br100', 'address 10.0.0.1/24 br100'])
  })

  it('does not grow by what comes and goes', () => {
    const one = ledger()
    const size = statSync(path).size
    for (let i = 0; i < 100; i++) {
      one.remember([bridge])
      one.forget(['link br100'])
    }
    expect(statSync(path).size).toBeGreaterThan(size)
    ledger()
    expect(statSync(path).size).toBe(size)
  })

  it.each([
    ['nothing', '', []],
    ['no boot', `+ ${JSON.stringify(bridge)}\n`, []],
    ['garbage', 'boot now\n+ {\n+ null\n+ {"kind":"other"}\nxx\n\0\0\n', []],
    [
      'another boot between',
      `boot now\n+ ${JSON.stringify(bridge)}\nboot x\n+ ${JSON.stringify(address)}\n`,
      ['link br100'],
    ],
  ])('reads %s', (_, text, keys) => expect([...parseLedger(text, 'now').keys()]).toEqual(keys))

  it('says when it cannot be made', () => {
    writeFileSync(join(folder, 'networks'), '')
    expect(() => new Ledger(path, 'now').open()).toThrow()
    expect(() => new Ledger(path, 'now').remember([bridge])).toThrow()
  })
})
