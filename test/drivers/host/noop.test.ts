import { describe, expect, it } from 'vitest'
import { type HostResource, type Logger, resourceKey } from '../../../core/contracts/index.ts'
import { diffResources } from '../../../core/plan/diff.ts'
import { NoopHost } from '../../../drivers/host/noop.ts'

const wanted: readonly HostResource[] = [
  { kind: 'link', name: 'br100', type: 'bridge', macAddress: '02:6e:00:00:00:01', mtu: 1400 },
  { kind: 'link', name: 'eth1', type: 'existing', master: 'br100' },
  {
    kind: 'link',
    name: 'tap1',
    type: 'veth',
    master: 'br100',
    hairpin: true,
    peer: { name: 'eth0', netns: 'guest1', macAddress: 'fa:16:3e:00:00:01' },
  },
  { kind: 'address', device: 'br100', cidr: '10.0.0.1/24' },
  { kind: 'sysctl', key: 'net.ipv4.ip_forward', value: '1' },
  { kind: 'file', path: '/n/conf', content: 'a', mode: 0o644, reloads: 'd' },
  { kind: 'daemon', name: 'd', argv: ['d'], environment: {}, pidFile: '/n/pid' },
]

function noop() {
  const lines: unknown[] = []
  const silent = () => undefined
  const logger: Logger = { debug: (_, fields) => lines.push(fields?.line), info: silent, warn: silent, error: silent }
  return { host: new NoopHost(logger), lines }
}

async function makeSo(host: NoopHost, resources: readonly HostResource[]) {
  const state = await host.observe(resources)
  const unwanted = new Map([...state.resources.keys()].map((key) => [key, 'o']))
  for (const resource of resources) unwanted.delete(resourceKey(resource))
  const { steps, waiting } = diffResources(
    resources.map((resource) => ({ owner: 'o', resource })),
    state,
    unwanted,
  )
  await host.run(host.operations(steps, state), steps)
  return { steps: steps.length, waiting: waiting.length }
}

describe('the simulated host', () => {
  it('looks afterwards as it was told to, and twice is once', async () => {
    const { host } = noop()
    expect(await makeSo(host, wanted)).toEqual({ steps: wanted.length, waiting: 0 })
    expect(await makeSo(host, wanted)).toEqual({ steps: 0, waiting: 0 })
    await makeSo(host, [])
    const left = await host.observe([])
    expect([...left.resources.keys()]).toEqual(['link eth1', 'sysctl net.ipv4.ip_forward'])
  })

  it('prints the rules that it was given, for the commands that would read them', async () => {
    const { host } = noop()
    const reads = [{ argv: ['iptables-save', '-c'] }, { argv: ['ip6tables-save', '-c'] }] as const
    expect(await host.read(reads)).toEqual(['', ''])
    await host.run([{ kind: 'ruleset', owners: [], commands: [], reads, after: ['four', 'six'] }], [])
    expect(await host.read([reads[1], reads[0]])).toEqual(['six', 'four'])
  })

  it('records what would have been run, and tells the log', async () => {
    const { host, lines } = noop()
    await makeSo(host, wanted.slice(0, 1))
    expect(host.operationsRun.map(({ kind }) => kind)).toEqual(['batch'])
    expect(lines).toEqual([
      'ip -force -batch -',
      '  link add name br100 type bridge forward_delay 0 stp_state 0',
      '  link set dev br100 address 02:6e:00:00:00:01 mtu 1400 up',
    ])
  })

  it('lacks no program', () => expect(noop().host.missingPrograms()).toEqual([]))
})
