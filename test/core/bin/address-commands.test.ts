import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Json, JsonObject } from 'netloom/contracts'
import { aNetwork, anInstance, aVirtualInterface, macOf, uuidOf } from 'netloom/testing'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { buildNetworkInfo } from '../../../core/network/network-info-builder.ts'
import { type CommandBench, makeCommandBench } from './command-bench.ts'
import { INSTANCE, instance, UUID } from './samples.ts'

let bench: CommandBench
beforeAll(async () => {
  bench = await makeCommandBench('node1')
})
afterAll(() => bench.end())

const vif = { ...aVirtualInterface(), network_uuid: UUID }
const info = buildNetworkInfo(
  anInstance({
    virtual_interfaces: [
      { ...vif, network_uuid: uuidOf(1001), fixed_ips: [{ address: '10.0.0.2', floating_ips: [] }] },
    ],
  }),
  [aNetwork({ injected: true })],
  [],
  { dhcp: false, shouldCreateBridge: false, ipv6Backend: 'rfc2462' },
)

interface Case {
  readonly line: string
  readonly answers?: Readonly<Record<string, unknown>>
  readonly calls: readonly (readonly [method: string, args: JsonObject])[]
  readonly stdout?: RegExp
  readonly stderr?: RegExp
  readonly status?: number
}

const cases: readonly Case[] = [
  {
    line: '--as-project acme floating release 203.0.113.5 --affect-auto-assigned',
    calls: [['deallocate_floating_ip', { address: '203.0.113.5', project_id: 'acme', affect_auto_assigned: true }]],
    stderr: /^floating IP 203.0.113.5 released\n$/,
  },
  {
    line: 'floating associate 203.0.113.5 10.0.0.3 --affect-auto-assigned',
    calls: [
      [
        'associate_floating_ip',
        { floating_address: '203.0.113.5', fixed_address: '10.0.0.3', affect_auto_assigned: true },
      ],
    ],
    stderr: /leads to 10.0.0.3\n$/,
  },
  {
    line: `instance add-fixed-ip ${INSTANCE} ${UUID}`,
    answers: { add_fixed_ip_to_instance: info },
    calls: [['add_fixed_ip_to_instance', { instance_uuid: INSTANCE, network_uuid: UUID }]],
    stdout: /private {2}10\.0\.0\.2/,
  },
  {
    line: `instance remove-fixed-ip ${INSTANCE} 10.0.0.3`,
    answers: { remove_fixed_ip_from_instance: info },
    calls: [['remove_fixed_ip_from_instance', { instance_uuid: INSTANCE, address: '10.0.0.3' }]],
    stdout: /private {2}10\.0\.0\.2/,
  },
  {
    line: `vif list ${INSTANCE}`,
    answers: { get_vifs_by_instance: [vif] },
    calls: [['get_vifs_by_instance', { instance_uuid: INSTANCE }]],
    stdout: new RegExp(`^MAC .*\n${macOf(1)} .*${UUID}  -       -\n$`),
  },
  {
    line: `vif show ${macOf(1)}`,
    answers: { get_vif_by_mac_address: vif },
    calls: [['get_vif_by_mac_address', { mac_address: macOf(1) }]],
    stdout: /address +fa:16:3e:00:00:01\n/,
  },
  {
    line: `vif show ${macOf(2)}`,
    calls: [['get_vif_by_mac_address', { mac_address: macOf(2) }]],
    stderr: /no virtual interface has MAC address fa:16:3e:00:00:02/,
    status: 3,
  },
  { line: `instance show ${INSTANCE} --format yaml`, calls: [], stderr: /Allowed choices/, status: 2 },
  { line: `instance show ${INSTANCE} --output there`, calls: [], stderr: /--output is for files/, status: 2 },
]

test.each(cases.map((entry) => [entry.line, entry] as const))('netloom %s', async (line, entry) => {
  bench.answers = (entry.answers ?? {}) as Readonly<Record<string, Json>>
  const { calls, status, stdout, stderr } = await bench.run(line)
  expect(calls.map(({ method, args }) => [method, args])).toEqual(entry.calls)
  expect(status).toBe(entry.status ?? 0)
  expect(stdout).toMatch(entry.stdout ?? /^$/)
  expect(stderr).toMatch(entry.stderr ?? /^$/)
})

test('instance show prints a guest’s configuration, or writes it to a folder', async () => {
  bench.answers = { get_instance_nw_info: info as unknown as Json, get_instance: instance }
  const folder = await mkdtemp(join(tmpdir(), 'nlseed-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const show = `instance show ${INSTANCE} --format`
  expect((await bench.run(`${show} interfaces`)).stdout).toMatch(/^auto lo\n.*address 10\.0\.0\.2\n/s)
  expect((await bench.run(`${show} nocloud`)).stdout).toMatch(/^==> meta-data <==\n\{/)
  const files = JSON.parse((await bench.run(`${show} nocloud --json`)).stdout)
  const seed = join(folder, 'new', 'seed')
  const { stdout } = await bench.run(`${show} nocloud --output ${seed}`)
  const names = ['meta-data', 'network-config', 'user-data']
  expect(stdout.trim().split('\n')).toEqual(names.map((name) => join(seed, name)))
  for (const name of names) expect(await readFile(join(seed, name), 'utf8')).toBe(files[name])
})
