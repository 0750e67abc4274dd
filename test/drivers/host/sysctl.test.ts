import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommandFailed } from 'netloom/contracts'
import { RecordingLogger, silentLogger } from 'netloom/testing'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { diffResources } from '../../../core/plan/diff.ts'
import { LinuxHost } from '../../../drivers/host/linux/index.ts'
import { keepAdvertisedRoutes, procSysctl } from '../../../drivers/host/linux/sysctl.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netloom-sysctl-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function device(name: string, values: Readonly<Record<string, string>>): void {
  const path = join(folder, 'net/ipv6/conf', name)
  mkdirSync(path, { recursive: true })
  for (const [key, value] of Object.entries(values)) writeFileSync(join(path, key), `${value}\n`)
}

describe('before a host becomes a router (lessons F1)', () => {
  it.each([
    ['one that takes router advertisements goes on', 'eth0', '1', '0', '2'],
    ['a VLAN with a dot in its name too', 'eth0.100', '1', '0', '2'],
    ['one that takes none takes none', 'eth0', '0', '0', '0'],
    ['one that was told already stays so', 'eth0', '2', '0', '2'],
    ['one that forwards took none before either', 'eth0', '1', '1', '1'],
    ['what guests advertise is not for the host', 'br100', '1', '0', '1'],
    ['devices to come are not meant', 'default', '1', '0', '1'],
  ])('%s', (_, name, accept_ra, forwarding, expected) => {
    device(name, { accept_ra, forwarding })
    keepAdvertisedRoutes(procSysctl(folder), (other) => other === 'br100')
    expect(readFileSync(join(folder, 'net/ipv6/conf', name, 'accept_ra'), 'utf8').trim()).toBe(expected)
  })

  it('a kernel without IPv6 has nothing to keep', () => {
    keepAdvertisedRoutes(procSysctl(folder), () => false)
  })
})

describe('a host tells whether its devices can have IPv6 (lessons F3)', () => {
  it.each([
    [null, 'its kernel has none'],
    ['1', 'net.ipv6.conf.default.disable_ipv6 is 1'],
    ['0', null],
  ])('disable_ipv6 of new devices is %s', (disable_ipv6, reason) => {
    if (disable_ipv6 !== null) device('default', { disable_ipv6 })
    const host = new LinuxHost({
      executor: { run: () => Promise.reject(new Error('nothing is run')) },
      logger: silentLogger,
      networksPath: folder,
      sysctl: procSysctl(folder),
      boot: 'now',
    })
    expect(host.whyNoIpv6()).toBe(reason)
  })
})

describe('a setting that comes with a module', () => {
  const setting = { kind: 'sysctl', key: 'net.bridge.calls', value: '1', module: 'br_netfilter' } as const
  const owned = [{ owner: 'host', resource: setting }]

  function bench(comes: boolean) {
    const folder = mkdtempSync(join(tmpdir(), 'netloom-module-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const values = new Map<string, string>()
    const argvs: (readonly string[])[] = []
    const logger = new RecordingLogger()
    const host = new LinuxHost({
      logger,
      networksPath: folder,
      boot: 'now',
      namespacesFolder: join(folder, 'netns'),
      sysctl: {
        read: (key) => values.get(key) ?? null,
        write: (key, value) => values.set(key, value),
        names: () => [],
      },
      executor: {
        async run({ argv }) {
          argvs.push(argv)
          if (argv[0] === 'modprobe' && comes) values.set(setting.key, '0')
          if (argv[0] === 'modprobe' && !comes) throw new CommandFailed({ argv, code: 1, stderr: 'not found' })
          return { code: 0, stdout: '[]', stderr: '' }
        },
      },
    })
    onTestFinished(() => host.close())
    const makeSo = async () => {
      const { steps } = diffResources(owned, await host.observe([setting]))
      return { steps: steps.length, failures: await host.run(host.operations(steps, await host.observe([])), steps) }
    }
    const loaded = () => argvs.filter(([program]) => program === 'modprobe')
    return { values, logger, makeSo, loaded }
  }

  it('has it loaded where it is missing, once', async () => {
    const { values, makeSo, loaded } = bench(true)
    expect(await makeSo()).toEqual({ steps: 1, failures: [] })
    expect(values.get(setting.key)).toBe('1')
    expect(await makeSo()).toEqual({ steps: 0, failures: [] })
    values.set(setting.key, '0')
    expect(await makeSo()).toEqual({ steps: 1, failures: [] })
    expect(loaded()).toEqual([['modprobe', 'br_netfilter']])
  })

  it('is passed over with one warning where there is no such module, until somebody brings it', async () => {
    const { values, logger, makeSo, loaded } = bench(false)
    expect(await makeSo()).toEqual({ steps: 1, failures: [] })
    expect(await makeSo()).toEqual({ steps: 0, failures: [] })
    expect([loaded().length, logger.messages('warn')]).toEqual([1, ['this kernel does not have a setting']])
    values.set(setting.key, '0')
    expect(await makeSo()).toEqual({ steps: 1, failures: [] })
    expect(values.get(setting.key)).toBe('1')
  })
})
