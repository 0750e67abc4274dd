import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLeaseSpool } from '../../../drivers/system/lease-spool.ts'

const HELPER = fileURLToPath(new URL('../../../core/bin/netloom-dhcpbridge', import.meta.url))
const MAC = 'fa:16:3e:00:00:01'
const shells = [
  ['sh', ['/bin/sh']],
  ['busybox sh', ['/bin/busybox', 'sh']],
] as const
const here = shells.filter(([, [program]]) => existsSync(program))

let root: string
let spool: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'netloom-helper-'))
  spool = join(root, 'spool')
  mkdirSync(spool)
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe.each(here)('netloom-dhcpbridge under %s', (_, [program, ...before]) => {
  function helper(args: readonly string[], environment: Record<string, string> = {}) {
    const env = { PATH: process.env.PATH ?? '', NETWORK_ID: '1', NETLOOM_SPOOL: spool, ...environment }
    const { status, stdout, stderr } = spawnSync(program, [...before, HELPER, ...args], { env, encoding: 'utf8' })
    return { status, stdout, stderr }
  }
  const quiet = { status: 0, stdout: '', stderr: '' }

  it.each(['add', 'del'])('leaves one event for %s, which the service reads', async (action) => {
    expect(helper([action, MAC, '10.0.0.3', 'vm1'])).toEqual(quiet)
    const silent = () => undefined
    const logger = { debug: silent, info: silent, warn: silent, error: silent }
    const events = await createLeaseSpool({ folder: spool, logger }).read()
    expect(events).toMatchObject([{ action, mac: MAC, address: '10.0.0.3' }])
    expect(statSync(join(spool, events[0]!.id)).mode & 0o777).toBe(0o600)
  })

  it('names events so that they sort in order of time', () => {
    const addresses = Array.from({ length: 12 }, (_, i) => `10.0.0.${i + 1}`)
    for (const address of addresses) helper(['add', MAC, address])
    const read = readdirSync(spool)
      .sort()
      .map((name) => readFileSync(join(spool, name), 'utf8'))
    expect(read).toEqual(addresses.map((address) => `add ${MAC} ${address}\n`))
    expect(new Set(readdirSync(spool).map((name) => name.length)).size).toBe(1)
  })

  it('does nothing at all on a renewal, whatever else is wrong (lessons B7)', () => {
    expect(helper(['old'], { PATH: '/nowhere', NETLOOM_SPOOL: '' })).toEqual(quiet)
    expect(readdirSync(spool)).toEqual([])
  })

  it.each(['tftp', 'arp-add', 'relay-snoop', ''])(
    'ends well and says nothing on %j (defects-linux-net D19)',
    (action) => {
      expect(helper([action, MAC, '10.0.0.3'])).toEqual(quiet)
      expect(readdirSync(spool)).toEqual([])
    },
  )

  it('accepts further arguments (defects-linux-net D21)', () => {
    expect(helper(['add', MAC, '10.0.0.3', 'vm1', 'more', 'and more'])).toEqual(quiet)
    expect(readdirSync(spool)).toHaveLength(1)
  })

  it.each([
    ['add', 'NETLOOM_SPOOL', {}],
    ['init', 'NETLOOM_LEASES', { NETLOOM_LEASE_SECONDS: '120' }],
    ['init', 'NETLOOM_LEASE_SECONDS', { NETLOOM_LEASES: '/nowhere' }],
    ['init', 'NETLOOM_LEASE_SECONDS', { NETLOOM_LEASES: '/nowhere', NETLOOM_LEASE_SECONDS: '08' }],
    ['init', 'NETLOOM_LEASE_SECONDS', { NETLOOM_LEASES: '/nowhere', NETLOOM_LEASE_SECONDS: 'soon' }],
    ['init', 'NETLOOM_LEASE_SECONDS', { NETLOOM_LEASES: '/nowhere', NETLOOM_LEASE_SECONDS: '99999999999' }],
  ] as const)('%s without a usable %s says which, and fails (defects-linux-net D20)', (action, name, environment) => {
    const env = { NETLOOM_SPOOL: '', ...environment } as Record<string, string>
    const { status, stdout, stderr } = helper([action, MAC, '10.0.0.3'], env)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain(name)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it.each([
    [MAC, ''],
    [MAC, '10.0.0'],
    [MAC, '10.0.0.3.4'],
    [MAC, '10..0.3'],
    [MAC, '.10.0.3'],
    [MAC, '10.0.0.3 del'],
    [MAC, '10.0.0.3\nadd'],
    [MAC, 'fd00::1'],
    [MAC, '$(id).0.0.3'],
    ['', '10.0.0.3'],
    ['06-fa:16:3e:00:00:01', '10.0.0.3'],
    ['fa:16:3e:00:00:0*', '10.0.0.3'],
    ['fa:16:3e:00:00:01:02', '10.0.0.3'],
    ['fa:16:3e:00:00:0g', '10.0.0.3'],
  ])('refuses the odd pair %j %j', (mac, address) => {
    const { status, stderr } = helper(['add', mac, address])
    expect(status).toBe(1)
    expect(stderr).toMatch(/^netloom-dhcpbridge: not an? (MAC|IPv4) address/)
    expect(readdirSync(spool)).toEqual([])
  })

  it('says what is lost when the folder is not there, and makes none where nobody would read', () => {
    rmSync(spool, { recursive: true })
    const { status, stderr } = helper(['add', MAC, '10.0.0.3'])
    expect(status).toBe(1)
    expect(stderr).toContain(`lost \`add ${MAC} 10.0.0.3\``)
    expect(existsSync(spool)).toBe(false)
  })

  it('gives no event its name that could not be written whole, as on a full disk', () => {
    // A folder in whose place every file is the full device.
    const wrapper = join(root, 'helper')
    const full = readFileSync(HELPER, 'utf8').replaceAll('"$NETLOOM_SPOOL/.$name"', '"$FULL"')
    writeFileSync(wrapper, full)
    const link = join(root, 'full')
    symlinkSync('/dev/full', link)
    const { status, stderr } = spawnSync(program, [...before, wrapper, 'add', MAC, '10.0.0.3'], {
      env: { PATH: process.env.PATH ?? '', NETLOOM_SPOOL: spool, FULL: link },
      encoding: 'utf8',
    })
    expect(status).toBe(1)
    expect(stderr).toContain('lost')
    expect(readdirSync(spool)).toEqual([])
  })

  it('prints known leases with an end that lies in the future, and nothing else (defects-linux-net D4, D5)', () => {
    const leases = join(root, 'leases')
    writeFileSync(leases, `${MAC} 10.0.0.3 vm1 *\n\nfa:16:3e:00:00:02 10.0.0.4 * *`)
    const now = Math.floor(Date.now() / 1000)
    const { status, stdout, stderr } = helper(['init'], { NETLOOM_LEASES: leases, NETLOOM_LEASE_SECONDS: '120' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const lines = stdout.split('\n')
    expect(lines.map((line) => line.replace(/^\d+ /, ''))).toEqual([
      `${MAC} 10.0.0.3 vm1 *`,
      'fa:16:3e:00:00:02 10.0.0.4 * *',
      '',
    ])
    for (const line of lines.slice(0, 2)) {
      expect(Number(line.split(' ')[0])).toBeGreaterThanOrEqual(now + 120)
      expect(Number(line.split(' ')[0])).toBeLessThanOrEqual(now + 180)
    }
  })

  it('knows no lease where there is no file', () => {
    const environment = { NETLOOM_LEASES: join(root, 'none'), NETLOOM_LEASE_SECONDS: '120' }
    expect(helper(['init'], environment)).toEqual(quiet)
  })
})

describe('netloom-dhcpbridge', () => {
  it('can be run, and has nothing before the end of a renewal', () => {
    expect(statSync(HELPER).mode & 0o111).toBe(0o111)
    const code = readFileSync(HELPER, 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith('#'))
    expect(code.slice(0, 2).map((line) => line.trim())).toEqual(['case ${1-} in', 'old) exit 0 ;;'])
  })
})
