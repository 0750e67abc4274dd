/** Open vSwitch: what is read of it, and what it is told. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  type HostResource,
  type HostState,
  type LinkResource,
  type OvsFlowResource,
  type OvsPortResource,
  resourceKey,
  type Step,
  type StepVerb,
} from 'netloom/contracts'
import { RecordingLogger } from 'netloom/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { diffResources } from '../../../core/plan/diff.ts'
import { describeOperation } from '../../../drivers/host/describe-operation.ts'
import { LinuxHost } from '../../../drivers/host/linux/index.ts'
import { hostOperations } from '../../../drivers/host/linux/operations.ts'
import { ovsOperations, switchCommand } from '../../../drivers/host/linux/ovs-changes.ts'
import { dumpFlows, LIST_PORTS, lookAtOvs, parseFlows, parsePorts } from '../../../drivers/host/linux/ovs-look.ts'
import { refusals } from '../../../drivers/host/linux/refusals.ts'

const MAC = '02:6e:00:00:00:01'
const gateway: OvsPortResource = {
  ...{ kind: 'ovs-port', name: 'gw-1', bridge: 'br-int', internal: true, tag: 100, mtu: 1450 },
  externalIds: { 'iface-id': 'gw-1', 'attached-mac': MAC },
}
const gatewayLink: LinkResource = { kind: 'link', name: 'gw-1', type: 'internal', macAddress: MAC, mtu: 1450 }
const address = { kind: 'address', device: 'gw-1', cidr: '10.0.0.1/24' } as const
const guest: OvsPortResource = {
  kind: 'ovs-port',
  name: 'tap1',
  bridge: 'br-int',
  tag: 100,
  externalIds: { 'iface-id': 'x' },
}
const peer = { name: 'eth0', netns: 'guest1', macAddress: 'fa:16:3e:00:00:01' }
const guestLink: LinkResource = { kind: 'link', name: 'tap1', type: 'veth', peer }
const drop: OvsFlowResource = {
  kind: 'ovs-flow',
  bridge: 'br-int',
  priority: 1,
  match: [`dl_dst=${MAC}`],
  actions: 'drop',
}
const dhcp: OvsFlowResource = { ...drop, priority: 2, match: ['udp', `dl_dst=${MAC}`, 'tp_dst=67'], actions: 'normal' }

function state(
  ours: readonly HostResource[] = [],
  datapath: 'system' | 'netdev' = 'netdev',
  foreign: readonly HostResource[] = [],
): HostState {
  const entries = [...ours.map((r) => [r, true] as const), ...foreign.map((r) => [r, false] as const)]
  return {
    resources: new Map(entries.map(([resource, own]) => [resourceKey(resource), { resource, ours: own }])),
    namespaces: new Set(['guest1']),
    ovsBridges: new Map([['br-int', datapath]]),
  }
}

const step = (verb: StepVerb, resource: HostResource, owner = 'network:1'): Step => ({ verb, owner, resource })

function shown(steps: readonly Step[], there: HostState): readonly string[] {
  return hostOperations(steps, there).flatMap((operation) => [
    `${operation.phase}: ${describeOperation(operation)[0]}`,
    ...describeOperation(operation).slice(1),
  ])
}

const PORTS = [
  '{"data":[[["uuid","b1"],"br-int",["set",[["uuid","p1"],["uuid","p2"],["uuid","p0"]]],"netdev"],[["uuid","b2"],"br-ex",["uuid","p3"],""]],"headings":["_uuid","name","ports","datapath_type"]}',
  '{"data":[[["uuid","p1"],"gw-1",100,["uuid","i1"]],[["uuid","p2"],"tap1",["set",[]],["uuid","i2"]],[["uuid","p3"],"eth9",["set",[]],["set",[["uuid","i3"],["uuid","i4"]]]]],"headings":["_uuid","name","tag","interfaces"]}',
  '{"data":[[["uuid","i2"],"tap1","",["set",[]],["map",[]]],[["uuid","i1"],"gw-1","internal",1450,["map",[["attached-mac","02:6e:00:00:00:01"],["iface-id","gw-1"]]]],[["uuid","i3"],"eth9","",["set",[]],["map",[]]]],"headings":["_uuid","name","type","mtu_request","external_ids"]}',
].join('\n')

describe('looking at an Open vSwitch', () => {
  test('its bridges, ports and their ids', () => {
    expect(parsePorts(`${PORTS}\n`)).toEqual({
      bridges: new Map([
        ['br-int', 'netdev'],
        ['br-ex', 'system'],
      ]),
      resources: [
        gateway,
        { kind: 'ovs-port', name: 'tap1', bridge: 'br-int', externalIds: {} },
        { kind: 'ovs-port', name: 'eth9', bridge: 'br-ex', externalIds: {} },
      ],
    })
    expect(parsePorts('')).toEqual({ bridges: new Map(), resources: [] })
  })

  test('its flows', () => {
    const text = ` cookie=0x6e65746c6f6f6d, priority=1,dl_dst=${MAC} actions=drop\n cookie=0x6e65746c6f6f6d, priority=2,udp,dl_dst=${MAC},tp_dst=67 actions=NORMAL\n cookie=0x6e65746c6f6f6d, priority=0 actions=LOCAL,output:2\n\n`
    expect(parseFlows('br-int', text)).toEqual([
      drop,
      dhcp,
      { ...drop, priority: 0, match: [], actions: 'local,output:2' },
    ])
  })

  const log = new RecordingLogger()
  /** @returns what was run, and what was seen */
  async function look(wanted: readonly HostResource[], made: readonly HostResource[], failing: string[] = []) {
    const run: (readonly string[])[] = []
    const executor = {
      run: async ({ argv }: { readonly argv: readonly string[] }) => {
        run.push(argv)
        if (failing.includes(argv[0] ?? '')) throw new Error('database connection failed')
        return {
          code: 0,
          stdout: argv[0] === 'ovs-vsctl' ? PORTS : ` cookie=0x1, priority=1,dl_dst=${MAC} actions=drop\n`,
          stderr: '',
        }
      },
    }
    const { resources } = await lookAtOvs({ executor, logger: log }, wanted, made)
    return { run, seen: resources.map(resourceKey) }
  }

  test.each<[string, HostResource[], HostResource[], (readonly string[])[]]>([
    ['no process where nothing of it is wanted and nothing was made', [gatewayLink, address], [guestLink], []],
    ['one for ports that are wanted', [gateway, guest], [], [LIST_PORTS]],
    ['one for ports that were made before', [], [gateway], [LIST_PORTS]],
    ['one more for flows', [gateway, drop, dhcp], [drop], [LIST_PORTS, dumpFlows('br-int')]],
    ['none for flows of a bridge that is gone', [], [{ ...drop, bridge: 'br-old' }], [LIST_PORTS]],
  ])('%s', async (_what, wanted, made, run) => {
    expect((await look(wanted, made)).run).toEqual(run)
  })

  test('one that does not answer is taken to be as it was left, and that is said', async () => {
    const all = [resourceKey(gateway), resourceKey(drop)]
    expect((await look([guest], [gateway, drop], ['ovs-vsctl'])).seen).toEqual(all)
    expect((await look([], [gateway, drop], ['ovs-ofctl'])).seen).toEqual([
      'ovs-port gw-1',
      'ovs-port tap1',
      'ovs-port eth9',
      resourceKey(drop),
    ])
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(2)
  })
})

describe('changes of an Open vSwitch', () => {
  test.each<[string, Step[], HostState, string[]]>([
    [
      'all ports in one transaction, flows by one process; what the switch makes is used afterwards',
      [
        step('add', address),
        step('add', gatewayLink),
        step('add', gateway),
        step('add', drop),
        step('add', dhcp),
        step('add', guest, 'port:1'),
        step('add', guestLink, 'port:1'),
      ],
      state([], 'system'),
      [
        'bind: ip -force -batch -',
        '  link add name tap1 type veth peer name eth0 address fa:16:3e:00:00:01 netns guest1',
        'bind: ip -n guest1 -force -batch -',
        '  link set dev eth0 up',
        'bind: ip -force -batch -',
        '  link set dev tap1 up',
        `bind: ovs-vsctl --timeout=120 -- add-port br-int gw-1 -- set Port gw-1 tag=100 -- set Interface gw-1 type=internal mtu_request=1450 'external_ids:iface-id="gw-1"' 'external_ids:attached-mac="${MAC}"' -- add-port br-int tap1 -- set Port tap1 tag=100 -- set Interface tap1 'external_ids:iface-id="x"'`,
        'bind: ovs-ofctl --timeout=120 add-flows br-int -',
        `  add cookie=0x6e65746c6f6f6d,priority=1,dl_dst=${MAC},actions=drop`,
        `  add cookie=0x6e65746c6f6f6d,priority=2,udp,dl_dst=${MAC},tp_dst=67,actions=normal`,
        'bind: ip -force -batch -',
        `  link set dev gw-1 address ${MAC} mtu 1450 up`,
        '  address add 10.0.0.1/24 dev gw-1',
      ],
    ],
    [
      'a guest whose frames a process switches puts its checksums in itself',
      [step('add', guest, 'port:1'), step('add', guestLink, 'port:1')],
      state(),
      [
        'bind: ip -force -batch -',
        '  link add name tap1 type veth peer name eth0 address fa:16:3e:00:00:01 netns guest1',
        'bind: ip -n guest1 -force -batch -',
        '  link set dev eth0 up',
        'bind: ip netns exec guest1 ethtool -K eth0 tx off',
        'bind: ip -force -batch -',
        '  link set dev tap1 up',
        `bind: ovs-vsctl --timeout=120 -- add-port br-int tap1 -- set Port tap1 tag=100 -- set Interface tap1 'external_ids:iface-id="x"'`,
      ],
    ],
    [
      'what goes, before what comes',
      [step('add', guest, 'port:1'), step('remove', gateway), step('remove', address), step('remove', drop)],
      state([gateway, address, drop]),
      [
        'unbind: ip -force -batch -',
        '  address delete 10.0.0.1/24 dev gw-1',
        `bind: ovs-vsctl --timeout=120 -- --if-exists del-port gw-1 -- add-port br-int tap1 -- set Port tap1 tag=100 -- set Interface tap1 'external_ids:iface-id="x"'`,
        'bind: ovs-ofctl --timeout=120 add-flows br-int -',
        `  delete_strict cookie=0x6e65746c6f6f6d/-1,priority=1,dl_dst=${MAC}`,
      ],
    ],
    [
      'one with another tag keeps its traffic, one on another bridge moves',
      [step('change', { ...guest, tag: 200 }), step('change', { ...gateway, bridge: 'br-new', externalIds: {} })],
      state([guest, gateway]),
      [
        `bind: ovs-vsctl --timeout=120 -- set Port tap1 tag=200 -- set Interface tap1 'external_ids:iface-id="x"' -- --if-exists del-port gw-1 -- add-port br-new gw-1 -- set Port gw-1 tag=100 -- set Interface gw-1 type=internal mtu_request=1450`,
      ],
    ],
    [
      'a gateway with another address or size, or that is down, is made as wanted',
      [step('change', gatewayLink)],
      state([gateway], 'netdev', [{ ...gatewayLink, type: 'tap', macAddress: '52:00:00:00:00:01', mtu: 1500 }]),
      ['bind: ip -force -batch -', `  link set dev gw-1 address ${MAC} mtu 1450 up`],
    ],
  ])('%s', (_what, steps, there, expected) => {
    expect(shown(steps, there)).toEqual(expected)
  })

  test('a thousand ports are one process, and no process has more words than the kernel takes', () => {
    const steps = Array.from({ length: 2500 }, (_, i) => step('add', { ...guest, name: `tap${i}` }))
    const operations = ovsOperations(steps, state(), 0)
    expect(operations).toHaveLength(3)
    for (const operation of operations) expect(describeOperation(operation).join('').length).toBeLessThan(500_000)
    expect(operations[0]).toMatchObject({ timeoutMs: 605_000 })
  })

  test('any value is one word, and means itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const [operation] = ovsOperations([step('add', { ...guest, externalIds: { 'iface-id': value } })], state(), 1)
        const argv = operation?.kind === 'switch' ? switchCommand(operation.argv, operation.changes).argv : []
        expect(argv.slice(0, -1)).toEqual([
          'ovs-vsctl',
          '--timeout=1',
          '--',
          'add-port',
          'br-int',
          'tap1',
          '--',
          'set',
          'Port',
          'tap1',
          'tag=100',
          '--',
          'set',
          'Interface',
          'tap1',
        ])
        const [, quoted = ''] = /^external_ids:iface-id=(.*)$/s.exec(argv.at(-1) ?? '') ?? []
        expect(JSON.parse(quoted)).toBe(value)
      }),
    )
  })
})

describe('what is not tried', () => {
  test.each<[string, HostResource, HostState, RegExp]>([
    [
      'a port of a bridge that is not there',
      { ...gateway, bridge: 'br-x' },
      state(),
      /^the Open vSwitch bridge br-x is not there.*`ovs-vsctl add-br br-x`.*linuxnet_ovs_integration_bridge$/,
    ],
    ['a flow of one', { ...drop, bridge: 'br-x' }, state(), /bridge br-x is not there/],
    [
      'a port that others made',
      gateway,
      state([], 'netdev', [{ ...gateway, tag: 7 }]),
      /^port gw-1 of br-int is there and is another: netloom did not make it.*`ovs-vsctl del-port gw-1`/,
    ],
    ['a name that is an option', { ...guest, name: '--id=@x' }, state(), /"--id=@x"/],
    ['a bridge that is another command', { ...guest, bridge: '--' }, state(), /"--"/],
    ['an id with a line end', { ...guest, externalIds: { 'iface-id': 'x\ny' } }, state(), /"x\\ny"/],
    ['an id of no name', { ...guest, externalIds: { 'a=b': 'x' } }, state(), /"a=b"/],
    ['a field that is two', { ...drop, match: ['udp,actions=flood'] }, state(), /"udp,actions=flood"/],
    ['a field with a line end', { ...drop, match: ['udp\nadd priority=9'] }, state(), /priority=9/],
  ])('%s', (_what, resource, there, message) => {
    expect(refusals([step('add', resource)], there).map((failure) => failure.message)).toEqual([
      expect.stringMatching(message),
    ])
  })

  test('all else is; the first of it waits for a look, and all where it does not answer', () => {
    const { ovsBridges: _, ...unseen } = state()
    const steps = [step('change', gateway), step('add', guest), step('add', drop), step('add', dhcp)]
    expect(refusals(steps, state([gateway]))).toEqual([])
    expect(refusals([step('add', gateway)], { ...unseen, ovsBridges: null })).toEqual([
      { owner: 'network:1', message: expect.stringMatching(/^Open vSwitch does not answer/) },
    ])
    expect(diffResources([{ owner: 'network:1', resource: gateway }], unseen)).toMatchObject({
      steps: [],
      waiting: [{ owner: 'network:1', text: 'port gw-1 of br-int with tag 100 waits for a look at Open vSwitch' }],
    })
  })
})

describe('the difference', () => {
  test.each<[string, HostResource, HostResource, string[]]>([
    [
      'none when only others know more of it',
      gateway,
      { ...gateway, externalIds: { ...gateway.externalIds, vm: 'x' } },
      [],
    ],
    ['none of a size that is not ours to say', { ...guest }, { ...guest, mtu: 9000 }, []],
    ['another tag', gateway, { ...gateway, tag: 200 }, ['change ovs-port gw-1']],
    [
      'a tag that is none',
      { ...gateway, tag: 100 },
      (({ tag: _, ...rest }) => rest)(gateway),
      ['change ovs-port gw-1'],
    ],
    ['another bridge', gateway, { ...gateway, bridge: 'br-old' }, ['change ovs-port gw-1']],
    ['another id', gateway, { ...gateway, externalIds: { 'iface-id': 'gw-2' } }, ['change ovs-port gw-1']],
    ['another deed', drop, { ...drop, actions: 'normal' }, [`change ovs-flow br-int 1 dl_dst=${MAC}`]],
    ['none in the order of fields', dhcp, { ...dhcp, match: dhcp.match.toReversed() }, []],
    ['none of an internal device, which is a tap to the kernel', gatewayLink, { ...gatewayLink, type: 'tap' }, []],
    [
      'its MAC address',
      gatewayLink,
      { ...gatewayLink, type: 'tap', macAddress: '52:00:00:00:00:01' },
      ['change link gw-1'],
    ],
    ['that it is down', gatewayLink, { kind: 'link', name: 'gw-1', type: 'tap', down: true }, ['change link gw-1']],
  ])('%s', (_what, wanted, there, expected) => {
    const { steps } = diffResources([{ owner: 'network:1', resource: wanted }], state([], 'netdev', [there]))
    expect(steps.map(({ verb, resource }) => `${verb} ${resourceKey(resource)}`)).toEqual(expected)
  })
})

describe('a host with an Open vSwitch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-ovs-host-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const LINKS = '[{"ifname":"gw-1","flags":["UP"],"mtu":1450,"addr_info":[{"local":"10.0.0.1","prefixlen":24}]}]'
  let ports = ''
  let answer = { code: 0, stderr: '' }
  let run: (readonly string[])[] = []
  const executor = {
    async run({ argv }: { readonly argv: readonly string[] }) {
      if (argv.includes('list')) return { code: 0, stdout: ports, stderr: '' }
      if (argv[0] === 'ip') return { code: 0, stdout: argv.includes('show') ? LINKS : '', stderr: '' }
      run.push(argv)
      return { ...answer, stdout: '' }
    },
  }
  const open = () => new LinuxHost({ executor, logger: new RecordingLogger(), networksPath: folder, boot: 'now' })
  const passing = async (host: LinuxHost, steps: readonly Step[], wanted: readonly HostResource[] = []) => {
    run = []
    const there = await host.observe(wanted)
    return host.run(host.operations(steps, there), steps)
  }

  test('a device that is still there without its port is not there', async () => {
    ports = PORTS
    const host = open()
    expect([...(await host.observe([gateway])).resources.keys()]).toContain('address 10.0.0.1/24 gw-1')
    ports = PORTS.replaceAll('"gw-1"', '"gw-2"')
    const { resources } = await host.observe([gateway])
    expect([...resources.keys()].filter((key) => key.includes('gw-1'))).toEqual([])
    host.close()
  })

  test('what is refused of one owner is not done in the transaction of others', async () => {
    ports = PORTS
    answer = { code: 0, stderr: '' }
    const host = open()
    const steps = [
      step('change', { ...gateway, tag: 7 }, 'network:9'),
      step('add', { ...guest, name: 'tap5' }, 'port:1'),
    ]
    const failures = await passing(host, steps, [guest])
    expect(failures).toEqual([{ owner: 'network:9', message: expect.stringContaining('netloom did not make it') }])
    expect(run.flat().filter((word) => /^(gw|tap)/.test(word))).toEqual(['tap5', 'tap5', 'tap5'])
    host.close()
  })

  test.each<[string, typeof answer, RegExp, boolean]>([
    [
      'failed: nothing was made, so nothing is ours',
      { code: 1, stderr: 'port named tap6 already exists' },
      /already exists/,
      false,
    ],
    [
      'went well but for a device: it is there, and ours',
      { code: 0, stderr: "Error detected while setting up 'tap6'" },
      /setting up/,
      true,
    ],
  ])('a transaction that %s', async (_what, how, message, recorded) => {
    ports = PORTS
    answer = how
    const host = open()
    const failures = await passing(host, [step('add', { ...guest, name: 'tap6' }, 'port:1')])
    expect(failures).toEqual([{ owner: 'port:1', message: expect.stringMatching(message) }])
    host.close()
    expect(
      readFileSync(join(folder, 'ledger'), 'utf8')
        .split('\n')
        .filter((line) => line.includes('tap6'))
        .at(-1),
    ).toMatch(recorded ? /^\+/ : /^- ovs-port tap6$/)
  })
})
