import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type {
  Command,
  CommandResult,
  DaemonResource,
  HostResource,
  Logger,
  Step,
} from '../../../core/contracts/index.ts'
import { CommandFailed } from '../../../core/errors/index.ts'
import { findRunning, readPid } from '../../../drivers/host/linux/daemons.ts'
import { readFiles, writeWhole } from '../../../drivers/host/linux/files.ts'
import { LinuxHost } from '../../../drivers/host/linux/index.ts'

let folder: string
let logged: string[]
let commands: Command[]
/** What programs answer, by their first word; `ip -j` shows an empty host. */
let answer: (command: Command) => Partial<CommandResult> | Error

const log = (level: string) => (message: string) => void logged.push(`${level} ${message}`)
const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }

function host(networksPath = join(folder, 'networks')): LinuxHost {
  return new LinuxHost({
    logger,
    networksPath,
    boot: 'now',
    namespacesFolder: join(folder, 'netns'),
    executor: {
      async run(command) {
        commands.push(command)
        const given = answer(command)
        if (given instanceof Error) throw given
        return { code: 0, stdout: command.argv[1] === '-j' ? '[]' : '', stderr: '', ...given }
      },
    },
  })
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netloom-host-'))
  logged = []
  commands = []
  answer = () => ({})
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const bridge: HostResource = { kind: 'link', name: 'br100', type: 'bridge' }
const add = (resource: HostResource, owner = 'network:1'): Step => ({ verb: 'add', owner, resource })
const file = (name: string, content = 'x', mode = 0o640): HostResource => ({
  kind: 'file',
  path: join(folder, name),
  content,
  mode,
})

/** Says what `ip` would: nothing but the marks between lines, or the given lines for a line that fails. */
function batchAnswer(command: Command, failing: Readonly<Record<string, string>> = {}, fatal?: string) {
  const said: string[] = []
  for (const [i, line] of (command.input ?? '').split('\n').slice(0, -1).entries()) {
    if (line === fatal) return { code: 255, stderr: [...said, `Error: ${line}`].join('\n') }
    const message = i % 2 === 0 ? failing[line] : 'unknown'
    if (message !== undefined) said.push(message, `Command failed -:${i + 1}`)
  }
  return { code: 1, stderr: said.join('\n') }
}

describe('running operations', () => {
  const line = (text: string, owner: string, ...harmless: string[]) => ({ text, owner, harmless })
  const batch = (...lines: ReturnType<typeof line>[]) =>
    ({ kind: 'batch', argv: ['ip', '-force', '-batch', '-'], lines, owners: lines.map(({ owner }) => owner) }) as const
  const command = (word: string, ...owners: string[]) =>
    ({ kind: 'command', command: { argv: [word] }, owners }) as const
  const ran = () => commands.map(({ argv }) => argv[0])

  it('blames a failing line on its owner, passes over a harmless one, and names what was tried', async () => {
    answer = (given) => batchAnswer(given, { b: 'Error: no b', c: 'File exists' })
    const failures = await host().run([batch(line('a', 'o:1'), line('b', 'o:2'), line('c', 'o:3', 'exists'))], [])
    expect(failures).toEqual([{ owner: 'o:2', message: '`ip b`: Error: no b' }])
  })

  it('goes on in a new process after a line that ended the first, without lines of owners that failed', async () => {
    answer = (given) => batchAnswer(given, {}, 'b')
    const lines = [line('a', 'o:1'), line('b', 'o:2'), line('c', 'o:2'), line('d', 'o:3')]
    expect(await host().run([batch(...lines)], [])).toEqual([{ owner: 'o:2', message: '`ip b`: Error: b' }])
    expect(commands.map(({ input }) => input?.split('\n').filter((text) => text.length === 1))).toEqual([
      ['a', 'b', 'c', 'd'],
      ['d'],
    ])
  })

  it('blames everybody when the program does nothing twice, instead of trying line by line', async () => {
    answer = () => ({ code: 1, stderr: 'cannot' })
    const lines = Array.from({ length: 50 }, (_, i) => line(`l${i}`, `o:${i}`))
    const failures = await host().run([batch(...lines)], [])
    expect(failures).toHaveLength(50)
    expect(commands).toHaveLength(2)
  })

  it('does not run what an owner still waits for after its first failure, but does for the others', async () => {
    answer = ({ argv }) => (argv[0] === 'bad' ? new CommandFailed({ argv, code: 1, stderr: 'why' }) : {})
    const operations = [command('bad', 'o:1'), command('next', 'o:1'), command('shared', 'o:1', 'o:2'), command('own')]
    const failures = await host().run(operations, [])
    expect(failures).toEqual([{ owner: 'o:1', message: expect.stringContaining('why') }])
    expect(ran()).toEqual(['bad', 'shared', 'own'])
  })

  it('fails a change of rules on behalf of all whom it is for', async () => {
    answer = ({ argv }) => new CommandFailed({ argv, code: 2, stderr: 'line 3 failed' })
    const rules = {
      kind: 'ruleset',
      owners: ['o:1', 'o:2'],
      reads: [],
      after: [],
      commands: [{ argv: ['restore'] }],
    } as const
    expect((await host().run([rules], [])).map(({ owner }) => owner)).toEqual(['o:1', 'o:2'])
  })

  it('tells the log of a failure on nobody’s behalf', async () => {
    answer = ({ argv }) => new CommandFailed({ argv, code: 1, stderr: '' })
    expect(await host().run([command('release')], [])).toEqual([])
    expect(logged).toEqual(['warn an operation on the host failed'])
  })

  it('waits for nothing that runs in the background, and does not mind its failure', async () => {
    let fail: (error: Error) => void = () => undefined
    const slow = new LinuxHost({
      logger,
      networksPath: join(folder, 'networks'),
      boot: 'now',
      executor: {
        run: () =>
          new Promise((_, reject) => {
            fail = reject
          }),
      },
    })
    expect(await slow.run([{ ...command('arping', 'o:1'), background: true }], [])).toEqual([])
    fail(new CommandFailed({ argv: ['arping'], code: 1, stderr: '' }))
    await new Promise((resolve) => setImmediate(resolve))
    expect(logged).toEqual(['debug a command in the background failed'])
  })

  it('gives a batch time for its length', async () => {
    let timeoutMs = 0
    const timed = new LinuxHost({
      logger,
      networksPath: join(folder, 'networks'),
      boot: 'now',
      executor: {
        run: async (given, options) => {
          timeoutMs = options?.timeoutMs ?? 0
          return { stdout: '', ...batchAnswer(given) }
        },
      },
    })
    await timed.run([batch(...Array.from({ length: 1000 }, (_, i) => line(`l${i}`, 'o:1')))], [])
    expect(timeoutMs).toBeGreaterThan(100_000)
  })
})

describe('the account of what was made', () => {
  const steps = [add(bridge)]

  it('is written before the first process is started', async () => {
    const own = host()
    const state = await own.observe([])
    answer = (given) => {
      if (given.input) expect(readFileSync(join(folder, 'networks', 'ledger'), 'utf8')).toContain('br100')
      return batchAnswer(given)
    }
    await own.run(own.operations(steps, state), steps)
    expect(commands).toHaveLength(2)
    own.close()
  })

  it('makes nothing that could not be remembered, and says why', async () => {
    writeFileSync(join(folder, 'networks'), '')
    const own = host()
    const state = await own.observe([])
    const failures = await own.run(own.operations(steps, state), steps)
    expect(failures).toMatchObject([{ owner: 'network:1' }])
    expect(commands).toHaveLength(1)
    expect(logged).toContain('error the record of what netloom made on this host cannot be opened')
  })

  it('forgets what was made by somebody else at the same moment, and keeps what is its own', async () => {
    const own = host()
    const state = await own.observe([])
    const line = 'link add name br100 type bridge forward_delay 0 stp_state 0'
    const shown = JSON.stringify([
      { ifname: 'br100', flags: ['UP'], mtu: 1500, linkinfo: { info_kind: 'bridge' } },
      { ifname: 'br200', flags: ['UP'], mtu: 1500, linkinfo: { info_kind: 'bridge' } },
    ])
    answer = (given) =>
      given.input ? batchAnswer(given, { [line]: 'RTNETLINK answers: File exists' }) : { stdout: shown }
    const both = [...steps, add({ ...bridge, name: 'br200' } as HostResource)]
    expect(await own.run(own.operations(both, state), both)).toEqual([])
    const after = await own.observe([])
    expect([...after.resources].map(([key, { ours }]) => [key, ours])).toEqual([
      ['link br100', false],
      ['link br200', true],
    ])
    own.close()
  })

  it('leaves a VLAN device alone that somebody else made since the last look, and says so (defects-linux-net E16)', async () => {
    const own = host()
    const vlan = { kind: 'link', name: 'vlan100', type: 'vlan', parent: 'eth1', vlanId: 100, master: 'br100' } as const
    const state = await own.observe([])
    const line = 'link add link eth1 name vlan100 master br100 up type vlan id 100'
    const inputs: string[] = []
    answer = (given) => {
      if (!given.input) return {}
      inputs.push(given.input)
      return batchAnswer(given, { [line]: 'RTNETLINK answers: File exists' })
    }
    const failures = await own.run(own.operations([add(vlan)], state), [add(vlan)])
    expect(failures.map(({ message }) => message)).toEqual([`\`ip ${line}\`: RTNETLINK answers: File exists`])
    expect(inputs.join('').match(/.*vlan100.*/g)).toEqual([line])
    own.close()
  })

  it('forgets what others took away: what they make anew is theirs', async () => {
    const own = host()
    answer = (given) => (given.input ? batchAnswer(given) : {})
    await own.run(own.operations(steps, await own.observe([])), steps)
    await own.observe([bridge])
    answer = () => ({
      stdout: JSON.stringify([{ ifname: 'br100', flags: ['UP'], mtu: 1500, linkinfo: { info_kind: 'bridge' } }]),
    })
    expect((await own.observe([])).resources.get('link br100')?.ours).toBe(false)
    own.close()
  })
})

describe('files', () => {
  it('are written with their mode, found again, and taken away when ours', async () => {
    const own = host()
    const steps = [add(file('deep/er/a')), add(file('b', 'y', 0o600))]
    expect(await own.run(own.operations(steps, await own.observe([])), steps)).toEqual([])
    expect(statSync(join(folder, 'deep/er/a')).mode & 0o777).toBe(0o640)
    const seen = await own.observe([file('deep/er/a')])
    expect(seen.resources.get(`file ${join(folder, 'deep/er/a')}`)).toEqual({ resource: file('deep/er/a'), ours: true })
    expect(seen.resources.get(`file ${join(folder, 'b')}`)?.ours).toBe(true)
    own.close()
  })

  it('are not looked at unless they are wanted or ours', async () => {
    writeFileSync(join(folder, 'c'), '')
    const seen = await host().observe([])
    expect([...seen.resources.keys()]).toEqual([])
  })

  it('keep their former content when the new one cannot be written, and leave nothing beside (defects-linux-net C9)', async () => {
    mkdirSync(join(folder, 'd'))
    await expect(writeWhole(join(folder, 'd'), 'x', 0o644)).rejects.toThrow()
    expect(readdirSync(folder)).toEqual(['d'])
    await writeWhole(join(folder, 'e'), 'one', 0o644)
    writeFileSync(join(folder, '.e.new'), 'left by a killed process')
    await writeWhole(join(folder, 'e'), 'two', 0o600)
    expect(readdirSync(folder).sort()).toEqual(['d', 'e'])
    expect(await readFiles([join(folder, 'd'), join(folder, 'e'), join(folder, 'none')])).toEqual([
      { path: join(folder, 'e'), content: 'two', mode: 0o600 },
    ])
  })

  it('may be thousands', async () => {
    const names = Array.from({ length: 3000 }, (_, i) => join(folder, `many/${i}`))
    mkdirSync(join(folder, 'many'))
    for (const name of names) writeFileSync(name, '')
    expect((await readFiles(names)).map(({ path }) => path)).toEqual(names)
  })
})

describe('who runs', () => {
  const daemon = (...argv: [string, ...string[]]): DaemonResource => ({
    kind: 'daemon',
    name: 'd',
    argv,
    environment: { A: '1' },
    pidFile: join(folder, 'pid'),
  })

  it.each(['', 'x', '-5', '0', '1', '4194305', '12 13', '1e3', '99999999999999999999'])(
    'nobody for a pid file with %j (defects-linux-net D17)',
    (text) => {
      writeFileSync(join(folder, 'pid'), text)
      expect(readPid(join(folder, 'pid'))).toBeNull()
    },
  )

  it('nobody without a pid file, or with one that names another process (defects-linux-net D14, D15)', async () => {
    expect(findRunning([daemon('sleep', '60')])).toBeNull()
    const child = spawn('sleep', ['60', '0'], { env: { A: '1' } })
    await new Promise((resolve) => child.once('spawn', resolve))
    writeFileSync(join(folder, 'pid'), `${child.pid}\n`)
    for (const near of [
      daemon('sleep', '60'),
      daemon('sleep', '60', '0', '0'),
      daemon('sleep', '60 0'),
      daemon('sleep'),
    ]) {
      expect(findRunning([near])).toBeNull()
    }
    expect(findRunning([daemon('sleep'), daemon('sleep', '60', '0')])).toEqual({
      pid: child.pid,
      daemon: daemon('sleep', '60', '0'),
    })
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
    expect(findRunning([daemon('sleep', '60', '0')])).toBeNull()
  })

  it('shows the environment that it was started with', async () => {
    const child = spawn('sleep', ['60'], { env: { A: '2', B: '3' } })
    await new Promise((resolve) => child.once('spawn', resolve))
    writeFileSync(join(folder, 'pid'), `${child.pid}`)
    expect(findRunning([daemon('sleep', '60')])?.daemon.environment).toEqual({ A: '2' })
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
  })
})

describe('looking', () => {
  it('takes one process, however much is looked at (defects-linux-net B5)', async () => {
    mkdirSync(join(folder, 'netns/guest1'), { recursive: true })
    const wanted: HostResource[] = [
      file('a'),
      { kind: 'sysctl', key: 'kernel.ostype', value: 'x' },
      { kind: 'daemon', name: 'd', argv: ['d'], environment: {}, pidFile: join(folder, 'pid') },
    ]
    const seen = await host().observe(wanted)
    expect(commands.map(({ argv }) => argv)).toEqual([['ip', '-j', '-d', 'address', 'show']])
    expect([...seen.namespaces]).toEqual(['guest1'])
    expect([...seen.resources.values()]).toEqual([
      { resource: { kind: 'sysctl', key: 'kernel.ostype', value: 'Linux' }, ours: false },
    ])
  })

  it('reads what commands print, in order, and nothing for one that cannot run', async () => {
    answer = ({ argv }) =>
      argv[0] === 'b' ? new CommandFailed({ argv, code: null, stderr: '' }) : { stdout: argv[0]! }
    expect(await host().read([{ argv: ['a'] }, { argv: ['b'] }, { argv: ['c'] }])).toEqual(['a', '', 'c'])
  })
})
