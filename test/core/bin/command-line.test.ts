import { Command } from 'commander'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { splitCommandLine } from '../../../core/bin/command-line.ts'
import { type CommandBench, makeCommandBench } from './command-bench.ts'
import { INSTANCE } from './samples.ts'

let bench: CommandBench
beforeAll(async () => {
  bench = await makeCommandBench('node1')
})
afterAll(() => bench.end())

function tree(): Command {
  const program = new Command('netloom')
  const noun = program.command('network')
  noun
    .command('create')
    .argument('[words...]')
    .option('--vlan_start <n>')
    .option('--host <host>')
    .option('--multi_host [T|F]')
    .option('--vpn')
  noun.command('list')
  return program
}

describe('a line is split', () => {
  test.each<[string, object]>([
    ['network list', { words: ['network', 'list'], flags: [], json: false, quiet: false }],
    ['--json network --quiet list', { words: ['network', 'list'], json: true, quiet: true }],
    ['network list --json', { words: ['network', 'list'], json: true }],
    ['--config-file a --config-file=b network list', { words: ['network', 'list'], configFiles: ['a', 'b'] }],
    ['network list --config_file a', { configFiles: ['a'] }],
    ['--timeout 1.5 network list', { timeoutMs: 1500 }],
    ['network list --as-project=acme', { asProject: 'acme' }],
    ['network list --as-project a --as-project b', { asProject: 'b' }],
    ['--host=h network create', { flags: ['--host=h'], words: ['network', 'create'] }],
    ['network --host=h create', { flags: ['--host=h'], words: ['network', 'create'] }],
    ['network create --host=h', { flags: [], words: ['network', 'create', '--host=h'] }],
    ['network create --host h w', { flags: [], words: ['network', 'create', '--host=h', 'w'] }],
    ['network list --host=h', { flags: ['--host=h'], words: ['network', 'list'] }],
    [
      '--vlan_start=1 network create --vlan-start 2',
      { flags: ['--vlan_start=1'], words: ['network', 'create', '--vlan_start=2'] },
    ],
    ['network create --multi_host w', { words: ['network', 'create', '--multi_host=true', 'w'] }],
    ['network create --multi_host T w', { words: ['network', 'create', '--multi_host=T', 'w'] }],
    ['network create --vpn w', { words: ['network', 'create', '--vpn', 'w'] }],
    ['network create --vlan_start --json', { words: ['network', 'create', '--vlan_start'], json: true }],
    ['network create --sql_connection=a=b', { flags: ['--sql_connection=a=b'] }],
    ['network create -- --json --x=y', { words: ['network', 'create', '--', '--json', '--x=y'], json: false }],
    ['network list --help', { words: ['network', 'list', '--help'] }],
  ])('%s', (line, want) => {
    expect(splitCommandLine(line.split(' '), tree())).toMatchObject(want)
  })

  test('wherever a global option stands, the rest is the same', () => {
    const words = ['network', 'create', 'demo', '10.0.0.0/24', '--vpn']
    const globals = [['--json'], ['--quiet'], ['--timeout', '3'], ['--as-project=p'], ['--run_path=/r']]
    fc.assert(
      fc.property(fc.tuple(...globals.map(() => fc.nat(words.length))), (places) => {
        const line = [...words.keys(), words.length].flatMap((at) => [
          ...globals.filter((_, i) => places[i] === at).flat(),
          ...words.slice(at, at + 1),
        ])
        expect(splitCommandLine(line, tree())).toEqual({
          configFiles: [],
          flags: ['--run_path=/r'],
          json: true,
          quiet: true,
          version: false,
          timeoutMs: 3000,
          asProject: 'p',
          words,
        })
      }),
    )
  })
})

describe('wrong usage asks nobody, ends with 2 and a short message', () => {
  test.each([
    ['netwrk list', /unknown command 'netwrk' \(Did you mean network\?\); see `netloom --help`/],
    ['network lst', /unknown command 'lst' \(Did you mean list\?\); see `netloom network --help`/],
    ['network list extra', /too many arguments/],
    ['network show', /missing required argument 'uuid'; see `netloom network show --help`/],
    ['network list --frob', /unknown option '--frob'/],
    ['network list -x', /unknown option '-x'/],
    ['network list --fixed_rang=1', /unknown flag --fixed_rang \(did you mean --fixed_range\?\)/],
    ['network create --vlan_strat=1', /unknown flag --vlan_strat \(did you mean --vlan_start\?\)/],
    ['--jsn=1 network list', /unknown flag --jsn \(did you mean --json\?\)/],
    ['network list --zzzzzzzz=1', /unknown flag --zzzzzzzz; see/],
    ['--host h network list', /the flag --host needs its value: write --host=VALUE/],
    ['network list --timeout', /--timeout needs a value/],
    ['network list --timeout=', /--timeout needs a value/],
    ['network list --timeout 0', /--timeout 0 is not a number of seconds/],
    ['network list --timeout soon', /--timeout soon is not/],
    ['network list --as-project --quiet', /--as-project needs a value/],
    ['network list --json=yes', /--json takes no value/],
    ['network create a 10.0.0.0/24 x', /num_networks 'x' is not a whole number/],
    ['network create a 10.0.0.0/24 1 -1', /network_size '-1' is not a whole number/],
    ['network create 10.0.0.0/24 1 2 3', /too many words/],
    [
      'network create a 10.0.0.0/24 --fixed_range_v4 10.0.0.0/8',
      /cidr is given twice, as 10.0.0.0\/24 and as 10.0.0.0\/8/,
    ],
    ['network create a --label b', /label is given twice/],
    ['network create a --mtu big', /--mtu.*'big' is invalid\. Give a whole number/],
    ['network create a --multi_host=maybe', /'maybe' is invalid\. Give T or F/],
    ['network create a --vlan', /argument missing/],
    ['network modify x', /say what to change, such as --host/],
    ['network modify x --host a --disassociate-host', /give either --host or --disassociate-host/],
    ['network modify x --project a --disassociate-project', /give either --project or --disassociate-project/],
    ['vpn change acme --ip 203.0.113.9', /required option '--port <port>' not specified/],
    ['floating allocate', /the operator must say for whom: give --project P/],
    [`instance allocate ${INSTANCE}`, /required option '--project <project>' not specified/],
    [`instance attach ${INSTANCE}`, /give either --netns or --tap/],
    [`instance attach ${INSTANCE} --netns a --tap b`, /give either --netns or --tap/],
    [`instance attach ${INSTANCE} --tap b --vif one`, /'one' is invalid/],
  ])('%s', async (line, want) => {
    const plain = await bench.run(line)
    expect(plain).toMatchObject({ status: 2, stdout: '', calls: [] })
    expect(plain.stderr).toMatch(/^netloom: [^\n]*\n$/)
    expect(plain.stderr).toMatch(want)
  })

  test('with --json it is an error document', async () => {
    const { status, stdout, stderr } = await bench.run('--json network lst')
    expect([status, stdout]).toEqual([2, ''])
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'WrongUsage', message: /unknown command 'lst'/ } })
  })

  test.each(['', 'network', 'config'])('too few words (%j) show the help on stderr', async (line) => {
    const { status, stdout, stderr } = await bench.run(line)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^Usage: netloom/)
    expect((await bench.run(`${line} --json`)).stderr).toContain('"WrongUsage"')
  })
})

describe('help', () => {
  test('every level has a usage line and an example', async () => {
    const levels = ['']
    for (let level = levels.shift(); level !== undefined; level = levels.shift()) {
      const { status, stdout, stderr, calls } = await bench.run(`${level} --help`)
      expect([status, stderr, calls]).toEqual([0, '', []])
      expect(stdout).toMatch(`Usage: netloom${level} `)
      const listed = stdout.split('Commands:\n')[1]?.split('\n\n')[0] ?? ''
      const verbs = [...listed.matchAll(/^ {2}([a-z-]+)/gm)].map((match) => match[1])
      if (verbs.length === 0 || level === '') expect(stdout).toMatch(/Examples?:\n {2}netloom /)
      levels.push(...verbs.map((verb) => `${level} ${verb}`))
    }
    expect.hasAssertions()
  })

  test('--version prints the version of the package', async () => {
    expect(await bench.run('--version')).toMatchObject({ status: 0, stdout: '0.1.0\n', stderr: '' })
    expect(JSON.parse((await bench.run('--json network list --version')).stdout)).toEqual({ version: '0.1.0' })
  })
})
