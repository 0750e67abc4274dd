import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AdminRequired,
  CommandFailed,
  ConnectionLost,
  errorToJson,
  FloatingIpNotFoundForAddress,
  InvalidCidr,
  NoMoreFixedIps,
  StoreBusy,
} from 'netloom/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CommandBench, makeCommandBench } from './command-bench.ts'

let bench: CommandBench
let nobody: CommandBench
beforeAll(async () => {
  bench = await makeCommandBench('node1')
  nobody = await makeCommandBench()
})
afterAll(() => Promise.all([bench.end(), nobody.end()]))

describe('an error of the service ends the command with its status, its sentence, its document', () => {
  test.each([
    [1, new CommandFailed({ argv: ['ip', 'link'], code: 2, stderr: 'no' })],
    [2, new InvalidCidr({ cidr: 'x' })],
    [3, new FloatingIpNotFoundForAddress({ address: '203.0.113.9' })],
    [4, new NoMoreFixedIps({ network: 'n', cidr: '10.0.0.0/30', used: 1, reserved: 2, held: 0 })],
    [4, new AdminRequired({ method: 'list_hosts' })],
    [5, new StoreBusy({ reason: 'locked' })],
    [5, new ConnectionLost({ method: 'm', host: 'h' })],
    [1, new RangeError('odd')],
  ])('%i %s', async (status, error) => {
    bench.answers = { list_hosts: error }
    const plain = await bench.run('host list --quiet')
    expect(plain).toMatchObject({ status, stdout: '' })
    expect(plain.stderr).toBe(`netloom: ${error.message}\n`)
    const json = await bench.run('host list --json')
    expect([json.status, json.stdout]).toEqual([status, ''])
    const { code, details } = errorToJson(error)
    expect(JSON.parse(json.stderr)).toEqual({ error: { code, message: error.message, details } })
  })
})

describe('without a service', () => {
  test.each(['host list', 'plan', 'floating allocate --project p'])('%s: at once, 5, and what to do', async (line) => {
    const start = performance.now()
    const { status, stderr } = await nobody.run(line)
    expect([status, stderr]).toEqual([
      5,
      expect.stringMatching(/^netloom: no netloom service .*start .* `netloom serve`\n$/),
    ])
    expect(performance.now() - start).toBeLessThan(2000)
  })

  test('plan and reconcile are for the own host: another that is up does not answer in its place', async () => {
    const { status, stderr, calls } = await bench.run('--host=away plan')
    expect([status, calls]).toEqual([5, []])
    expect(stderr).toContain('host away')
  })
})

describe('configuration', () => {
  test('a wrong value ends with 6, naming flag and place', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nlcli-'))
    const file = join(folder, 'n.conf')
    await writeFile(file, '# x\nrpc_response_timeout = soon\n')
    const { status, stderr, calls } = await bench.run(['--config-file', file, 'host', 'list'])
    await rm(folder, { recursive: true })
    expect([status, calls]).toEqual([6, []])
    expect(stderr).toMatch(/rpc_response_timeout: must be a whole number.*n\.conf:2\)/)
  })

  test.each([
    ['--config-file=/nowhere/n.conf host list', /cannot be read: there is no such file/],
    ['--rpc_backend=pigeon host list', /rpc_backend = pigeon: no such plugin; built-in: local/],
  ])('%s ends with 6', async (line, want) => {
    const { status, stderr } = await bench.run(line)
    expect([status, stderr]).toEqual([6, expect.stringMatching(want)])
  })

  test('the environment selects the bus, the flag wins over it', async () => {
    bench.answers = { list_hosts: [] }
    expect((await bench.run('host list', { NETLOOM_RUN_PATH: '/nowhere' })).status).toBe(5)
    const runPath = (await bench.run('config show --json')).stdout
    const { value } = JSON.parse(runPath).run_path
    expect((await bench.run(`--run_path=${value} host list`, { NETLOOM_RUN_PATH: '/nowhere' })).status).toBe(0)
  })
})

describe('time', () => {
  test('--timeout bounds the wait, the flag rpc_response_timeout does without it', async () => {
    const slow = await makeCommandBench('slow')
    let answer = () => {}
    slow.answers = { list_hosts: new Promise<void>((resolve) => (answer = resolve)) as never }
    expect(await slow.run('host list --timeout 0.05')).toMatchObject({
      status: 5,
      stderr: expect.stringContaining('did not answer in 0.05 s'),
    })
    expect((await slow.run('--rpc_response_timeout=1 host list')).stderr).toContain('did not answer in 1 s')
    answer()
    await slow.end()
  })
})

describe('the unexpected', () => {
  test('a bug in the command is one line, and the stack only with NETLOOM_DEBUG=1', async () => {
    bench.answers = { list_hosts: [null] }
    const plain = await bench.run('host list')
    expect(plain).toMatchObject({ status: 1, stdout: '' })
    expect(plain.stderr).toMatch(/^netloom: unexpected: .*\n$/)
    const debug = await bench.run('host list', { NETLOOM_DEBUG: '1' })
    expect(debug.stderr).toMatch(/\n {4}at /)
  })
})
